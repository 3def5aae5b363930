/* SPDX-License-Identifier: MIT
 * Who is in a box: by its control group, or, where an ordinary user can have none, by its pid
 * namespace.
 */
#ifndef TACKLE_BOX_PIDS_H
#define TACKLE_BOX_PIDS_H

#include "box/box.h"
#include "mech/cgroup.h"

/* The processes of a box that runs, and of that its first one is `first`; without those of ours who
 * only wait for them. Returns 0, or -1 with `err` set. */
int box_pids(const struct box *b, pid_t first, struct cg_pids *pids);
/* What these processes use, as far as /proc tells (proc(5)): it stands in for what the group
 * counts. What nobody counts is CG_NONE. */
void box_pids_stat(const struct cg_pids *pids, struct cg_stat *st);

#endif
