/* SPDX-License-Identifier: MIT
 * An image comes from a registry into the store.
 *
 * Each layer goes by once: fetched, hashed as it comes, kept, inflated, hashed again, unpacked, by
 * two threads a layer, several layers side by side. Layers are unpacked each into a directory of
 * its own, without looking at the others; what depends on the layers below is done in order when
 * all are there. Nothing gets its name before both of its digests were found right.
 */
#ifndef TACKLE_PULL_H
#define TACKLE_PULL_H

#include "image/image.h"
#include "image/platform.h"
#include "image/progress.h"
#include "image/ref.h"
#include "image/registry.h"
#include "image/store.h"

#include <stdint.h>

struct pull {
	struct registry_options registry;
	const struct platform *platform; /* NULL: this machine */
	unsigned side_by_side; /* layers at once, 0: as suits this machine */
	struct progress *progress; /* NULL: nobody looks */
};

struct pulled {
	char digest[DIGEST_SIZE]; /* under which the registry knows it; "" in a dry run */
	char id[DIGEST_SIZE];
	bool news; /* the name meant something else before, or nothing */
	char warning[512]; /* "" for none */
};

/* Pulls what the reference names. The store is prepared already. Returns 0, or -1 with `err` set:
 * then nothing of it is visible, and what was half done is taken away by undo. */
int image_pull(struct store *s, const struct ref *r, const struct pull *how, struct pulled *out);

/* The layers' part of it (pull_layers.c): whatever of img's layers is missing, as blob or unpacked,
 * is fetched from the registry, checked against its digests, unpacked, and published. */
int pull_layers(struct store *s, struct registry *g, const struct image *img,
	const struct pull *how, struct pulled *out);

#endif
