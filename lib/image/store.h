/* SPDX-License-Identifier: MIT
 * The image store: two directories below $TACKLEBOX_ROOT.
 *
 *	images/oci-layout, index.json       an OCI image layout (OCI image-spec, image-layout.md):
 *	images/blobs/sha256/HEX             skopeo, umoci and others read it as it is
 *	layers/HEX/                         a layer unpacked in overlay's form; HEX is its chain id
 *	layers/HEX.json                     what was counted while unpacking:
 *{"diff_id","size","entries"} images/tmp/, layers/.tmp-*          what is not finished, or was left
 *by a crash images/lock                         shared: somebody adds; exclusive: somebody takes
 *away images/index.lock                   exclusive while index.json is read, changed and replaced
 *
 * Blobs and layers are named by what they hold and never change, so whoever finds one may use it.
 *All appears by rename, after it was made durable: a crash at any point leaves the index as it was
 *or as it should be, and garbage that is known by its place (tmp) or by being referred to by
 *nothing.
 *
 * A layer is kept by chain id and not by diff id: what directories get that the layer's tar does
 *not list, and hard links to lower files, depend on the layers below. layers/ is 0700, because the
 *layers hold programs that are setuid root and perhaps full of holes.
 */
#ifndef TACKLE_STORE_H
#define TACKLE_STORE_H

#include "base/buf.h"
#include "image/digest.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* More than any manifest, index or config should need; what registries accept at most. */
#define STORE_JSON_MAX ((size_t)4 << 20)

struct store;

/* The store of $TACKLEBOX_ROOT. Looks at nothing and makes nothing. NULL with `err` set. */
struct store *store_open(void);
/* Gives up the locks and frees. NULL is fine. */
void store_close(struct store *s);
static inline void
store_close_(struct store **s)
{
	store_close(*s);
}
#define auto_store __attribute__((cleanup(store_close_)))

/* Before adding: makes the directories and an empty layout where they are missing, and holds off
 * those who take away until store_close(). In a dry run tells it. */
int store_prepare(struct store *s);

/* Before reading for long, where nothing may go meanwhile: holds off those who take away, and makes
 * nothing. A store that is not there is fine. */
int store_hold(struct store *s);
/* The same without waiting: 1 while somebody takes away. */
int store_hold_now(struct store *s);

/* Before taking away: waits until nobody adds, and keeps all others off until store_close(). */
int store_seize(struct store *s);
/* Whether anything was ever put there. */
bool store_exists(const struct store *s);

/* images/ and layers/, absolute. */
const char *store_images(const struct store *s);
const char *store_layers(const struct store *s);
/* Where a blob lies, or would. Checks the digest first: it may come from anywhere. */
int store_blob_path(const struct store *s, const char *digest, char path[PATH_MAX]);
/* Where the layer of that chain id lies, or would. */
int store_layer_path(const struct store *s, const char *chain, char path[PATH_MAX]);
/* Whether a blob is there, of that size (size < 0: of any). */
bool store_has_blob(const struct store *s, const char *digest, int64_t size);
bool store_has_layer(const struct store *s, const char *chain);
/* What was counted while unpacking: bytes of file content. -1 where nobody knows; no error. */
int64_t store_layer_size(const struct store *s, const char *chain);

/* A new name in images/tmp, for a file on its way to be a blob; and one in layers/, for a tree. */
void store_tmp_blob(struct store *s, char path[PATH_MAX]);
void store_tmp_layer(struct store *s, char path[PATH_MAX]);

/* Appends a small blob (at most STORE_JSON_MAX bytes), after checking that it is what its digest
 * says. */
int store_get(const struct store *s, const char *digest, struct buf *out);
/* Adds a small blob and gives its digest. One that is there already stays. `what` names it in the
 * step told: "the image's config". */
int store_put(
	struct store *s, const char *what, const void *data, size_t len, char digest[DIGEST_SIZE]);

/* A finished file in images/tmp becomes the blob of that name. */
int store_publish_blob(struct store *s, const char *tmp, const char *digest);
/* What is known of a layer, for its record. */
struct layer_record {
	const char *diff_id;
	uint64_t size; /* bytes of file content */
	uint64_t entries;
};
/* A finished tree of store_tmp_layer() becomes the layer of that chain id; if another process was
 * quicker, its tree stays and ours is removed. The caller called store_settle() before. */
int store_publish_layer(
	struct store *s, const char *tmp, const char *chain, const struct layer_record *record);
/* Writes back all trees not yet published: once for all layers of an image. */
int store_settle(struct store *s);

/* Takes the lock under which one blob is fetched, so that of many who want it one does the work.
 * *fd as sys_lock_part() has it; several are taken in ascending order of their digests. */
int store_lock_blob(struct store *s, const char *digest, int *fd);
/* Takes the index lock for as long as *fd is open (the caller's). */
int store_lock_index(struct store *s, int *fd);

#endif
