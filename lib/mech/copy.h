/* SPDX-License-Identifier: MIT
 * Copies files one by one, with everything they are: mode, owner, times, attributes, holes, hard
 * links among themselves. Never through a symlink on the side that is written.
 */
#ifndef TACKLE_COPY_H
#define TACKLE_COPY_H

#include "door/bulk.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* One run of copying into one tree. Start from {0} with `to`, `shown` and `owners` set. */
struct copy {
	int to; /* the tree's root directory, stays the caller's */
	const char *shown; /* its name in messages */
	bool owners; /* keep owners; where the kernel refuses one, `warning` says so */
	struct bulk done; /* counted here */
	char warning[256]; /* the first thing that could not be kept, "" when nothing was lost */
	void *links; /* the files with several names that were copied already */
};
/* Frees what the run remembers. */
void copy_end(struct copy *c);

/* A file to copy: where it is read, and what fstatat(2) says of it. */
struct copy_source {
	int root; /* open directory */
	const char *shown; /* its name in messages */
	const char *path; /* below it; no part but the last is a symlink */
	const struct stat *sb;
};

/* Makes `name` in the directory `dir` of the tree, which must not have it: a file, symlink, device,
 * fifo or socket. `path` is its path below the tree's root. Devices that the caller may not make
 * are left out, with a warning. Returns 0, or -1 with `err` set. */
int copy_file(
	struct copy *c, const struct copy_source *s, int dir, const char *name, const char *path);
/* Gives an open directory of the tree the attributes of s: after all that goes into it, for that
 * would change its times. Attributes named trusted.overlay.* and user.overlay.* are never copied.
 */
int copy_dir_attributes(struct copy *c, const struct copy_source *s, int fd, const char *path);

#endif
