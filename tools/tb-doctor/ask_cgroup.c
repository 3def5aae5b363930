/* SPDX-License-Identifier: MIT
 * Questions about control groups. Only looked at: a group made for a trial would be seen by all.
 */
#include "doctor.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "mech/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	unsigned bit;
	const char *name;
} names[] = {{CG_MEMORY, "memory"}, {CG_CPU, "cpu"}, {CG_CPUACCT, "cpuacct"}, {CG_CPUSET, "cpuset"},
	{CG_PIDS, "pids"}, {CG_IO, "io"}, {CG_FREEZER, "freezer"}};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static const struct cg_host *
host(void)
{
	const struct cg_host *h;
	if (cg_host(&h) == 0)
		return h;
	err_clear();
	return NULL;
}

static void
add_names(struct buf *b, unsigned has)
{
	const char *lead = "";
	for (size_t i = 0; i < N_NAMES; i++)
		if (has & names[i].bit) {
			buf_addf(b, "%s%s", lead, names[i].name);
			lead = " ";
		}
}

/* "v1 (memory cpu …) and v2 (…)", by what each has to give. */
static void
add_version(struct buf *b, const struct cg_host *h, bool v2)
{
	unsigned has = 0;
	bool any = false;
	for (unsigned i = 0; i < h->n; i++)
		if (h->tree[i].v2 == v2) {
			has |= h->tree[i].has;
			any = true;
		}
	if (!any)
		return;
	buf_addf(b, "%sv%d", b->len ? " and " : "", v2 ? 2 : 1);
	if (has) {
		buf_adds(b, " (");
		add_names(b, has);
		buf_addc(b, ')');
	}
}

void
ask_cgroup(const struct question *q, struct answer *a)
{
	const struct cg_host *h = host();
	(void)q;
	a->yes = h != NULL;
	if (!h) {
		buf_adds(&a->mend, "as root: mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
	add_version(&a->detail, h, false);
	add_version(&a->detail, h, true);
}

static const struct cg_tree *
tree_of(const struct cg_host *h, unsigned bit)
{
	for (unsigned i = 0; h && i < h->n; i++)
		if (h->tree[i].has & bit)
			return &h->tree[i];
	return NULL;
}

void
ask_controller(const struct question *q, struct answer *a)
{
	const struct cg_host *h = host();
	const struct cg_tree *t = tree_of(h, (unsigned)q->arg);
	/* v2 freezes without a controller. */
	if (!t && h && q->arg == CG_FREEZER)
		t = cg_v2_tree(h);
	a->yes = t != NULL;
	if (t)
		buf_adds(&a->detail, t->v2 ? "v2" : "v1");
	else if (!h)
		buf_adds(&a->mend, "see cgroup");
	else if (q->arg == CG_MEMORY)
		buf_adds(&a->mend,
			"boot with cgroup_enable=memory; where systemd delegates: Delegate=memory");
	else if (!doctor_is_root() && cg_v2_tree(h))
		buf_adds(&a->mend,
			"as root: systemctl edit user@.service, with [Service] "
			"Delegate=cpu cpuset io memory pids");
	else
		buf_adds(&a->mend, "a kernel with this controller, or its mount (cgroups(7))");
}

void
ask_delegated(const struct question *q, struct answer *a)
{
	const struct cg_host *h = host();
	unsigned may = 0;
	(void)q;
	for (unsigned i = 0; h && i < h->n; i++)
		may += faccessat(AT_FDCWD, h->tree[i].base, W_OK | X_OK, AT_EACCESS) == 0;
	a->yes = h && may == h->n;
	if (a->yes)
		return;
	if (may)
		buf_addf(&a->detail, "in %u of %u trees", may, h->n);
	if (doctor_is_root())
		buf_adds(&a->mend, "mount the groups writable: mount -o remount,rw /sys/fs/cgroup");
	else
		buf_adds(&a->mend,
			"systemd-run --user --scope -p Delegate=yes sh; or as root: cg-create NAME, "
			"and chown its directories");
}

/* An ordinary user's boxes use what was given to him of the v2 tree, and no other tree. */
void
ask_user_groups(const struct question *q, struct answer *a)
{
	const struct cg_host *h = host();
	const struct cg_tree *t = h ? cg_v2_tree(h) : NULL;
	(void)q;
	if (doctor_is_root()) {
		a->yes = h != NULL;
		buf_adds(&a->detail, "root has all");
		if (!h)
			buf_adds(&a->mend, "see cgroup");
		return;
	}
	bool given = t && faccessat(AT_FDCWD, t->base, W_OK | X_OK, AT_EACCESS) == 0;
	if (given)
		add_names(&a->detail, t->has);
	a->yes = given && t->has & CG_MEMORY && t->has & CG_PIDS && t->has & CG_CPU;
	if (a->yes)
		return;
	if (given)
		buf_adds(&a->mend,
			"as root: systemctl edit user@.service, with [Service] "
			"Delegate=cpu cpuset io memory pids");
	else if (h && (!t || !t->has))
		buf_adds(&a->mend,
			"boot with systemd.unified_cgroup_hierarchy=1: controllers are on v1, "
			"where nothing can be given to users; boxes run without limits");
	else
		buf_adds(&a->mend,
			"systemd-run --user --scope COMMAND, or log in by way of systemd: what is "
			"started from there has a group of yours above it");
}

/* Whether a group somewhere below the base has the file, which the root of a tree has not. 1, 0, or
 * -1 when there is no group to look at. */
static int
a_group_has(const struct cg_tree *t, const char *file)
{
	struct dirent *e;
	int found = -1;
	auto_dir DIR *d = opendir(t->base);
	while (d && found != 1 && (e = readdir(d))) {
		auto_buf struct buf path = BUF_INIT;
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		buf_addf(&path, "%s/%s/%s", t->base, e->d_name, file);
		found = file_exists(path.s);
	}
	return found;
}

void
ask_cg_kill(const struct question *q, struct answer *a)
{
	const struct cg_host *h = host();
	const struct cg_tree *t = h ? cg_v2_tree(h) : NULL;
	int has = t ? a_group_has(t, "cgroup.kill") : 0;
	(void)q;
	/* Without a group only the kernel's age tells. */
	a->yes = has > 0 || (has < 0 && doctor_kernel() >= 514);
	if (a->yes)
		return;
	if (h && !t)
		buf_adds(&a->detail, "the groups are v1");
	buf_adds(&a->mend,
		"Linux 5.14 and cgroup v2; without it cg-rm --kill stops all, then kills one by one");
}

void
ask_cg_swap(const struct question *q, struct answer *a)
{
	const struct cg_tree *t = tree_of(host(), CG_MEMORY);
	auto_buf struct buf path = BUF_INIT;
	(void)q;
	if (t && t->v2) {
		a->yes = a_group_has(t, "memory.swap.max") != 0;
	} else if (t) {
		path_join(&path, t->base, "memory.memsw.limit_in_bytes");
		a->yes = file_exists(path.s);
	}
	if (!a->yes)
		buf_adds(&a->mend, t ? "boot with swapaccount=1" : "see cg-memory");
}
