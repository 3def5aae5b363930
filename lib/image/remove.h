/* SPDX-License-Identifier: MIT
 * Names and images taken out of the index. What nothing refers to any more is left to the
 * collector (gc.h).
 */
#ifndef TACKLE_REMOVE_H
#define TACKLE_REMOVE_H

#include "base/buf.h"
#include "image/store.h"

#include <stdbool.h>

/* Removes each: a name is taken from its image, and the image with its last name; an id means the
 * image with all its names, of which there may be several only with `force`. All of them in one
 * durable change, or none. Appends what was done to `told`, a line each: "Untagged: alpine:3",
 * "Deleted: sha256:…". -1 with `err` set: not-found, conflict. */
int images_remove(struct store *s, char *const *what, size_t n, bool force, struct buf *told);

#endif
