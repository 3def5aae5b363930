/* SPDX-License-Identifier: MIT
 * A box's config.json: what box.json says, in the words of the OCI runtime specification
 * (config.md, config-linux.md), so that ns-exec --bundle, crun and runc run it alike.
 */
#ifndef TACKLE_BOX_BUNDLE_H
#define TACKLE_BOX_BUNDLE_H

#include "box/box.h"
#include "image/image.h"

/* New reference, or NULL with `err` set: invalid, or not-found for a user that the image does not
 * know. */
json_t *bundle_make(
	const json_t *doc, const struct box *b, const struct store *s, const struct image *img);

/* Its parts (bundle_*.c). */
json_t *bundle_user(const json_t *doc, const struct store *s, const struct image *img);
json_t *bundle_mounts(const json_t *doc, const struct box *b);
/* caps: names of the capabilities it has. */
json_t *bundle_linux(const json_t *doc, const struct box *b, const json_t *caps);
/* "resources": what box-start hands to cg-create, and other runtimes read. */
json_t *bundle_resources(const json_t *host_config);

#endif
