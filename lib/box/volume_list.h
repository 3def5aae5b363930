/* SPDX-License-Identifier: MIT
 * All volumes, and which of them somebody wants to see.
 */
#ifndef TACKLE_VOLUME_LIST_H
#define TACKLE_VOLUME_LIST_H

#include "base/opt.h"
#include "box/volume.h"

#include <stdint.h>

struct volume_item {
	struct volume v;
	json_t *doc; /* volume_read() */
	size_t users; /* boxes that have it */
	bool anonymous;
};
struct volume_list {
	struct volume_item *v; /* by name */
	size_t n;
};
/* Those that pass all filters: name=TEXT (part of it), label=NAME[=VALUE], driver=local,
 * dangling=true|false (no box has it). -1 with `err` set for an unknown one. */
int volumes_list(const struct strlist *filters, struct volume_list *l);
void volumes_free(struct volume_list *l);
/* Bytes of the files in it. */
int64_t volume_size(const struct volume *v);

#endif
