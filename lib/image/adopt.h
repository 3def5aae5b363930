/* SPDX-License-Identifier: MIT
 * The upper directory of an overlay becomes a layer of the store: `ufs-diff UPPER | img-commit`
 * without the way through a tar and back. An upper is in overlay's own form already, so it is
 * renamed, and its tar is only written and hashed.
 */
#ifndef TACKLE_ADOPT_H
#define TACKLE_ADOPT_H

#include "image/digest.h"
#include "image/store.h"

#include <stdint.h>

struct adopted {
	char diff_id[DIGEST_SIZE]; /* of the plain tar, which is the blob too */
	char chain[DIGEST_SIZE];
	int64_t size; /* of the blob */
	char warning[512]; /* the first thing that could not be kept, "" for none */
};

/* Takes the directory `upper`, on the store's file system and no longer mounted, whose lower layers
 * are those directories (bottom first). `below` is the chain id of the topmost, NULL for none. The
 * directory is gone afterwards. In a dry run it is only told. Returns 0, or -1 with `err` set. */
int layer_adopt(struct store *s, const char *upper, const int *lower, size_t n_lower,
	const char *below, struct adopted *out);

/* The same of a plain directory, which becomes a layer that does not look at what is below: its tar
 * is the same upon any other, for it has no entry of its top; that takes the attributes of the
 * topmost lower layer's. */
int layer_adopt_alone(struct store *s, const char *upper, const int *lower, size_t n_lower,
	const char *below, struct adopted *out);

#endif
