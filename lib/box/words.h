/* SPDX-License-Identifier: MIT
 * What Docker calls the options of a container, and the document that they make: the body of
 * `POST /containers/create` (Docker Engine API 1.41). A box is made of such a document, whether
 * options or a client of the API wrote it, so that both mean the same.
 */
#ifndef TACKLE_BOX_WORDS_H
#define TACKLE_BOX_WORDS_H

#include "base/json.h"
#include "base/opt.h"

/* More than there are words; the table of a tool has room for its own beside them. */
#define BOX_WORDS_MAX 112

/* What was given, by the place in the table: flags, and the values of the others in order. */
struct box_words {
	bool flag[BOX_WORDS_MAX];
	struct strlist value[BOX_WORDS_MAX];
};

/* Fills rows with the options of box-create, which store into w, `own` rows of the tool behind
 * them, and the end. rows has BOX_WORDS_MAX places. */
void box_words_options(struct box_words *w, const struct opt *own, struct opt *rows);
/* The same, only those of limits (box-update). */
void box_words_limits(struct box_words *w, const struct opt *own, struct opt *rows);
/* The document that they mean, with IMAGE and COMMAND (NULL: the image's). New reference, NULL with
 * `err` set (invalid) naming the option. */
json_t *box_words_document(const struct box_words *w, const char *image, char **command);
/* Appends them again as words of a command line, "--name=web". The strings are allocated. */
void box_words_again(const struct box_words *w, struct strlist *argv);

/* Whether nobody is to stay with the box. */
bool box_words_detach(const struct box_words *w);

/* Makes room for a value in a document: the object of "HostConfig.LogConfig.Config", made where it
 * is missing. Borrowed. `last` is the part behind the last dot. */
json_t *box_place(json_t *doc, const char *path, const char **last);

/* One option's value put into the document at `path`. Returns 0, or -1 with `err` set. */
typedef int box_put_fn(json_t *doc, const char *path, const char *value);
/* Those with a form of their own (words_put.c). */
box_put_fn box_put_entrypoint, box_put_env, box_put_env_file, box_put_label, box_put_label_file,
	box_put_publish, box_put_expose, box_put_mount, box_put_volume, box_put_tmpfs,
	box_put_device, box_put_ulimit, box_put_restart, box_put_health, box_put_no_health,
	box_put_rate, box_put_network, box_put_endpoint, box_put_endpoint_list;

#endif
