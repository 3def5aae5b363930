/* SPDX-License-Identifier: MIT
 * Images out of the store, as an archive that docker, podman and skopeo load.
 *
 * What describes comes first in it and the layers last, so that a reader on a pipe knows what it
 * reads; each blob is there once. The same images give the same bytes.
 */
#ifndef TACKLE_SAVE_H
#define TACKLE_SAVE_H

#include "image/image.h"
#include "image/stream.h"

enum save_form {
	/* Both at once: an OCI layout, and manifest.json that names its blobs; what docker writes
	 * since version 25. Blobs are copied as they are kept, compressed or not. */
	SAVE_DOCKER,
	/* What docker wrote before: HEX.json, HEX/layer.tar (plain, whatever the blob is). */
	SAVE_DOCKER_OLD,
	SAVE_OCI, /* the OCI layout alone */
};

/* One image to be saved, and under which name. */
struct save_image {
	struct image img;
	char *name; /* full form; NULL: it was asked for by id */
};

/* Writes the archive. The caller holds the store (store_hold()), so that nothing goes meanwhile.
 * One step. Returns 0, or -1 with `err` set: then what was written is no archive. */
int images_save(const struct store *s, const struct save_image *images, size_t n,
	enum save_form form, struct stream_fd *to);

#endif
