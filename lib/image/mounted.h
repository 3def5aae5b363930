/* SPDX-License-Identifier: MIT
 * Which layers are mounted, in any mount namespace that a process lives in.
 */
#ifndef TACKLE_MOUNTED_H
#define TACKLE_MOUNTED_H

#include "image/names.h"

#include <stdbool.h>

/* Adds to the set each part of a path, in any mount table, that is 64 hex digits, as the
 * directories of layers are called. False when an overlay of ours names its layers by descriptors
 * only, or a mount table could not be read: then any layer may be in use. */
bool mounted_layers(struct names *layers);

/* The same of one mount table's text (proc(5), mountinfo). */
bool mounted_in(const char *mountinfo, struct names *layers);

#endif
