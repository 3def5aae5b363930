/* SPDX-License-Identifier: MIT
 * Ending what is in a group, and taking the group away.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)

/* The part of the group that lies in its v2 tree, or all of it but that. */
static struct cgroup
part_of(const struct cgroup *g, bool v2)
{
	struct cgroup part = *g;
	for (unsigned i = 0; i < g->host->n; i++)
		if (g->host->tree[i].v2 != v2)
			part.dir[i] = NULL;
	return part;
}

/* Ends processes one by one. */
static int
kill_each(const struct cgroup *g, const struct cg_pids *p)
{
	if (p->n == 0)
		return 0;
	if (p->v[0] == 0) {
		err_set(ERR_IN_USE, g->name, "cannot kill all processes of group %s", g->name);
		return err_hint("some belong to another pid namespace, and have no number here");
	}
	return sys_kill("end its processes", p->v, p->n, SIGKILL);
}

/* One order of v2 ends all there is, and what is being born meanwhile (since 5.14). Those outside
 * that tree, as when somebody wrote a number into one `tasks` file, are killed one by one. */
static int
kill_once(const struct cgroup *g, bool *some_in_v1_only)
{
	const struct cgroup v1_part = part_of(g, false), v2_part = part_of(g, true);
	auto_pids struct cg_pids in_v1 = {0}, in_v2 = {0};
	const char *dir = cg_v2_dir(g);
	size_t n = 0;
	if (cg_pids(&v2_part, &in_v2) < 0 || cg_pids(&v1_part, &in_v1) < 0)
		return -1;
	for (size_t i = 0; i < in_v1.n; i++)
		if (!cg_pids_hold(&in_v2, in_v1.v[i]))
			in_v1.v[n++] = in_v1.v[i];
	in_v1.n = n;
	*some_in_v1_only = n > 0;
	if (kill_each(g, &in_v1) < 0)
		return -1;
	if (in_v2.n && file_exists(cg_file(dir, "cgroup.kill")))
		return sys_write("end all its processes, and those of the groups below",
			cg_file(dir, "cgroup.kill"), "1", NULL);
	return kill_each(g, &in_v2);
}

static int
thaw_dir(void *ctx, const char *dir)
{
	(void)ctx;
	return cg_thaw_dir(dir);
}

static int
wait_dir(void *ctx, const char *dir)
{
	struct cg_pids pids = {0};
	int r = cg_pids_add(&pids, dir);
	free(pids.v);
	if (r < 0 || pids.n == 0)
		return r;
	return sys_wait_line(
		"the last of them is gone", cg_file(dir, "cgroup.procs"), NULL, *(int64_t *)ctx);
}

/* A process leaves all trees at once, and v2 says whether anybody is in a group or below. v1 has to
 * be asked group by group, for those who are not in v2. */
static int
wait_until_gone(const struct cgroup *g, bool some_in_v1_only, int64_t timeout)
{
	const char *v2_dir = cg_v2_dir(g);
	if (v2_dir &&
		sys_wait_line("the last of them is gone", cg_file(v2_dir, "cgroup.events"),
			"populated 0", timeout) < 0)
		return -1;
	for (unsigned i = 0; some_in_v1_only && i < g->host->n; i++)
		if (g->dir[i] && !g->host->tree[i].v2 &&
			cg_each_dir(g->dir[i], wait_dir, &timeout) < 0)
			return -1;
	return 0;
}

/* Freezes on v1 what v2 cannot kill at once, for a fork bomb outruns whoever kills one after the
 * other; kills; and thaws, here and in groups below that were frozen before, for no frozen process
 * of v1 dies. */
static int
kill_round(const struct cgroup *g, bool *some_in_v1_only)
{
	bool v2;
	const char *freezer = cg_dir_of(g, CG_FREEZER, &v2);
	bool hold = freezer && !cg_v2_dir(g);
	if (hold &&
		sys_write("stop them first: what does not run makes no new ones",
			cg_file(freezer, "freezer.state"), "FROZEN",
			cg_is_frozen(freezer, "freezer.self_freezing") ? NULL : "THAWED") < 0)
		return -1;
	if (kill_once(g, some_in_v1_only) < 0)
		return -1;
	if (hold &&
		sys_write("let them go on, to die", cg_file(freezer, "freezer.state"), "THAWED",
			NULL) < 0)
		return -1;
	return freezer ? cg_each_dir(freezer, thaw_dir, NULL) : 0;
}

int
cg_kill(const struct cgroup *g, int64_t timeout)
{
	bool v1_too = false;
	int64_t slice = SECOND / 20;
	if (cg_not_inside(g, "kill") < 0)
		return -1;
	/* Those that were born between the look and the kill, where nothing held them still, are
	 * found by the next round. */
	for (int64_t left = timeout;; left -= slice, slice = slice < SECOND ? slice * 2 : slice) {
		if (kill_round(g, &v1_too) < 0)
			return -1;
		if (wait_until_gone(g, v1_too, left < slice ? left : slice) == 0)
			return 0;
		if (err.no != ETIMEDOUT)
			return -1;
		if (left > slice)
			continue;
		err_prefix("cannot end the processes of group %s", g->name);
		err.class = ERR_IN_USE;
		return err_hint("they may be stuck in the kernel (state D in ps), "
				"or a v1 group above is frozen");
	}
}

/* Whether a process is in the way. Found out before anything is removed: a group that is half gone
 * helps nobody. */
static int
check_empty(const struct cgroup *g)
{
	auto_pids struct cg_pids pids = {0};
	auto_buf struct buf some = BUF_INIT;
	if (cg_pids(g, &pids) < 0)
		return -1;
	if (pids.n == 0)
		return 0;
	for (size_t i = 0; i < pids.n && i < 5; i++)
		buf_addf(&some, "%s%d", i ? " " : "", pids.v[i]);
	errno = EBUSY;
	err_sys("rmdir", g->name, "cannot remove group %s: %zu process%s (%s%s) %s in it", g->name,
		pids.n, pids.n == 1 ? "" : "es", some.s, pids.n > 5 ? " ..." : "",
		pids.n == 1 ? "is" : "are");
	return err_hint("--kill ends %s first", pids.n == 1 ? "it" : "them");
}

static int
remove_dir(void *ctx, const char *dir)
{
	(void)ctx;
	/* The note that stands for a mark, where the kernel could not hold one. */
	bool noted = state_noted("cgroup", dir);
	if (sys_rmdir("an empty group is a directory to be removed", dir) < 0)
		return err.no == ENOENT ? 0 : -1;
	return noted ? state_forget("cgroup", dir) : 0;
}

/* Mostly they have all ended by themselves. */
static int
kill_some(const struct cgroup *g, int64_t timeout)
{
	auto_pids struct cg_pids pids = {0};
	if (cg_pids(g, &pids) < 0)
		return -1;
	return pids.n ? cg_kill(g, timeout) : 0;
}

int
cg_remove(const struct cgroup *g, bool kill, int64_t timeout)
{
	if (kill ? kill_some(g, timeout) < 0 : check_empty(g) < 0)
		return -1;
	/* The v2 tree first: it is the one that knows best whether somebody came back. */
	for (unsigned i = g->host->n; i-- > 0;)
		if (g->dir[i] && cg_each_dir(g->dir[i], remove_dir, NULL) < 0)
			return -1;
	return 0;
}
