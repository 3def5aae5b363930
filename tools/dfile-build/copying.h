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
	struct dfile_ignore *exclude;
	struct owner owner;
	bool own; /* --chown */
	const char *chmod; /* --chmod; NULL: none */
	char *dest; /* absolute */
	bool into; /* it is a directory for sure */
};

/* Puts it all into the tree. */
int copy_into(struct copying *c, struct tree *t);

#endif
