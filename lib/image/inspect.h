/* SPDX-License-Identifier: MIT
 * An image as Docker's API describes it (Docker Engine API, ImageInspect).
 */
#ifndef TACKLE_INSPECT_H
#define TACKLE_INSPECT_H

#include "image/list.h"

/* The document; `all` gives the image's other names. New reference. Where layers are not unpacked,
 * Size is that of the blobs, and GraphDriver.Data is empty. */
json_t *image_inspect(const struct store *s, const struct image *img, const struct image_list *all);
/* Its item in a list of images (ImageSummary), with the names that `all` has of it. */
json_t *image_item(const struct store *s, const struct image *img, const struct image_list *all);

#endif
