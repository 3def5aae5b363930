/* SPDX-License-Identifier: MIT
 * The mounts of a root, one by one.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* A real /proc tells the truth and guards itself by the masks on it. Something else mounted over
 * parts of it could feed what is written there (labels, settings) to the wrong file. */
static int
refuse_over_proc(const struct ct_place *p, const char *destination)
{
	struct statfs fs;
	if (p->fd < 0 || fstatfs(p->fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	err_set(ERR_DENIED, destination,
		"cannot mount on %s: /proc must be mounted on an ordinary directory, and nothing over it",
		destination);
	return err_hint("--no-proc leaves /proc to you");
}

/* The source is found before we leave the host's tree. */
static int
bind(const struct ct_tree *t, const struct ct_mount *m)
{
	struct ct_place p;
	struct stat sb = {.st_mode = S_IFDIR};
	int tree = t->out && t->out->n ? t->out->tree[t->done] : -1;
	auto_fd int source =
		tree < 0 ? open(m->source, O_PATH | O_CLOEXEC) : fcntl(tree, F_DUPFD_CLOEXEC, 3);
	if (source < 0 && !step_dry())
		return err_sys(
			"open", m->source, "cannot bind %s to %s", m->source, m->destination);
	if (source >= 0 && fstat(source, &sb) < 0)
		return err_sys("fstat", m->source, "cannot look at %s", m->source);
	enum ct_place_kind kind = !S_ISDIR(sb.st_mode) ? CT_FILE
		: m->ordinary			       ? CT_ORDINARY_DIR
						       : CT_DIR;
	if (ct_place_open(t, m->destination, kind, &p) < 0)
		return -1;
	auto_fd int target = p.fd;
	if (refuse_over_proc(&p, m->destination) < 0)
		return -1;
	struct sys_bind b = {
		.source_fd = source,
		.target_fd = target,
		.source = m->source,
		.target = p.shown,
		.attr = m->flags & ~(MS_BIND | MS_REC),
		.propagation = m->propagation,
		.rec = m->flags & MS_REC,
		.detached = tree >= 0,
	};
	return sys_bind_at("show a part of the host inside", &b);
}

static int
mount_fs(const struct ct_tree *t, const struct ct_mount *m)
{
	struct ct_place p;
	if (ct_place_open(t, m->destination, m->ordinary ? CT_ORDINARY_DIR : CT_DIR, &p) < 0)
		return -1;
	auto_fd int target = p.fd;
	if (!m->ordinary && refuse_over_proc(&p, m->destination) < 0)
		return -1;
	const char *why = strcmp(m->type, "proc") == 0 ? "a /proc that shows our own processes"
		: strcmp(m->type, "tmpfs") == 0	       ? "files that live in memory"
						       : "a file system of the kernel's";
	return sys_mount_at(why, m->source, target, p.shown, m->type, m->flags,
		m->data && m->data[0] ? m->data : NULL);
}

int
ct_mount_all(struct ct_tree *t)
{
	for (; t->done < t->c->mounts.n; t->done++) {
		const struct ct_mount *m = &t->c->mounts.v[t->done];
		int r = m->flags & MS_BIND ? bind(t, m) : mount_fs(t, m);
		/* ENODEV: this kernel was built without that file system. */
		if (r < 0 && !(m->optional && (err.no == ENODEV || err.no == ENOENT)))
			return -1;
	}
	return 0;
}
