/* SPDX-License-Identifier: MIT
 * Inside the layer: what the files that apply one share. layer_apply.c takes the entries from the
 * tar, layer_place.c finds where they go, layer_make.c makes them, layer_whiteout.c takes away,
 * layer_lower.c looks into the layers below, layer_complete.c does what comes last.
 */
#ifndef TACKLE_LAYER_IN_H
#define TACKLE_LAYER_IN_H

#include "door/bulk.h"
#include "image/layer.h"
#include "image/names.h"
#include "image/tar_read.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#define WHITEOUT ".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META ".wh..wh."
#define DEFAULT_ACL "system.posix_acl_default"

/* A directory that this layer made or describes. Its mode and times are set when all is in it. */
struct layer_dir {
	uint64_t ino;
	mode_t mode;
	struct timespec mtime;
	bool implied; /* has no entry of its own: only the parent of one */
	bool untouched; /* the top, which stays as the caller made it unless something says
			   otherwise */
	void *acl; /* its default ACL, which what is made in it must not inherit */
	size_t acl_len;
};

struct layer_link {
	char *path, *target;
};

/* What outlives layer_apply() when it is completed later. */
struct layer_todo {
	struct names dirs; /* their paths; numbers are indices of dir */
	struct layer_dir *dir;
	size_t dir_cap;
	struct layer_link *link; /* hard links whose target was not there */
	size_t n_link, link_cap;
	struct names whiteouts; /* that were made: those that hide nothing go again */
	bool root_opaque;
	struct bulk bulk;
};

/* An open directory. Belongs to the cache: valid for the entry at hand. */
struct place {
	int fd;
	uint64_t ino;
	gid_t gid; /* what is made in it belongs to this group */
};

#define PLACES 8

struct apply {
	const struct layer_apply *how;
	struct layer_result *r;
	struct layer_todo *todo;
	const char *name; /* of the entry at hand, for messages */
	struct timespec mtime; /* of the entry at hand: parents that it implies get it */
	dev_t dev;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	/* The directory was empty: all that is there now was made by this layer. Otherwise `made`
	 * remembers what was, as the inode number of the parent and the name. */
	bool fresh;
	struct names made;
	struct names touched; /* directories whose ancestors were noted there */
	/* The parents used last. Most entries go where the one before went. */
	struct {
		char *path;
		size_t len;
		struct place place;
		uint64_t used;
	} places[PLACES];
	uint64_t clock;
	bool stale; /* a directory or symlink went: forget the places before the next entry */
};

/* Where an entry goes: its clean path ("" for the top), the parent's place, the last part. */
struct target {
	char path[PATH_MAX];
	struct place place;
	const char *base; /* points into path */
};

/* ---- layer_place.c ---- */

/* Cleans a name as Go's filepath.Clean does: no "." and "//", ".." taken back, leading slashes off.
 * Returns 0, or -1 with `err` set when it is too long or begins with "..". */
int layer_clean(const char *name, char out[PATH_MAX]);
/* Opens the parent of t->path; `make` makes what is missing of it. Returns 0, or -1 with `err` set,
 * or with !make errno ENOENT. */
int layer_parent(struct apply *a, struct target *t, bool make);
/* Remembers an open directory for the entries that will follow. Takes the descriptor. */
void layer_keep_place(struct apply *a, const char *path, int fd, const struct stat *sb);
void layer_forget_places(struct apply *a);
/* Notes a directory. Returns 0, or -1 with `err` set when there are too many. */
int layer_note_dir(struct apply *a, const char *path, size_t len, const struct layer_dir *d);
/* Notes that this layer made `base`. */
int layer_note_made(struct apply *a, const struct place *p, const char *base);
bool layer_made(const struct apply *a, uint64_t ino, const char *base);
/* Notes what was left out, and why (the first time). */
void layer_left_out(struct layer_result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "cannot VERB NAME: strerror": -1. */
int layer_failed(const struct apply *a, const char *call, const char *verb);

/* ---- layer_make.c ---- */

int layer_make(
	struct apply *a, struct tar_reader *tar, const struct tar_entry *e, struct target *t);
/* Removes what is at the target. *whiteout says whether that was one; NULL: it is not for a
 * directory that room is made. */
int layer_clear(struct apply *a, const struct target *t, bool *whiteout);
/* Sets an attribute; what this file system or user cannot is left out with a warning. */
int layer_set_xattr(struct apply *a, int dir, const char *name, const struct tar_xattr *x);
/* Makes a hard link to the clean path to->path. Returns 1, 0 when that is not in this layer, -1. */
int layer_link(struct apply *a, struct target *t, struct target *to);

/* ---- layer_whiteout.c ---- */

int layer_make_opaque(struct apply *a, int dir);
/* Applies the whiteout t, whose base is ".wh.NAME". */
int layer_whiteout(struct apply *a, struct target *t);
/* The same for a name without the prefix. */
int layer_hide(struct apply *a, const struct target *t);

/* ---- layer_lower.c ---- */

/* Finds what the layers below show at a path, as overlay does: topmost first, whiteouts and opaque
 * directories (of this layer too) hide what is under them. *dir is its parent's descriptor, the
 * caller's. Returns 1, 0 when there is nothing, -1 with `err` set. */
int layer_find_lower(const struct apply *a, const char *path, int *dir, struct stat *sb);
/* Copies what is found at t->path in the layers below into this one. Returns as above. */
int layer_copy_up(struct apply *a, struct target *t);
/* Gives an open directory of this layer the owner and attributes of another, and notes that one's
 * mode and time in d. */
int layer_inherit(struct apply *a, int fd, int from, struct layer_dir *d);

/* ---- layer_complete.c ---- */

/* Hard links that waited, what parents inherit, whiteouts that hide nothing, then the modes and
 * times of all directories; tells the whole. `known`: how->lower are all the layers below. Returns
 * 0, or -1 with `err` set. */
int layer_finish(struct apply *a, bool known);

#endif
