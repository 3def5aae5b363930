/* SPDX-License-Identifier: MIT
 * Where the writable layer of a box lies. Without a limit it is upper/ and work/ in the box. With
 * --storage-opt size= it is a file system of that size in a sparse file, layer.img, which is
 * mounted on layer/ while the box runs: upper/ and work/ lie there, and when it is full it is full
 * for this box alone.
 */
#ifndef TACKLE_BOX_LAYER_H
#define TACKLE_BOX_LAYER_H

#include "box/box.h"

/* Whether it has a size of its own. doc is box.json. */
bool box_layer_is_sized(const json_t *doc);
/* Whether StorageOpt of that HostConfig is one that we have: 0, or -1 with `err` set. */
int box_layer_check(const json_t *h);
/* Path of "upper" or "work". */
void box_layer_path(const struct box *b, const json_t *doc, const char *name, char path[PATH_MAX]);
/* Makes the file, if one was asked for, by mkfs.ext4(8). 0, or -1 with `err` set; what it made
 * goes with the box's directory. */
int box_layer_make(const struct box *b, const json_t *doc);
/* Whether it is such a file, and not mounted where this process could see it. */
bool box_layer_is_hidden(const struct box *b, const json_t *doc);
/* Mounts it on layer/, for a mount namespace of the caller's own; that it is there already is fine.
 * 0, or -1 with `err` set. */
int box_layer_mount(const struct box *b);
/* The same for all to see, and noted for tb-ledger: it stays until box_layer_umount(). */
int box_layer_keep(const struct box *b);
/* Takes that mount away, if there is one. 0, or -1 with `err` set. */
int box_layer_umount(const struct box *b);
/* Its top directory, mounted nowhere: *fd is the caller's, -1 in a dry run. 0, or -1 with `err`
 * set. */
int box_layer_open(const struct box *b, int *fd);

#endif
