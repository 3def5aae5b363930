/* SPDX-License-Identifier: MIT
 * A box's limits in the words of cg-create and cg-set.
 */
#ifndef TACKLE_BOX_LIMITS_H
#define TACKLE_BOX_LIMITS_H

#include "base/json.h"
#include "base/opt.h"

/* Appends them; the strings are allocated. h is HostConfig. */
void box_limits(const json_t *h, struct strlist *words);

#endif
