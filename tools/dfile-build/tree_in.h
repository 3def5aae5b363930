/* SPDX-License-Identifier: MIT
 * Between the files of tree*.c.
 */
#ifndef BUILD_TREE_IN_H
#define BUILD_TREE_IN_H

#include "build.h"

#include <time.h>

/* A place that was made to mount something there. */
struct stub {
	char *path; /* below the root, without symlinks */
	bool directory;
	struct timespec before, after; /* when its parent was changed last, without and with it */
};

/* Takes the mount points out of the upper directory again, and what was only touched for them. */
void tree_remove_stubs(const struct tree *t);

#endif
