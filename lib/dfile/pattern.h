/* SPDX-License-Identifier: MIT
 * One pattern of .dockerignore. Pure.
 */
#ifndef TACKLE_DFILE_PATTERN_H
#define TACKLE_DFILE_PATTERN_H

#include <stdbool.h>

struct pattern;

/* `text` is a clean path. Returns a new object, or NULL with `err` set (invalid). */
struct pattern *pattern_new(const char *text, bool brings_back);
void pattern_free(struct pattern *p);
bool pattern_brings_back(const struct pattern *p);
/* Not for two threads at a time: a pattern has the room for its own work.
 * Whether it matches the path or a directory above it. */
bool pattern_matches(struct pattern *p, const char *path);
/* Whether it may match something below the directory. */
bool pattern_may_match_below(struct pattern *p, const char *dir);

#endif
