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

/* cgroup.freeze takes the order, cgroup.events tells when it is carried out. */
static int
freeze_v2(const struct cgroup *g, const char *dir, bool freeze, int64_t timeout)
{
	if (sys_write(freeze ? "stop all its processes" : "let its processes go on",
		    cg_file(dir, "cgroup.freeze"), freeze ? "1" : "0", freeze ? "0" : "1") < 0)
		return -1;
	if (sys_wait_line(freeze ? "the last of them has stopped" : "all of them go on",
		    cg_file(dir, "cgroup.events"), freeze ? "frozen 1" : "frozen 0", timeout) < 0)
		return too_long(g, freeze);
	return 0;
}

/* freezer.state takes the order, and says FREEZING until the last process has stopped. */
static int
freeze_v1(const struct cgroup *g, const char *dir, bool freeze, int64_t timeout)
{
	const char *want = freeze ? "FROZEN" : "THAWED";
	const char *path = cg_file(dir, "freezer.state");
	if (sys_write(freeze ? "stop all its processes" : "let its processes go on", path, want,
		    freeze ? "THAWED" : "FROZEN") < 0)
		return -1;
	if (sys_wait_line(freeze ? "the last of them has stopped" : "all of them go on", path, want,
		    timeout) < 0)
		return too_long(g, freeze);
	return 0;
}

int
cg_thaw_dir(const char *dir)
{
	char self[8];
	/* Only what was frozen itself: "freezer.state" shows what the groups above do to it too. */
	if (file_read_line(cg_file(dir, "freezer.self_freezing"), self, sizeof(self)) < 0 ||
		strcmp(self, "1") != 0)
		return 0;
	return sys_write("a frozen process does not even die: let them go on",
		cg_file(dir, "freezer.state"), "THAWED", NULL);
}

int
cg_freeze(const struct cgroup *g, bool freeze, int64_t timeout)
{
	bool v2;
	const char *v2_dir = cg_v2_dir(g), *v1_dir = cg_dir_of(g, CG_FREEZER, &v2);
	char self[8];
	/* One freezer is enough, and v2's can be killed while frozen; who used the other one by
	 * hand has it thawed all the same. */
	bool by_v2 = v2_dir && file_exists(cg_file(v2_dir, "cgroup.freeze"));
	if (!by_v2 && !v1_dir)
		return cg_no_controller(g, CG_FREEZER, "the running");
	if (by_v2 && freeze_v2(g, v2_dir, freeze, timeout) < 0)
		return -1;
	if (by_v2 &&
		(freeze || !v1_dir ||
			file_read_line(
				cg_file(v1_dir, "freezer.self_freezing"), self, sizeof(self)) < 0 ||
			strcmp(self, "1") != 0))
		return 0;
	return freeze_v1(g, v1_dir, freeze, timeout);
}
