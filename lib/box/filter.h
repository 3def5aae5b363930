/* SPDX-License-Identifier: MIT
 * Filters as `docker ps --filter` has them. Values of one key are alternatives, except of "label";
 * different keys must all hold.
 */
#ifndef TACKLE_BOX_FILTER_H
#define TACKLE_BOX_FILTER_H

#include "base/opt.h"
#include "box/show.h"

struct box_filter {
	char key[24];
	const char *value;
};

/* "KEY=VALUE" each; f has room for all. -1 with `err` set (invalid) for an unknown key. */
int box_filter_parse(const struct strlist *l, struct box_filter *f);
bool box_filter_all(const struct box_filter *f, size_t n, const struct box_look *l);

#endif
