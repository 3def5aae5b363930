/* SPDX-License-Identifier: MIT
 * Files of /proc and /sys that tell about the whole machine, or change it: some read as empty,
 * some cannot be written. The list is Docker's (moby, oci/defaults.go).
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
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
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

const char *const ct_masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
	NULL,
};

const char *const ct_readonly_paths[] = {
	"/proc/bus",
	"/proc/fs",
	"/proc/irq",
	"/proc/sys",
	"/proc/sysrq-trigger",
	NULL,
};

void
ct_default_masks(struct ct *c)
{
	for (const char *const *p = ct_masked_paths; *p; p++)
		strlist_add(&c->root.masked, *p);
	for (const char *const *p = ct_readonly_paths; *p; p++)
		strlist_add(&c->root.readonly_paths, *p);
}

static bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* What the path claims to be a part of, and whether it is: a root that is shared with somebody
 * hostile may have been changed since we mounted. */
static int
verify(const char *path, int fd)
{
	struct statfs fs;
	bool groups = strcmp(path, "/sys/fs/cgroup") == 0 || below(path, "/sys/fs/cgroup");
	long magic = below(path, "/proc") ? PROC_SUPER_MAGIC
		: below(path, "/sys")	  ? SYSFS_MAGIC
					  : 0;
	if (magic == 0)
		return 0;
	if (fstatfs(fd, &fs) < 0)
		return err_sys("fstatfs", path, "cannot look at %s", path);
	/* What stands on the real /sys there; in a dry run it may be the host's own. */
	if (groups &&
		(fs.f_type == TMPFS_MAGIC || fs.f_type == CGROUP_SUPER_MAGIC ||
			fs.f_type == CGROUP2_SUPER_MAGIC))
		return 0;
	if (fs.f_type != magic)
		return err_set(ERR_DENIED, path, "cannot mask %s: it is not on a real %s", path,
			magic == SYSFS_MAGIC ? "sysfs" : "procfs");
	return 0;
}

/* Opens a path to be masked. 0: it is not there, which is as good. In a dry run the host's own
 * /proc and /sys stand for those that would be mounted. */
static int
find(const struct ct_tree *t, const char *path, struct ct_place *p)
{
	bool kernels = below(path, "/proc") || below(path, "/sys");
	snprintf(p->shown, sizeof(p->shown), "%s%s", t->path[strspn(t->path, "/")] ? t->path : "",
		path);
	if (kernels && step_dry())
		p->fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	else if (kernels)
		p->fd = open_no_links(t->fd, path, O_PATH, 0);
	else
		p->fd = open_in_root(t->fd, path, O_PATH, 0);
	if (p->fd < 0 && errno == ENOENT)
		return 0;
	if (p->fd < 0)
		return err_sys("openat2", path, "cannot open %s to mask it", path);
	return 1;
}

/* The host's /dev/null, and nothing that only has its name. */
static int
open_null(void)
{
	struct stat sb;
	auto_fd int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0)
		return err_sys("open", "/dev/null", "cannot open /dev/null");
	if (!S_ISCHR(sb.st_mode) || sb.st_rdev != makedev(1, 3))
		return err_set(ERR_INVALID, "/dev/null", "/dev/null is not the null device");
	return take_fd(&fd);
}

static int
mask(const struct ct_tree *t, const char *path, int null)
{
	struct ct_place p = {.fd = -1};
	struct stat sb;
	int there = find(t, path, &p);
	auto_fd int fd = p.fd;
	if (there <= 0)
		return there;
	if (verify(path, fd) < 0)
		return -1;
	if (fstat(fd, &sb) < 0)
		return err_sys("fstat", path, "cannot look at %s", path);
	if (S_ISDIR(sb.st_mode))
		return sys_mount_at("a directory that shall read as empty", "tmpfs", fd, p.shown,
			"tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0k,mode=755");
	return sys_bind_at("a file that shall read as empty",
		&(struct sys_bind){.source_fd = null,
			.target_fd = fd,
			.source = "/dev/null",
			.target = p.shown});
}

static int
make_readonly(const struct ct_tree *t, const char *path)
{
	struct ct_place p = {.fd = -1};
	int there = find(t, path, &p);
	auto_fd int fd = p.fd;
	if (there <= 0)
		return there;
	if (verify(path, fd) < 0)
		return -1;
	unsigned long attr = MS_RDONLY;
	if (below(path, "/proc") || below(path, "/sys"))
		attr |= MS_NOSUID | MS_NODEV | MS_NOEXEC;
	return sys_bind_at("to be read, not to be written",
		&(struct sys_bind){.source_fd = fd,
			.target_fd = fd,
			.source = p.shown,
			.target = p.shown,
			.attr = attr,
			.rec = true});
}

int
ct_mask_all(const struct ct_tree *t)
{
	const struct ct_root *r = &t->c->root;
	if (r->masked.n == 0 && r->readonly_paths.n == 0)
		return 0;
	auto_fd int null = open_null();
	if (null < 0)
		return -1;
	for (size_t i = 0; i < r->masked.n; i++)
		if (mask(t, r->masked.v[i], null) < 0)
			return -1;
	for (size_t i = 0; i < r->readonly_paths.n; i++)
		if (make_readonly(t, r->readonly_paths.v[i]) < 0)
			return -1;
	return 0;
}
