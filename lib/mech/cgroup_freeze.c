/* SPDX-License-Identifier: MIT
 * Freezing: every process of a group stops where it stands, and cannot tell.
 */
#include "base/err.h"
#include "base/file.h"
#include "door/sys.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Processes freeze when they next leave the kernel; one that waits in it for a disk that does not
 * answer keeps the whole group from being frozen. */
static int
too_long(const struct cgroup *g, bool freeze)
{
	if (err.no != ETIMEDOUT)
		return -1;
	err_prefix("cannot %s group %s", freeze ? "freeze" : "thaw", g->name);
	err.class = ERR_IN_USE;
	if (freeze)
		return err_hint("a process of it is stuck in the kernel (state D in ps)");
	return err_hint("a group above it is frozen: thaw that one");
}

bool
cg_is_frozen(const char *dir, const char *file)
{
	char self[8];
	return file_read_line(cg_file(dir, file), self, sizeof(self)) == 0 && self[0] == '1';
}

/* One file takes the order, and one tells when it is carried out. */
static int
order(const struct cgroup *g, const char *dir, bool v2, bool freeze, int64_t timeout)
{
	const char *file = v2 ? "cgroup.freeze" : "freezer.state";
	const char *on = v2 ? "1" : "FROZEN", *off = v2 ? "0" : "THAWED";
	bool was = cg_is_frozen(dir, v2 ? file : "freezer.self_freezing");
	if (sys_write(freeze ? "stop all its processes" : "let its processes go on",
		    cg_file(dir, file), freeze ? on : off, was ? on : off) < 0)
		return -1;
	const char *done = freeze ? "FROZEN" : "THAWED"; /* v1 says FREEZING up to then */
	if (v2) {
		file = "cgroup.events";
		done = freeze ? "frozen 1" : "frozen 0";
	}
	if (sys_wait_line(freeze ? "the last of them has stopped" : "all of them go on",
		    cg_file(dir, file), done, timeout) < 0)
		return too_long(g, freeze);
	return 0;
}

int
cg_thaw_dir(const char *dir)
{
	if (!cg_is_frozen(dir, "freezer.self_freezing"))
		return 0;
	return sys_write("a frozen process does not even die: let them go on",
		cg_file(dir, "freezer.state"), "THAWED", NULL);
}

int
cg_freeze(const struct cgroup *g, bool freeze, int64_t timeout)
{
	bool v2;
	const char *v2_dir = cg_v2_dir(g), *v1_dir = cg_dir_of(g, CG_FREEZER, &v2);
	/* One freezer is enough, and what v2's holds can be killed. */
	v2 = v2_dir && file_exists(cg_file(v2_dir, "cgroup.freeze"));
	if (!v2 && !v1_dir) {
		err_set(ERR_UNSUPPORTED, g->name, "cannot freeze group %s: it has no freezer",
			g->name);
		return err_hint("cgroup v2 has one since Linux 5.2; "
				"v1's may be mounted: mount -t cgroup -o freezer cgroup DIRECTORY");
	}
	if (freeze && cg_not_inside(g, "freeze") < 0)
		return -1;
	return order(g, v2 ? v2_dir : v1_dir, v2, freeze, timeout);
}
