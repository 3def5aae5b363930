/* SPDX-License-Identifier: MIT
 * Looking for images by a part of their names. The distribution specification has no such request:
 * Docker's hub answers one of the older protocol, and other registries list what they have
 * (_catalog, if they let).
 */
#ifndef TACKLE_SEARCH_H
#define TACKLE_SEARCH_H

#include "base/json.h"
#include "image/registry.h"

/* What to look for: "busybox", or "HOST/busybox" for another registry than Docker's. At most
 * `limit` are listed, in the words of the Docker Engine API (`GET /images/search`): name,
 * description, star_count, is_official, is_automated. A new reference; NULL with `err` set, and
 * NULL without in a dry run. */
json_t *images_search(const char *term, int64_t limit, const struct registry_options *o);

#endif
