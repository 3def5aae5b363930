/* SPDX-License-Identifier: MIT
 * What ns-enter goes into.
 */
#ifndef NS_ENTER_TARGET_H
#define NS_ENTER_TARGET_H

#include "mech/ct.h"

struct target {
	struct ct ct;
	struct ct_target found;
	struct ct_confine confine;
	bool all;
};

/* Completes t for `word`: a process id, a file that is a namespace, or NULL where t->ct.ns has
 * files. Returns 0, or -1 with `err` set; without an errno it is a mistake in the command line. */
int target_find(struct target *t, const char *word);
/* Whether a namespace of this kind will be joined. */
bool target_joins(const struct target *t, enum ct_ns ns);

#endif
