/* SPDX-License-Identifier: MIT
 * What builds keep from one to the next, below $TACKLEBOX_ROOT/build:
 *
 *	cache/HEX.json   what an instruction made; HEX is the hash of all that it depends on
 *	mounts/HEX/      the directory of RUN --mount=type=cache; HEX is the hash of its id
 *	sums/HEX         digests of the files of a context; HEX is the hash of its path
 *	run/ID/          a build at work (lock: held by it); what has no holder was left by a crash
 *
 * A record that names a layer counts only as long as the store has that layer. The collector of
 * images keeps the layers of all records (gc.h).
 */
#ifndef TACKLE_BUILDCACHE_H
#define TACKLE_BUILDCACHE_H

#include "base/json.h"
#include "image/digest.h"
#include "image/store.h"

#include <limits.h>

/* A layer of an image that is being made. */
struct build_layer {
	char diff_id[DIGEST_SIZE];
	char blob[DIGEST_SIZE];
	char chain[DIGEST_SIZE];
	int64_t size; /* of the blob */
	char media_type[128];
};

struct build_record {
	int64_t created; /* seconds since 1970 */
	bool has_layer;
	struct build_layer layer;
};

/* "cache", "mounts", "sums" or "run" below $TACKLEBOX_ROOT/build. Returns 0, or -1 with `err` set.
 */
int build_place(const char *what, char path[PATH_MAX]);
/* Reads the record of a key ("sha256:…"). 1: there it is, and the store has its layer; 0: none that
 * counts. */
int build_cache_get(const struct store *s, const char *key, struct build_record *r);
/* Writes it. */
int build_cache_put(const char *key, const struct build_record *r);
/* Calls each(path, r, arg) for every record that can be read (r NULL: one that cannot) until it
 * returns non-zero, and returns that. */
int build_cache_each(
	int (*each)(const char *path, const struct build_record *r, void *arg), void *arg);

#endif
