/* SPDX-License-Identifier: MIT
 * An image of the store: found by what people call it, with all that its documents say.
 */
#ifndef TACKLE_IMAGE_H
#define TACKLE_IMAGE_H

#include "base/json.h"
#include "image/digest.h"
#include "image/index.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/store.h"

#include <stdbool.h>

struct image_layer {
	struct descriptor blob; /* compressed, as it travels */
	char diff_id[DIGEST_SIZE]; /* of the plain tar */
	/* Of this layer and all below: its directory's name (OCI image-spec, config.md, "Layer
	 * ChainID"). */
	char chain[DIGEST_SIZE];
};

struct image {
	char digest[DIGEST_SIZE]; /* of the manifest */
	char id[DIGEST_SIZE]; /* of the config: what Docker calls the image's id */
	int64_t config_size;
	json_t *config;
	struct platform platform;
	const char *created; /* RFC 3339, "" where the config does not say; belongs to config */
	struct image_layer *layers; /* bottom first */
	size_t n;
	/* The entry by which it was found. */
	char *name; /* full form; NULL: none */
	char *source; /* digest in the registry; NULL */
};

/* The chain id of a layer upon `below` (NULL for the bottom one, whose chain id is its diff id). */
void chain_id(const char *below, const char *diff_id, char chain[DIGEST_SIZE]);

/* What a config says beside its settings: checks that it has as many diff ids as there are layers,
 * and fills in diff ids, chain ids, platform and time of creation. Takes a reference to config. */
int image_read_config(struct image *img, const char *what, json_t *config);
/* Fills in an image from its manifest: layers and the config's place, nothing of the config yet. */
void image_from_manifest(struct image *img, const char *digest, const struct manifest *m);
/* Reads manifest and config of an entry from the store. An entry that is an index (other programs
 * may put one there) gives the image for this machine. image_free() gives it back. */
int image_load(const struct store *s, const struct index_entry *e, struct image *img);
/* Finds an image as Docker does: by name, else by id or the beginning of one, else by the digest of
 * its manifest. -1 with `err` set: not-found, or conflict for a beginning that several ids have. */
int image_find(const struct store *s, const char *text, struct image *img);
/* Whether the text by which the image was found is its name, not its id. */
bool image_means_name(const char *text, const struct image *img);
void image_free(struct image *img);
static inline void
image_free_(struct image *img)
{
	image_free(img);
}
#define auto_image __attribute__((cleanup(image_free_)))

/* Bytes of file content in all layers; -1 when not all are unpacked. */
int64_t image_size(const struct store *s, const struct image *img);

#endif
