/* SPDX-License-Identifier: MIT
 * Which trees of control groups this host has. Only /proc/self/mountinfo knows: neither the kernel
 * nor anybody else decides where they are mounted, or which controllers share one (proc(5)).
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "door/rootless.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where everybody looks for the trees. */
#define USUAL_PLACE "/sys/fs/cgroup"

const struct cg_controller cg_controllers[CG_N_CONTROLLERS] = {
	{CG_MEMORY, "memory", "memory"},
	{CG_CPU, "cpu", "cpu"},
	{CG_CPUACCT, "cpuacct", NULL},
	{CG_CPUSET, "cpuset", "cpuset"},
	{CG_PIDS, "pids", "pids"},
	{CG_IO, "blkio", "io"},
	{CG_FREEZER, "freezer", NULL},
	{CG_DEVICES, "devices", NULL},
};
#define V2_CONTROLLERS (CG_MEMORY | CG_CPU | CG_CPUSET | CG_PIDS | CG_IO)

unsigned
cg_controllers_in(char *names, char sep, bool v2)
{
	unsigned bits = 0;
	const char separators[] = {sep, '\0'};
	const char *name;
	while ((name = strsep(&names, separators)))
		for (size_t i = 0; i < CG_N_CONTROLLERS; i++) {
			const char *known = v2 ? cg_controllers[i].v2 : cg_controllers[i].v1;
			if (known && strcmp(known, name) == 0)
				bits |= cg_controllers[i].bit;
		}
	return bits;
}

/* The topmost group on the way to our own that we may write to. Higher than our own, for that one
 * has a process in it, us, and so can give its controllers to no group below (cgroups(7), "no
 * internal processes"). Where there is none, the mount itself: the kernel then says why not. */
static const char *
delegated(const struct cg_tree *t, const char *mount_root)
{
	struct buf own = BUF_INIT, dir = BUF_INIT;
	const struct err before = err;
	size_t skip = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
	const char *line = NULL;
	if (file_read("/proc/self/cgroup", 65536, &own) == 0)
		line = strncmp(own.s, "0::", 3) == 0 ? own.s : strstr(own.s, "\n0::");
	err = before;
	if (!line)
		return t->mount;
	char *path = strchr(line, '/');
	if (!path || strncmp(path, mount_root, skip) != 0)
		return t->mount;
	path[strcspn(path, "\n")] = '\0';
	buf_adds(&dir, t->mount);
	for (path += skip; *path == '/' && path[1];) {
		size_t n = 1 + strcspn(path + 1, "/");
		buf_add(&dir, path, n);
		if (euidaccess(dir.s, W_OK) == 0)
			break;
		path += n;
	}
	const char *base = *path == '/' && path[1] ? buf_take(&dir) : t->mount;
	buf_free(&own);
	buf_free(&dir);
	return base;
}

/* A tree may be mounted in several places, in a container's file system too: the usual place is
 * everybody's, else the first one serves. */
static void
add_tree(struct cg_host *h, struct cg_tree *t, const char *mount_root)
{
	unsigned i = 0;
	while (i < h->n && (h->tree[i].v2 != t->v2 || (h->tree[i].has & t->has) != t->has))
		i++;
	if (i == CG_TREES ||
		(i < h->n &&
			(strncmp(h->tree[i].mount, USUAL_PLACE, strlen(USUAL_PLACE)) == 0 ||
				strncmp(t->mount, USUAL_PLACE, strlen(USUAL_PLACE)) != 0)))
		return;
	t->mount = str_new(t->mount);
	t->base = t->mount;
	if (t->v2 && euidaccess(t->mount, W_OK) < 0)
		t->base = delegated(t, mount_root);
	h->tree[i] = *t;
	h->n += i == h->n;
}

/* A line of the mount table. A v1 tree names its controllers among the options of its file system:
 * "rw,cpu,cpuacct". */
static int
look_at_mount(void *self, const struct mount_entry *m)
{
	struct cg_tree t = {.v2 = strcmp(m->type, "cgroup2") == 0};
	if (!t.v2 && strcmp(m->type, "cgroup") != 0)
		return 0;
	if (!t.v2) {
		auto_free char *options = str_new(m->super);
		t.has = cg_controllers_in(options, ',', false);
		if (!t.has)
			return 0;
	}
	t.mount = m->point;
	add_tree(self, &t, m->root);
	return 0;
}

/* What v1 left to the v2 tree: a controller is in one form or the other, and cgroup.controllers
 * lists those that a group may give to the ones below it. */
static unsigned
controllers_of_v2(const struct cg_tree *t, unsigned v1_has)
{
	auto_buf struct buf path = BUF_INIT;
	char line[256];
	if ((v1_has & V2_CONTROLLERS) == V2_CONTROLLERS)
		return 0;
	path_join(&path, t->base, "cgroup.controllers");
	if (file_read_line(path.s, line, sizeof(line)) < 0)
		return 0;
	return cg_controllers_in(line, ' ', true) & ~v1_has;
}

/* Puts the v2 tree last. Beside v1 trees it is used only for what they cannot do: joining one waits
 * for the kernel's grace period, 5 to 20 ms after an idle spell, where joining seven v1 trees takes
 * 0.2 ms. */
static void
finish_v2(struct cg_host *h)
{
	unsigned i = 0, v1_has = 0;
	for (unsigned k = 0; k < h->n; k++) {
		v1_has |= h->tree[k].has;
		if (h->tree[k].v2)
			i = k;
	}
	struct cg_tree t = h->tree[i];
	if (!t.v2)
		return;
	h->n--;
	memmove(&h->tree[i], &h->tree[i + 1], (h->n - i) * sizeof(t));
	t.has = controllers_of_v2(&t, v1_has);
	if (t.has || !(v1_has & CG_FREEZER))
		h->tree[h->n++] = t;
}

/* An ordinary user, and who is root of a user namespace only, makes groups where somebody has given
 * him a place for them, if anywhere: that is mostly one in the v2 tree, and the others are as if
 * they were not there. */
static void
leave_out_closed(struct cg_host *h)
{
	unsigned n = 0;
	for (unsigned i = 0; i < h->n; i++)
		if (euidaccess(h->tree[i].base, W_OK) == 0)
			h->tree[n++] = h->tree[i];
	h->n = n;
}

int
cg_host(const struct cg_host **host)
{
	static struct cg_host found;
	*host = &found;
	if (found.n)
		return 0;
	if (mountinfo_each("/proc/self/mountinfo", look_at_mount, &found) < 0)
		return -1;
	bool any = found.n > 0, here = rootless_here();
	if (here)
		leave_out_closed(&found);
	if (found.n) {
		finish_v2(&found);
		return 0;
	}
	if (any && here) {
		err_set(ERR_UNSUPPORTED, "cgroup",
			"cannot use control groups: there is none below which you may make one");
		return err_hint("systemd-run --user --scope -p Delegate=yes COMMAND gives one");
	}
	err_set(ERR_UNSUPPORTED, "cgroup", "cannot find a tree of control groups: none is mounted");
	return err_hint("mount -t cgroup2 cgroup2 /sys/fs/cgroup gives one");
}

const struct cg_tree *
cg_v2_tree(const struct cg_host *host)
{
	const struct cg_tree *last = &host->tree[host->n - 1];
	return host->n && last->v2 ? last : NULL;
}
