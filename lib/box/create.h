/* SPDX-License-Identifier: MIT
 * Making a box: a directory with all that it takes to start it. Nothing runs and nothing is mounted
 * yet.
 */
#ifndef TACKLE_BOX_CREATE_H
#define TACKLE_BOX_CREATE_H

#include "box/box.h"
#include "image/image.h"

/* Makes a box of a document as `POST /containers/create` has it. `name` NULL: one is made up. The
 * store is held (store_hold) until this has returned, or its image could go meanwhile. *lock is the
 * box's, held, and the caller's. Returns 0, or -1 with `err` set: conflict for a name that is
 * taken, invalid for what cannot be. */
int box_create(const struct store *s, const struct image *img, json_t *request, const char *name,
	struct box *b, int *lock);

#endif
