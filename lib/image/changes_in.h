/* SPDX-License-Identifier: MIT
 * Inside the search for changes: changes.c keeps the list and the names of a directory,
 * changes_upper.c walks the upper directory of an overlay, changes_trees.c compares two trees.
 */
#ifndef TACKLE_CHANGES_IN_H
#define TACKLE_CHANGES_IN_H

#include "base/buf.h"
#include "image/changes.h"
#include "image/lower.h"
#include "image/xattrs.h"

struct walk {
	const struct layer_diff *how;
	struct layer_result *r;
	struct changes *c;
	struct buf path; /* of what is looked at, "" for the top */
	dev_t dev;
	struct lowers lowers;
	struct xattrs xa, xb; /* at hand */
};

/* The names in a directory, sorted as bytes. */
struct listing {
	char **v;
	size_t n, cap;
};
int listing_read(struct listing *l, int fd);
void listing_add(struct listing *l, const char *name);
void listing_sort(struct listing *l);
void listing_free(struct listing *l);

/* "cannot VERB PATH: strerror": -1. */
int walk_failed(const struct walk *w, const char *verb);
/* Opens the directory at w->path below root, without any symlink on the way. */
int walk_open(const struct walk *w, int root);
/* Adds a part to w->path. Returns the length before, for walk_up(). */
size_t walk_down(struct walk *w, const char *name);
void walk_up(struct walk *w, size_t len);
/* Adds w->path to the list. */
struct change *walk_note(struct walk *w, char kind, const struct stat *sb);
/* Takes the last one off again. */
void walk_unnote(struct walk *w);
/* Whether what is at w->path can lie in a layer; if not it is counted as left out. */
bool walk_fits(struct walk *w, const char *name, const struct stat *sb);

/* What is known of all that lies in a directory of an upper. */
struct within {
	bool hidden; /* what the layers below have there is no longer seen */
	bool fresh; /* they have nothing there: nobody has to look */
};
int walk_upper(struct walk *w, struct within in);
int walk_trees(struct walk *w);
int walk_whole(struct walk *w);
/* Takes off the list what does not count (changes_except.c). */
int walk_except(struct walk *w);

#endif
