/* SPDX-License-Identifier: MIT
 * Between the files of COPY and ADD.
 */
#ifndef BUILD_COPYING_H
#define BUILD_COPYING_H

#include "build.h"

struct copying {
	bool add;
	const char *from; /* a stage or an image; NULL: the context */
	struct source source;
	struct tree tree; /* of a stage or an image */
	struct state state;
	struct items items;
	struct buf sum; /* of them */
	struct buf words; /* of the instruction, one told from the next */
	struct dfile_ignore *exclude;
	struct owner owner;
	bool own; /* --chown */
	const char *chmod; /* --chmod; NULL: none */
	char *dest; /* absolute */
	bool into; /* it is a directory for sure */
	bool link; /* --link */
	bool unpack_local, unpack_fetched; /* archives that lie in the context, or behind an URL */
};

/* Puts it all into the tree. */
int copy_into(struct copying *c, struct tree *t);

/* --link (copy_link.c): the directories above what was copied get times that say nothing of when
 * that was. */
int link_times(const struct copying *c, const struct tree *t);
/* Makes a layer that was made upon another image one of this one: its chain changes. 1: done, 0:
 * the blob in the store is not that layer any more, -1 with `err` set. */
int link_place(struct build *b, const struct state *st, struct build_layer *l);

#endif
