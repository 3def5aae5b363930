/* SPDX-License-Identifier: MIT
 * The list of all containers, as it was sent last: what has not changed is not looked at again.
 */
#ifndef APID_CACHE_H
#define APID_CACHE_H

#include "base/buf.h"

#include <stdbool.h>

/* Appends the JSON list of GET /containers/json; with `all` also those that do not run. -1 with
 * `err` set. */
int cache_list(bool all, struct buf *out);

#endif
