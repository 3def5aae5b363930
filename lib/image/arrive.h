/* SPDX-License-Identifier: MIT
 * One layer on its way into the store: the places where it is kept and unpacked until all of it is
 * there, and the step in which that happens. Used by all that take layers from a descriptor; what
 * comes from a registry has its own (pull_job.h), for there several run at once.
 */
#ifndef TACKLE_ARRIVE_H
#define TACKLE_ARRIVE_H

#include "image/intake.h"
#include "image/store.h"

#include <limits.h>

struct arrival {
	char blob[PATH_MAX]; /* "" when none is kept */
	char tree[PATH_MAX]; /* "" when nothing is unpacked */
	int blob_fd, tree_fd;
	struct intake in; /* to be filled in: read, self, as_is, apply.shown, later, lower */
};
#define ARRIVAL_INIT ((struct arrival){.blob_fd = -1, .tree_fd = -1})

/* Makes the places (keep: for the blob too) and takes the layer in. Closes the descriptors again,
 * for there may be as many layers as a process may have files open. In a dry run tells it and reads
 * nothing. `shown` names the layer in messages. Returns 0, or -1 with `err` set. Free in.result
 * afterwards, either way. */
int arrive(struct store *s, struct arrival *a, bool keep, const char *shown);
/* The tree gets its name in the store, or goes if the store has that layer. store_settle() came
 * before. */
int arrive_tree(struct store *s, struct arrival *a, const char *chain);
/* What nobody wants goes. */
int arrive_drop(struct arrival *a);

#endif
