/* SPDX-License-Identifier: MIT
 * Where the writable layer of a box lies. Without a limit it is upper/ and work/ in the box. With
 * --storage-opt size= they are in layer/, in one of these ways, which --storage-opt type= names:
 *
 *	project	layer/ is a project with a quota, where the host's file system keeps those
 *	loop	a file system of that size in a sparse file, layer.img, is mounted on layer/ while
 *		the box runs
 *	tmpfs	a tmpfs of that size is: what is in it ends with each run
 *
 * Full it is full for this box alone. Without type= it is the first of the first two that is to be
 * had here. "Layer" of box.json says what it became: {"Type": "project", "Project": 1073741824}.
 */
#ifndef TACKLE_BOX_LAYER_H
#define TACKLE_BOX_LAYER_H

#include "box/box.h"

/* Whether StorageOpt of that HostConfig is one that we have: 0, or -1 with `err` set. */
int box_layer_check(const json_t *h);
/* "project", "loop", "tmpfs", or "" without a size of its own. doc is box.json. */
const char *box_layer_type(const json_t *doc);
/* Path of "upper" or "work". */
void box_layer_path(const struct box *b, const json_t *doc, const char *name, char path[PATH_MAX]);
/* Makes what was asked for, and says in doc what it became. 0, or -1 with `err` set; what it made
 * goes with the box's directory, or is undone. */
int box_layer_make(const struct box *b, json_t *doc);
/* Takes away what would not go with the box's directory: its quota. 0, or -1 with `err` set. */
int box_layer_remove(const struct box *b, const json_t *doc);
/* Joining layers takes a block or two, which a box that has filled its project has not: lifts the
 * quota, or sets it again. 0, or -1 with `err` set; nothing to do for the other ways. Whoever dies
 * between the two leaves that to the next start. */
int box_layer_lift(const struct box *b, const json_t *doc, bool lifted);
/* Whether it is to be mounted, and is not where this process could see it. */
bool box_layer_is_hidden(const struct box *b, const json_t *doc);
/* Whether there is nothing of it while the box does not run. */
bool box_layer_is_gone(const struct box *b, const json_t *doc);
/* Mounts it on layer/, for a mount namespace of the caller's own; that it is there already is fine.
 * 0, or -1 with `err` set. */
int box_layer_mount(const struct box *b, const json_t *doc);
/* The same for all to see, and noted for tb-ledger: it stays until box_layer_umount(). Nothing to
 * do where nothing is mounted. */
int box_layer_keep(const struct box *b, const json_t *doc);
/* Takes that mount away, if there is one. 0, or -1 with `err` set. */
int box_layer_umount(const struct box *b);
/* Its top directory, mounted nowhere: *fd is the caller's, -1 in a dry run. 0, or -1 with `err`
 * set. Only for one that is_hidden. */
int box_layer_open(const struct box *b, const json_t *doc, int *fd);

#endif
