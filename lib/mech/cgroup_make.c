/* SPDX-License-Identifier: MIT
 * Making a group: a directory in each tree. The kernel fills it with control files by itself.
 */
#include "base/err.h"
#include "base/file.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One directory on the way down, in one tree. */
struct level {
	const struct cg_tree *tree;
	const char *dir;
	bool last; /* it is the group itself */
	bool made; /* by us, in this run */
	char cpus[1024], mems[1024]; /* v1: what the cpuset above has */
};

/* The mark goes where the kernel lets it: user.* since 5.7, trusted.* for root before that; and
 * where it lets none, a note is kept instead. */
static int
mark(const char *dir)
{
	static const char why[] = "mark it as ours, so that tb-ledger finds it";
	if (sys_setxattr(why, dir, MARK_XATTR, "1") == 0)
		return 0;
	if (err.no != EOPNOTSUPP)
		return -1;
	if (geteuid() == 0 && sys_setxattr(why, dir, MARK_XATTR_OLD, "1") == 0)
		return 0;
	return state_note("cgroup", dir);
}

/* A v1 cpuset starts without a processor and without memory, and nobody can join it: it gets what
 * the one above has. What the limits give is written later. */
static int
inherit_cpuset(struct level *at, const struct cg_limits *l)
{
	static const char why[] = "start with what the group above has: without it nobody can join";
	unsigned given = at->last ? l->given : 0;
	if (!(given & CG_GIVE_CPUS) && at->cpus[0] &&
		sys_write(why, cg_file(at->dir, "cpuset.cpus"), at->cpus, NULL) < 0)
		return -1;
	if (!(given & CG_GIVE_MEMS) && at->mems[0] &&
		sys_write(why, cg_file(at->dir, "cpuset.mems"), at->mems, NULL) < 0)
		return -1;
	return 0;
}

static void
read_cpuset(struct level *at, const char *dir)
{
	if (file_read_line(cg_file(dir, "cpuset.cpus"), at->cpus, sizeof(at->cpus)) < 0)
		at->cpus[0] = '\0';
	if (file_read_line(cg_file(dir, "cpuset.mems"), at->mems, sizeof(at->mems)) < 0)
		at->mems[0] = '\0';
}

/* v2: lets the groups below dir have the controllers. That takes nothing from anybody and others
 * may rely on it a moment later, so it is not undone. */
static int
switch_on(const struct level *at, const char *dir)
{
	char line[256] = "";
	auto_buf struct buf text = BUF_INIT, path = BUF_INIT;
	unsigned missing = at->tree->has;
	path_join(&path, dir, "cgroup.subtree_control");
	if (!at->made && missing && file_read_line(path.s, line, sizeof(line)) == 0)
		missing &= ~cg_controllers_in(line, ' ', true);
	for (size_t i = 0; i < CG_N_CONTROLLERS; i++)
		if (missing & cg_controllers[i].bit)
			buf_addf(&text, "%s+%s", text.len ? " " : "", cg_controllers[i].v2);
	if (!text.len)
		return 0;
	return sys_write("let the groups below it have these controllers", path.s, text.s, NULL);
}

static int
make_dir(const struct cg_tree *tree, const char *dir)
{
	auto_buf struct buf why = BUF_INIT;
	/* A dry run asks, for nothing will fail; a real one needs no look before the call. */
	if (step_dry() && dir_exists(dir)) {
		errno = EEXIST;
		return err_sys("mkdir", dir, "cannot make directory %s", dir);
	}
	buf_adds(
		&why, tree->v2 ? "make the group in the v2 tree" : "make the group in the tree of");
	for (size_t i = 0; i < CG_N_CONTROLLERS && !tree->v2; i++)
		if (tree->has & cg_controllers[i].bit)
			buf_addf(&why, " %s", cg_controllers[i].v1);
	buf_adds(&why, ": the kernel fills it with files");
	return sys_mkdir(why.s, dir, 0755);
}

static int
make_level(struct level *at, const struct cg_limits *l)
{
	/* Parents that are there stay as they are; so the last part alone may not exist. */
	at->made = at->last || !dir_exists(at->dir);
	if (at->made) {
		if (make_dir(at->tree, at->dir) < 0 || mark(at->dir) < 0)
			return -1;
		if (at->tree->has & CG_CPUSET && !at->tree->v2 && inherit_cpuset(at, l) < 0)
			return -1;
	} else if (at->tree->has & CG_CPUSET && !at->tree->v2) {
		read_cpuset(at, at->dir);
	}
	return at->tree->v2 && !at->last ? switch_on(at, at->dir) : 0;
}

/* The path in one tree, from the base down: a, a/b, a/b/c. */
static int
make_in(const struct cg_tree *tree, char *dir, const struct cg_limits *l)
{
	struct level at = {.tree = tree, .dir = dir};
	if (tree->has & CG_CPUSET && !tree->v2)
		read_cpuset(&at, tree->base);
	if (tree->v2 && switch_on(&at, tree->base) < 0)
		return -1;
	for (char *slash = dir + strlen(tree->base) + 1; !at.last; slash++) {
		slash += strcspn(slash, "/");
		at.last = *slash == '\0';
		*slash = '\0';
		int r = make_level(&at, l);
		if (!at.last)
			*slash = '/';
		if (r < 0)
			return -1;
	}
	return 0;
}

int
cg_create(const char *name, const struct cg_limits *l, struct cgroup *g)
{
	if (cg_places(name, g) < 0)
		return -1;
	for (unsigned i = 0; i < g->host->n; i++) {
		/* Where all devices may be used the tree would do nothing. */
		if (g->host->tree[i].has == CG_DEVICES && !(l->given & CG_GIVE_DEVICES)) {
			free(g->dir[i]);
			g->dir[i] = NULL;
			continue;
		}
		if (make_in(&g->host->tree[i], g->dir[i], l) == 0)
			continue;
		if (err.no == EEXIST)
			err_hint(dir_exists(err.object)
					? "cg-set changes its limits, cg-rm removes it"
					: "that is the name of a control file of the group above");
		return -1;
	}
	if (l->given & CG_GIVE_DEVICES && cg_put_devices(g, l) < 0)
		return -1;
	return cg_write_limits(g, l, true);
}
