/* SPDX-License-Identifier: MIT
 * A box's limits in the words of cg-create and cg-set.
 */
#ifndef TACKLE_BOX_LIMITS_H
#define TACKLE_BOX_LIMITS_H

#include "base/json.h"
#include "base/opt.h"

#include <stdbool.h>

/* Appends them; the strings are allocated. h is HostConfig. */
void box_limits(const json_t *h, struct strlist *words);

/* Whether they fit together, and are what Docker allows: 0, or -1 with `err` set (invalid). */
int box_check_limits(const json_t *h);

/* Whether that member of HostConfig can be changed while a box is there: a limit, or the restart
 * policy. */
bool box_is_limit(const char *key);

#endif
