/* SPDX-License-Identifier: MIT
 * A layer upon an image, or changed settings, become a new image.
 */
#ifndef TACKLE_COMMIT_H
#define TACKLE_COMMIT_H

#include "base/opt.h"
#include "image/import.h"

struct commit {
	int fd; /* the layer's tar, in any compression; -1: only settings change; the caller's */
	const char *shown; /* its name in messages */
	const char *parent; /* as people name images; NULL: the layer stands on nothing */
	const char *name; /* full reference, NULL: none */
	const char *author, *created_by, *comment; /* for the history; NULL: nothing */
	struct platform platform; /* without a parent */
	const struct strlist *changes; /* see config_words() */
};

/* Reads the tar once, as image_import() does, and completes it by the parent's layers, which must
 * be unpacked. The store is prepared already. */
int image_commit(struct store *s, const struct commit *how, struct imported *out);

#endif
