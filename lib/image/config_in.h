/* SPDX-License-Identifier: MIT
 * Inside of config*.c: one setting each, into the "config" object of an image's config. All return
 * 0, or -1 with `err` set (invalid).
 */
#ifndef TACKLE_CONFIG_IN_H
#define TACKLE_CONFIG_IN_H

#include "base/json.h"

/* The member, made as an empty object where it is missing. Borrowed. */
json_t *config_object_in(json_t *parent, const char *key);
/* A string as JSON; NULL with `err` set for what is not UTF-8. New reference. */
json_t *config_text(const char *option, const char *s);
/* A JSON list of words; NULL with `err` set. New reference. */
json_t *config_words_json(const char *option, const char *s);

int config_set_env(json_t *config, const char *word); /* NAME=VALUE */
int config_set_label(json_t *config, const char *word);
int config_set_expose(json_t *config, const char *word); /* 80, 53/udp, 8000-8010 */
int config_set_volume(json_t *config, const char *path);

#endif
