/* SPDX-License-Identifier: MIT
 * Inside box-cp: main.c reads the command line, place.c finds what a path means, on the host or in
 * a box, pass.c moves the files.
 */
#ifndef BOX_CP_H
#define BOX_CP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* What a path means: a name in an open directory, which may not be there yet. */
struct place {
	const char *path; /* as it was given */
	const char *box; /* what the box is called; NULL: on the host */
	int dir; /* O_PATH; -1 in a dry run */
	char name[NAME_MAX + 1]; /* "": the directory itself, that is all that is in it */
	char last[NAME_MAX + 1]; /* of the path that was given: what a copy of it is called */
	bool exists;
	bool slash; /* it was given with a slash behind: only a directory will do */
	struct stat sb; /* when it exists */
};

/* Finds it below `root`, with symlinks taken as a process with that root would take them; -1: on
 * the host. A symlink at the end is followed when `follow`. p->path and p->box are set. Returns 0,
 * or -1 with `err` set: not-found when the directory it lies in is not there. */
int place_find(struct place *p, int root, bool follow);
/* Fails unless it exists. */
int place_need(const struct place *p);
/* What it is, as the API's X-Docker-Container-Path-Stat says it: appends a JSON object. -1 with
 * `err` set when it is not there. */
struct buf;
int place_show(const struct place *p, struct buf *out);

struct pass {
	struct place from, to; /* one of each: path "-" for a tar on a standard stream */
	int user; /* the user namespace of the box, in which its side works; -1: ours */
	bool keep_owners;
	bool keep_kinds; /* of a tar too: directories stay directories, and nothing else becomes one
			  */
	const dev_t *mounts; /* volumes of the box, which are copied as well */
	size_t n_mounts;
};
/* Moves the files. Returns 0, or -1 with `err` set. */
int pass_run(struct pass *p);

#endif
