/* SPDX-License-Identifier: MIT */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "base/parse.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "mech/overlay.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* What is mounted on a place, and the first mount below it. */
struct place {
	const char *point;
	int id; /* 0: nothing */
	bool ours;
	struct buf below;
};

/* Of two mounts on one place the later one is seen. */
static int
look_at(void *self, const struct mount_entry *m)
{
	struct place *p = self;
	if (strcmp(m->point, p->point) == 0) {
		p->id = m->id;
		p->ours = strcmp(m->source, MARK) == 0;
		buf_reset(&p->below);
	} else if (p->id && m->parent == p->id && p->below.len == 0) {
		buf_adds(&p->below, m->point);
	}
	return 0;
}

/* Whether a link of /proc/PID leads to the mount. */
static bool
leads_to(const char *pid, const char *link, const char *point)
{
	char path[PATH_MAX], target[PATH_MAX];
	size_t len = strlen(point);
	snprintf(path, sizeof(path), "/proc/%.20s/%s", pid, link);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strncmp(target, point, len) == 0 && (target[len] == '/' || target[len] == '\0');
}

static bool
has_open(const char *pid, const char *point)
{
	char path[64], link[64 + NAME_MAX];
	struct dirent *e;
	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	auto_dir DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(link, sizeof(link), "fd/%s", e->d_name);
		if (leads_to(pid, link, point))
			return true;
	}
	return false;
}

/* How the process holds on to the mount, NULL when it does not. */
static const char *
held_by(const char *pid, const char *point)
{
	if (leads_to(pid, "cwd", point))
		return "stands in it";
	if (leads_to(pid, "root", point))
		return "has its root directory there";
	if (leads_to(pid, "exe", point))
		return "runs a program from it";
	return has_open(pid, point) ? "has a file open there" : NULL;
}

/* EBUSY does not say who: the first process that a look through /proc shows. */
static void
busy_hint(const struct place *p)
{
	struct dirent *e;
	const char *how = NULL;
	char comm[32], path[64];
	if (p->below.len) {
		err_hint("%s is mounted below it: unmount that first", p->below.s);
		return;
	}
	auto_dir DIR *proc = opendir("/proc");
	while (!how && proc && (e = readdir(proc)))
		if (is_digits(e->d_name))
			how = held_by(e->d_name, p->point);
	if (!how) {
		err_hint(
			"something holds on to it: --lazy takes it away, and it ends with its last user");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
	if (file_read_line(path, comm, sizeof(comm)) < 0)
		comm[0] = '\0';
	err_hint("process %s (%s) %s: end it first, or use --lazy", e->d_name, comm, how);
}

static int
not_ours(const char *dir, const struct place *p)
{
	err_set(ERR_NOT_FOUND, dir, "cannot unmount %s: %s", dir,
		p->id ? "what is mounted there is not ours" : "nothing is mounted there");
	if (state_noted("copy", p->point))
		err_hint("it is a copy, not a mount: ufs-mount --umount --copy removes it");
	else if (p->id)
		err_hint("only what ufs-mount mounted is taken away: umount(8) does the rest");
	return -1;
}

static int
umount_place(const struct place *p, bool noted, bool lazy)
{
	static const char now[] = "take the merged tree away; the layers stay as they are";
	static const char later[] = "out of sight at once, gone with its last user";
	if (sys_umount(lazy ? later : now, p->point, lazy ? MNT_DETACH : 0) < 0) {
		if (err.no == EBUSY)
			busy_hint(p);
		return -1;
	}
	return noted ? state_forget("mount", p->point) : 0;
}

int
overlay_umount(const char *dir, bool lazy)
{
	auto_buf struct buf path = BUF_INIT;
	if (path_resolve(dir, &path) < 0)
		return -1;
	struct place p = {.point = path.s};
	int r = mountinfo_each("/proc/self/mountinfo", look_at, &p);
	bool noted = state_noted("mount", path.s);
	if (r == 0)
		r = p.id && (p.ours || noted) ? umount_place(&p, noted, lazy) : not_ours(dir, &p);
	buf_free(&p.below);
	return r;
}
