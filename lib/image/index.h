/* SPDX-License-Identifier: MIT
 * index.json of the store: which manifests are images here, and what they are called.
 *
 * A name stands in the entry's annotation org.opencontainers.image.ref.name, in its full form:
 * "docker.io/library/alpine:3", "localhost:5000/a/b:1", "host/x@sha256:…". That is the one place
 * where skopeo and umoci look, so `skopeo inspect oci:DIR:docker.io/library/alpine:3` works as it
 * is. (containerd prefers io.containerd.image.name; we do not write it, for a second place for the
 * name would soon say something else.) Names that others wrote ("alpine", "3.18") are read like any
 * reference. An entry without a name is an image that lost it: <none> in img-ls.
 *
 * The annotation tacklebox.digest holds the digest under which a registry knows the image: that
 * of the index where the entry is one of its manifests, that of Docker's manifest where ours is its
 * translation.
 */
#ifndef TACKLE_INDEX_H
#define TACKLE_INDEX_H

#include "base/json.h"
#include "image/digest.h"
#include "image/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANNOTATION_NAME "org.opencontainers.image.ref.name"
#define ANNOTATION_DIGEST "tacklebox.digest"

struct index {
	json_t *doc;
};

/* One entry; the strings belong to the index. */
struct index_entry {
	const char *digest; /* checked */
	const char *media_type;
	uint64_t size;
	const char *name; /* as written there; NULL: none */
	const char *source; /* the registry's digest; NULL: it did not come from one */
};

/* Reads it. A store that is not there yet is an empty index. index_free() gives it back. */
int index_load(const struct store *s, struct index *ix);
void index_free(struct index *ix);
size_t index_len(const struct index *ix);
int index_at(const struct index *ix, size_t i, struct index_entry *e);
/* The full form of an entry's name: appends nothing where there is none. A name that is no
 * reference is appended as it stands. */
void index_full_name(const struct index_entry *e, struct buf *out);

struct ref;
/* Whether an entry has the name that the reference means; "host/x@sha256:…" means the entry of
 * that repository with that digest, here or in the registry. */
bool index_entry_is(const struct index_entry *e, const struct ref *r);

/* Takes an entry out, in memory. */
void index_drop(struct index *ix, size_t i);
/* Replaces the file, durably. The caller holds the index lock since index_load(). */
int index_save(struct store *s, const char *why, const struct index *ix);

/* Enters a manifest under a name (full form; NULL: without one), in one durable change. An image
 * that had the name keeps its entry without one; an entry of the same manifest without a name gets
 * this one. `source` may be NULL. */
int index_enter(
	struct store *s, const char *name, const char *digest, uint64_t size, const char *source);
/* Enters a manifest without a name, unless it has an entry already, in one durable change. 1: it
 * had none, 0: it had, -1 with `err` set. */
int index_enter_new(struct store *s, const char *digest, uint64_t size);
/* Takes the entry of a manifest away that has no name, if there is one; those with names stay. */
int index_forget(struct store *s, const char *why, const char *digest);

#endif
