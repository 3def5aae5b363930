/* SPDX-License-Identifier: MIT
 * What nothing refers to goes: blobs and unpacked layers that no image of the index leads to, what
 * interrupted runs left, and images without a name.
 *
 * All who add hold images/lock shared from before the first thing they make until it is entered,
 * and the collector holds it alone: so what it finds unreferred is so for good. It removes names
 * before content, so that at any moment everything that can be found is whole.
 */
#ifndef TACKLE_GC_H
#define TACKLE_GC_H

#include "image/store.h"

#include <stdbool.h>
#include <stdint.h>

struct gc {
	bool keep_nameless; /* images without a name stay */
	bool drop_cache; /* what builds keep goes, too: records, and the directories of cache mounts
			  */
	/* What was removed. */
	unsigned images, blobs, layers, temporaries;
	int64_t bytes; /* of blobs, and of unpacked files where their number is known */
	char warning[512]; /* "" for none */
};

/* Does it, waiting for those who add. Layers that records of builds name stay (buildcache.h),
 * unless those are to go. Layers that are mounted anywhere stay, and those of the images that boxes
 * are made of, named or not. An image that cannot be read is an error, before anything is removed:
 * what it needs is not known. */
int store_collect(struct store *s, struct gc *gc);

#endif
