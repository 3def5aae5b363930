/* SPDX-License-Identifier: MIT
 * What the files lib/mech/cgroup*.c share, and nobody else needs.
 */
#ifndef TACKLE_CGROUP_IN_H
#define TACKLE_CGROUP_IN_H

#include "mech/cgroup.h"

/* A controller's names; NULL in the version that has none. */
struct cg_controller {
	unsigned bit;
	const char *v1, *v2;
};
#define CG_N_CONTROLLERS 8
extern const struct cg_controller cg_controllers[CG_N_CONTROLLERS];

/* The controllers named in a list, which is cut up. */
unsigned cg_controllers_in(char *names, char sep, bool v2);

/* Fills *g with the name and where it would lie in each tree; nothing is looked up. */
int cg_places(const char *name, struct cgroup *g);
/* Directory of the group in the tree that has the controller; NULL where there is none. *v2 says
 * which form it is. */
const char *cg_dir_of(const struct cgroup *g, unsigned controller, bool *v2);
/* Directory in the v2 tree, NULL where there is none. */
const char *cg_v2_dir(const struct cgroup *g);

/* "dir/file", as a name that stays good until four later calls. */
const char *cg_file(const char *dir, const char *file);

/* Calls fn for dir and every group below it, children first. A directory that is gone by then is
 * passed over. Stops when fn returns other than 0, and returns that. */
typedef int cg_dir_fn(void *ctx, const char *dir);
int cg_each_dir(const char *dir, cg_dir_fn *fn, void *ctx);

/* Whether the group was frozen itself, not by one above, as the file says: v2's cgroup.freeze, v1's
 * freezer.self_freezing. */
bool cg_is_frozen(const char *dir, const char *file);
/* Thaws that directory's processes if it is one of v1's freezer and was itself frozen. */
int cg_thaw_dir(const char *dir);

/* Adds the processes of one directory, not of those below. */
int cg_pids_add(struct cg_pids *pids, const char *dir);
/* Whether a list made by cg_pids() holds that number. */
bool cg_pids_hold(const struct cg_pids *p, pid_t pid);
/* Class in-use when this very process is in the group or below: who stops or ends himself does not
 * finish. */
int cg_not_inside(const struct cgroup *g, const char *verb);

/* Where the kernel has no user.* attributes on groups (before 5.7), root's mark stands here. */
#define MARK_XATTR_OLD "trusted.tacklebox"
/* Whether the directory carries our mark. */
bool cg_marked(const char *dir);

/* Writes the limits. In a group just made nothing needs to be remembered for undo. */
int cg_write_limits(const struct cgroup *g, const struct cg_limits *l, bool fresh);
/* No device but those of the rules, in a group just made (cgroup_devices.c). */
int cg_put_devices(const struct cgroup *g, const struct cg_limits *l);
/* Fills `err` for a controller that is not there for the group: says why, and what to do. */
int cg_no_controller(const struct cgroup *g, unsigned controller, const char *what);

#endif
