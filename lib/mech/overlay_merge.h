/* SPDX-License-Identifier: MIT
 * Layers seen as overlay shows them, read without an overlay.
 */
#ifndef TACKLE_OVERLAY_MERGE_H
#define TACKLE_OVERLAY_MERGE_H

#include "mech/copy.h"

/* Copies the merged tree of the layers (bottom first, at least one) into the empty directory c->to.
 * Each file is copied once, from the topmost layer that has it. Returns 0, or -1 with `err` set and
 * c->to half filled. */
int overlay_merge(struct copy *c, const char *const *layers, size_t n);

#endif
