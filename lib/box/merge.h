/* SPDX-License-Identifier: MIT
 * From what was asked for to what a box is: box.json, in the words of the Docker Engine API
 * (`GET /containers/ID/json`), as far as it does not change while the box runs.
 *
 *	{"Id", "Name", "Created", "Image": "sha256:…", "ImageID", "Layers": [chain id, …],
 *	 "Config": {…}, "HostConfig": {…}, "NetworkingConfig": {…}, "Mounts": [{…}]}
 */
#ifndef TACKLE_BOX_MERGE_H
#define TACKLE_BOX_MERGE_H

#include "box/box.h"
#include "image/image.h"

/* Fills in `request` (a document of `POST /containers/create`) with the image's config, as Docker
 * merges them (moby, daemon/commit.go "merge"), checks it, and adds what the box is called.
 * "Mounts" is not there yet. New reference, or NULL with `err` set. */
json_t *box_merge(json_t *request, const struct image *img, const struct box *b);

/* "Mounts" of the document: binds, volumes (made where they are missing, and filled from the image
 * where they are empty), those of other boxes. Returns 0, or -1 with `err` set. */
int box_add_mounts(json_t *doc, const struct store *s, const struct image *img);

#endif
