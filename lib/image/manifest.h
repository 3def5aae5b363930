/* SPDX-License-Identifier: MIT
 * The two documents that hold an image together, read from strangers: the manifest (a config and
 * layers; OCI image-spec, manifest.md, and Docker's image manifest version 2, schema 2) and the
 * index or manifest list (one manifest for each platform; image-index.md). Pure.
 */
#ifndef TACKLE_MANIFEST_H
#define TACKLE_MANIFEST_H

#include "base/json.h"
#include "image/digest.h"
#include "image/platform.h"

#include <stdbool.h>
#include <stdint.h>

#define MEDIA_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

/* overlay takes 500 lower directories (kernel: OVL_MAX_STACK); more layers than that could never
 * be mounted. */
#define MANIFEST_LAYERS_MAX 500

/* What a document says of a blob: a descriptor (OCI image-spec, descriptor.md). */
struct descriptor {
	char digest[DIGEST_SIZE];
	int64_t size;
	char media_type[128]; /* "" where none is given */
	char url[256]; /* of a foreign layer: the first of "urls"; "" */
};

struct manifest {
	struct descriptor config;
	struct descriptor *layers; /* bottom first */
	size_t n;
};

/* What we can read, as one Accept header each (OCI distribution-spec, "Pulling manifests"); ends in
 * NULL. Schema 1 is left out, so that registries that still have it can say so. */
extern const char *const manifest_accept[];

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

/* Tells which of the two it is, by its members; `media_type` (what the registry or the index said;
 * NULL: nothing) must not say the other. A document that could be taken for both is refused, for
 * two readers of one digest would see two images (CVE-2021-41190). So is Docker's schema 1.
 * `what` names it in messages. */
int manifest_kind(const char *what, json_t *doc, const char *media_type, enum manifest_kind *kind);
/* Reads an image manifest. Digests, sizes and the number of layers are checked. The result is
 * given back by manifest_free(). */
int manifest_read(const char *what, json_t *doc, struct manifest *m);
void manifest_free(struct manifest *m);
/* Whether a layer must not be kept by every registry ("foreign", "nondistributable"): it may lie at
 * its url only, and is not pushed. */
bool layer_is_foreign(const struct descriptor *d);
/* Picks from an index what serves the platform best (the first of equals). -1 with `err` set
 * (not-found, naming what there is) when nothing does. */
int manifest_pick(
	const char *what, json_t *doc, const struct platform *want, struct descriptor *picked);
/* Docker's manifest in OCI's words: the same config and layers under OCI's media types. Layers keep
 * their bytes, so ids and layer digests stay; only the manifest's own digest differs. Appends the
 * text. */
void manifest_to_oci(const struct manifest *m, struct buf *out);

#endif
