/* SPDX-License-Identifier: MIT
 * What is opened before we are in a user namespace that is given by file. Root in there is nobody
 * outside: afterwards neither the root directory nor the sources of binds need to be within reach,
 * and only from outside can files be shown with other ids (mount_setattr(2), EPERM).
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/subid.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"
#include "door/sys_userns.h"
#include "mech/ct_in.h"
#include "mech/userns.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

static bool
may(void)
{
	uint64_t caps = 0;
	struct err before = err;
	bool yes = sys_get_caps(&caps) == 0 && caps & UINT64_C(1) << CAP_SYS_ADMIN;
	err = before;
	return yes;
}

static bool
any_idmap(const struct ct *c)
{
	for (size_t i = 0; i < c->mounts.n; i++)
		if (c->mounts.v[i].idmap)
			return true;
	return false;
}

/* Its ids; of one that is yet to be made another with the same ids stands for it. */
static int
open_ids(const struct ct *c, int *fd)
{
	const char *path = c->ns[CT_USER].path;
	*fd = -1;
	if (!any_idmap(c) || step_dry())
		return 0;
	if (!path)
		return userns_make(&c->uid_map, &c->gid_map, fd);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_sys("open", path, "cannot open namespace %s", path) : 0;
}

static int
open_binds(const struct ct *c, bool all, int ids, struct ct_outside *o)
{
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct ct_mount *m = &c->mounts.v[i];
		if (!(m->flags & MS_BIND) || !(all || m->idmap))
			continue;
		if (sys_clone_tree("what it is to see of the host, taken along", m->source,
			    m->flags & MS_REC, m->idmap ? ids : -1, &o->tree[i]) < 0)
			return -1;
	}
	return 0;
}

static int
open_pidfile(const char *path, int *fd)
{
	if (sys_write_new("the process id will stand there", path, "", 0, 0644) < 0)
		return -1;
	if (step_dry())
		return 0;
	*fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return *fd < 0 ? err_sys("open", path, "cannot open %s", path) : 0;
}

int
ct_outside_limits(const struct ct_process *p)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct ct_rlimit *l = &p->rlimits[i];
		struct rlimit now;
		if (getrlimit((__rlimit_resource_t)l->resource, &now) == 0 &&
			l->hard > now.rlim_max &&
			sys_setrlimit("from outside, for root in there may not raise it",
				l->resource, l->name, now.rlim_cur, l->hard) < 0)
			return -1;
	}
	return 0;
}

int
ct_outside_open(const struct ct *c, struct ct_outside *o)
{
	auto_fd int ids = -1;
	bool given = c->ns[CT_USER].path && may();
	*o = (struct ct_outside){.root = -1, .pidfile = -1};
	if (!c->ns[CT_USER].in || (!given && !any_idmap(c)))
		return 0;
	o->from_outside = given;
	o->tree = malloc((c->mounts.n + 1) * sizeof(*o->tree));
	if (!o->tree)
		abort();
	for (size_t i = 0; i <= c->mounts.n; i++)
		o->tree[i] = -1;
	o->n = c->mounts.n;
	if (open_ids(c, &ids) < 0 || open_binds(c, given, ids, o) < 0)
		return -1;
	if (!given)
		return 0;
	if (c->root.path && !c->root.chroot &&
		sys_clone_tree("the root, taken along", c->root.path, true, -1, &o->root) < 0)
		return -1;
	return c->pidfile ? open_pidfile(c->pidfile, &o->pidfile) : 0;
}

void
ct_outside_close(struct ct_outside *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->tree[i] >= 0)
			close(o->tree[i]);
	free(o->tree);
	if (o->root >= 0)
		close(o->root);
	if (o->pidfile >= 0)
		close(o->pidfile);
	*o = (struct ct_outside){.root = -1, .pidfile = -1};
}

/* As nsenter(1) does: who comes from outside has none of the ids in there. */
int
ct_outside_become_root(const struct ct_child *k)
{
	if (!k->out.from_outside || k->target || !subid_is_mapped("/proc/self/uid_map", 0) ||
		!subid_is_mapped("/proc/self/gid_map", 0))
		return 0;
	static const char why[] =
		"become root of the user namespace: of the host's ids it has none";
	if (sys_setgroups("no groups of the host's", 0, NULL) < 0 || sys_setgid(why, 0) < 0 ||
		sys_setuid(why, 0) < 0)
		return -1;
	return k->forked
		? sys_death_signal("again, for the kernel forgets it with a change of user")
		: 0;
}
