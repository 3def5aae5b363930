/* SPDX-License-Identifier: MIT
 * Which images the boxes of $TACKLEBOX_ROOT were made of: boxes/ID/box.json says it, as "ImageID".
 * A box needs its image's layers for as long as it is there, whether it runs or not, and whether
 * the image still has a name or not.
 */
#ifndef TACKLE_BOXES_H
#define TACKLE_BOXES_H

#include "image/names.h"
#include "image/store.h"

#include <stdbool.h>

/* Adds the ids ("sha256:HEX") of all boxes' images to `ids`, and to `layers` each part of a
 * box.json that is 64 hex digits, as the directories of layers are called; either may be NULL. A
 * box that was removed meanwhile needs nothing. False when one could not be read: then it may have
 * been made of any image. */
bool boxes_images(const struct store *s, struct names *ids, struct names *layers);
/* The box (its hex id, with a NUL) that was made of this image; false when there is none that we
 * know of. */
bool boxes_find(const struct store *s, const char *image, char box[DIGEST_HEX + 1]);

#endif
