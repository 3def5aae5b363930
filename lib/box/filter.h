/* SPDX-License-Identifier: MIT
 * What `docker ps --filter` asks of a box.
 */
#ifndef TACKLE_BOX_FILTER_H
#define TACKLE_BOX_FILTER_H

#include "base/opt.h"
#include "box/show.h"

/* As filter_check() and filter_passes(), with the keys that boxes have. */
int box_filter_check(const struct strlist *filters);
bool box_filter_passes(const struct strlist *filters, const struct box_look *l);

#endif
