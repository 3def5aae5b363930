/* SPDX-License-Identifier: MIT
 * Filters as Docker has them (`--filter KEY=VALUE`). Values of one key are alternatives, except of
 * "label" and "label!" (has it not); different keys must all hold. Pure.
 */
#ifndef TACKLE_FILTER_H
#define TACKLE_FILTER_H

#include "base/json.h"
#include "base/opt.h"

/* Whether a thing has this value of a key that filter_check() has let pass. */
typedef bool filter_fn(const void *thing, const char *key, const char *value);

/* Returns 0 when each filter is KEY=VALUE with one of these keys (NULL-terminated), or -1 with
 * `err` set (invalid). */
int filter_check(const struct strlist *filters, const char *const *keys);
bool filter_passes(const struct strlist *filters, filter_fn *fits, const void *thing);
/* Whether the object `labels` has "NAME", or "NAME=VALUE" with that value. */
bool filter_label(const json_t *labels, const char *want);
/* Whether a name has what the extended regular expression says (regex(7)) in it, with or without a
 * slash before it, as dockerd looks. What is no such expression, or one that could cost much stack,
 * memory or time (longer than 256 bytes, more than 20 groups, bounds, back references), is looked
 * for as it stands. */
bool filter_name(const char *name, const char *want);

#endif
