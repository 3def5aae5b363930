/* SPDX-License-Identifier: MIT
 * All networks, and which of them somebody wants to see.
 */
#ifndef TACKLE_NETWORK_LIST_H
#define TACKLE_NETWORK_LIST_H

#include "base/opt.h"
#include "box/network.h"

/* Calls each(n, arg) for those that pass all filters: name=TEXT and id=TEXT (part of it),
 * label=NAME[=VALUE], driver=NAME, scope=local, type=custom|builtin, dangling=true|false (no box is
 * to be in it). Returns what it returned, or -1 with `err` set for an unknown filter. */
int networks_list(
	const struct strlist *filters, int (*each)(const struct network *n, void *arg), void *arg);

#endif
