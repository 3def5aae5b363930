/* SPDX-License-Identifier: MIT
 * What a `docker save` archive says of itself: manifest.json, a list of images, each with the names
 * of the members that hold its config and its layers, and repositories, the same for programs older
 * than that (Docker's image specification 1.2, "Combined Image JSON + Filesystem Changeset
 * Format"). Newer archives hold an OCI layout as well (oci-layout, index.json, blobs/), and
 * manifest.json names the blobs. Pure.
 */
#ifndef TACKLE_ARCHIVE_H
#define TACKLE_ARCHIVE_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_MANIFEST "manifest.json"
#define ARCHIVE_REPOSITORIES "repositories"
#define ARCHIVE_LAYOUT "oci-layout"
#define ARCHIVE_INDEX "index.json"
/* Where an OCI layout keeps its blobs. */
#define ARCHIVE_BLOBS "blobs/sha256/"
/* Where the name stands in index.json that containerd, and with it docker, goes by. */
#define ANNOTATION_CONTAINERD "io.containerd.image.name"

/* One image of manifest.json. The names are in the form of archive_name(). */
struct archive_image {
	char *config;
	char **layers; /* bottom first */
	size_t n_layers;
	char **tags; /* "alpine:3", as they stand there; looked at by whoever uses them */
	size_t n_tags;
};

struct archive_images {
	struct archive_image *v;
	size_t n;
};

/* Reads manifest.json; `what` names it in messages. Returns 0, or -1 with `err` set (invalid) and
 * nothing to free. */
int archive_read_manifest(
	const char *what, const char *text, size_t len, struct archive_images *out);
void archive_images_free(struct archive_images *a);
/* Appends manifest.json, and repositories: of each tag, the name of the topmost layer's member
 * without its ending. Tags need to be references. */
void archive_write_manifest(const struct archive_images *a, struct buf *out);
void archive_write_repositories(const struct archive_images *a, struct buf *out);

/* Appends a member's name in its simplest form, so that names can be compared: "./a//b/" is "a/b".
 * With `of`, the name is relative to the directory of that member (already simple), as the target
 * of a symlink is. What lies above the archive's top is taken as its top. */
void archive_name(const char *name, const char *of, struct buf *out);

/* What a member seems to be, by its first bytes. */
enum archive_kind {
	ARCHIVE_TAR, /* a tar, plain or compressed: a layer, most likely */
	ARCHIVE_JSON, /* an object or a list */
	ARCHIVE_OTHER,
};
/* `head` is at least the first 512 bytes where there are as many. */
enum archive_kind archive_kind(const void *head, size_t len);

#endif
