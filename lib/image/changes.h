/* SPDX-License-Identifier: MIT
 * What changed in a tree: the list that a layer tar is written from, and that `docker diff` prints.
 */
#ifndef TACKLE_CHANGES_H
#define TACKLE_CHANGES_H

#include "image/layer.h"

#include <sys/stat.h>

struct change {
	size_t path; /* offset of the path in the text, "" for the top */
	/* 'A', 'C', 'D', or 'U': unchanged, but a name of a file with several, one of which may
	 * have changed. */
	char kind;
	bool opaque; /* a directory that hides what lies below it */
	/* Below a directory that hides it already: no whiteout of its own. */
	bool hidden;
	dev_t dev;
	ino_t ino; /* of a file with several names, else 0 */
};

/* Sorted by name, directories before what is in them. Start from {0}. */
struct changes {
	struct change *v;
	size_t n, cap;
	char *text;
	size_t len, text_cap;
	size_t n_real; /* without those of kind 'U' */
};

/* Walks the tree of `how` and lists what changed; what cannot lie in a tar is counted in r. Returns
 * 0, or -1 with `err` set. */
int changes_find(const struct layer_diff *how, struct layer_result *r, struct changes *c);
void changes_free(struct changes *c);
/* Notes what was left out, and why (the first time). */
void changes_left_out(struct layer_result *r, const char *path, const char *why);

#endif
