/* SPDX-License-Identifier: MIT
 * What a registry has under a name, without fetching it.
 */
#ifndef TACKLE_REMOTE_H
#define TACKLE_REMOTE_H

#include "base/json.h"
#include "image/ref.h"
#include "image/registry.h"

/* The descriptor of the manifest, and the machines that it is for, in the words of the Docker
 *Engine API (`GET /distribution/NAME/json`):
 *
 *	{"Descriptor": {"mediaType": …, "digest": …, "size": …},
 *	 "Platforms": [{"architecture": "amd64", "os": "linux"}]}
 *
 * A new reference; NULL with `err` set, and NULL without in a dry run. */
json_t *remote_look(const struct ref *r, const struct registry_options *o);

#endif
