/* SPDX-License-Identifier: MIT
 * All boxes, and which of them somebody wants to see: box-ps, and `GET /containers/json`.
 */
#ifndef TACKLE_BOX_LIST_H
#define TACKLE_BOX_LIST_H

#include "base/opt.h"
#include "box/show.h"

struct box_list {
	struct box_look *v; /* newest first */
	size_t n;
};
/* Those that pass all filters (filter.h); with `all` or a filter that asks for a status also those
 * that do not run. `brief`: their documents may lack HostConfig, half of what there is to read. -1
 * with `err` set for an unknown filter. boxes_free() gives it back. */
int boxes_list(const struct strlist *filters, bool all, bool brief, struct box_list *l);
void boxes_free(struct box_list *l);

#endif
