/* SPDX-License-Identifier: MIT
 * The tree that a box sees, for those who read and write in it from outside. Whoever runs in the
 * box may bend its symlinks at any moment: all paths are looked up by open_in_root(), below the
 * descriptor that is given here.
 */
#ifndef TACKLE_BOX_VIEW_H
#define TACKLE_BOX_VIEW_H

#include "base/opt.h"
#include "box/box.h"
#include "mech/ct.h"

/* Mounts its root, from box.json, as ufs-mount does and without running it; with maps (NULL: none),
 * as its user namespace has the ids. Returns 0, or -1 with `err` set. */
int view_mount(const char *why, const struct box *b, const json_t *doc,
	const struct ct_id_maps *uid, const struct ct_id_maps *gid);
/* Operands and options of ufs-diff that say what it changed: its layers, its mount points, upper.
 */
int view_diff_words(const struct box *b, const json_t *doc, struct strlist *l);
/* Whether it has a layer of its own yet: it gets it when it starts first. */
bool view_has_layer(const struct box *b, const json_t *doc);
/* A layer that is a file system of its own (layer.h) and not mounted: mounts it in a mount
 * namespace of our own, which this process is in from then on; *nested then, and the caller ends
 * what is told with tell_unnest(). Returns 0, or -1 with `err` set. */
int view_layer(const struct box *b, const json_t *doc, bool *nested);
/* Makes a directory, and those above it, where they are missing in the tree at `top`. */
int view_make_dir(const char *why, int top, const char *path);

struct view {
	int root; /* O_PATH; -1 in a dry run */
	int user; /* of a box that runs with ids of its own: its user namespace; -1 otherwise */
	int lock; /* of a box that does not run: nobody starts it meanwhile */
	char shown[PATH_MAX]; /* its root for people, and for the script */
	bool nested; /* the script's next lines run in a mount namespace of their own */
};
/* Opens it. A running box's tree is that of its first process. That of one that does not run is
 * mounted in a mount namespace of our own, which this process is in from then on and which ends
 * with it. With `volumes` they are there too. Returns 0, or -1 with `err` set. */
int view_open(const struct box *b, const json_t *doc, bool volumes, struct view *v);
void view_close(struct view *v);
/* Calls call(arg) as root of the box where it has ids of its own and runs, so that ids are those
 * that the box knows, and no more is done than it may do: in a child then. call returns 0, or -1
 * with `err` set, which is the result. */
int view_call(const struct view *v, int (*call)(void *arg), void *arg);

#endif
