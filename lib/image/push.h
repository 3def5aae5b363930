/* SPDX-License-Identifier: MIT
 * An image of the store goes to a registry (OCI distribution-spec, "Push"): what it lacks of the
 * layers and the config first, the manifest last, so that whoever sees the manifest can get the
 * rest.
 *
 * The store keeps blobs as they came, so they are sent byte for byte and keep their digests. Blobs
 * that the registry has are not sent (HEAD), and those that it has in another repository are taken
 * over from there (mount), where an image of the store came from.
 */
#ifndef TACKLE_PUSH_H
#define TACKLE_PUSH_H

#include "image/image.h"
#include "image/progress.h"
#include "image/ref.h"
#include "image/registry.h"
#include "image/store.h"

#include <stdint.h>

struct push {
	struct registry_options registry;
	unsigned side_by_side; /* blobs at once, 0: as suits this machine */
	int64_t chunk; /* bytes sent at once; 0: all */
	struct progress *progress; /* NULL: nobody looks */
};

struct pushed {
	char digest[DIGEST_SIZE]; /* of the manifest */
	size_t size;
};

/* Pushes an image of the store under the name of `to`. Returns 0, or -1 with `err` set. */
int image_push(struct store *s, const struct image *img, const struct ref *to,
	const struct push *how, struct pushed *out);

#endif
