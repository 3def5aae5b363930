/* SPDX-License-Identifier: MIT */
#include "base/auto.h"
#include "base/err.h"
#include "mech/overlay_in.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Kinds of file systems that take no upper directory: they have no whiteouts, or check names
 * somewhere else. Those of which linux/magic.h has no name are in statfs(2). */
static const struct {
	unsigned magic;
	const char *name;
} cannot_write[] = {
	{OVERLAYFS_SUPER_MAGIC, "an overlay itself"},
	{NFS_SUPER_MAGIC, "NFS"},
	{CIFS_SUPER_MAGIC, "CIFS"},
	{SMB2_SUPER_MAGIC, "SMB"},
	{V9FS_MAGIC, "9p"},
	{MSDOS_SUPER_MAGIC, "FAT"},
	{FUSE_SUPER_MAGIC, "FUSE"},
	{PROC_SUPER_MAGIC, "proc"},
	{SYSFS_MAGIC, "sysfs"},
	{CGROUP_SUPER_MAGIC, "a cgroup"},
	{CGROUP2_SUPER_MAGIC, "a cgroup"},
	{SQUASHFS_MAGIC, "squashfs"},
	{RAMFS_MAGIC, "ramfs"},
};

static unsigned
magic_of(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 ? (unsigned)fs.f_type : 0;
}

/* Each of these looks for one cause: true when it is found and err.hint filled. */

static bool
upper_on_odd_file_system(const struct overlay *o)
{
	unsigned magic = o->upper ? magic_of(o->upper) : 0;
	for (size_t i = 0; i < sizeof(cannot_write) / sizeof(cannot_write[0]); i++)
		if (magic && magic == cannot_write[i].magic) {
			err_hint(
				"%s lies on %s, which overlay cannot write to: put it on ext4, xfs, btrfs or "
				"tmpfs, or copy the layers with --copy",
				o->upper, cannot_write[i].name);
			return true;
		}
	return false;
}

/* The mount's number, not the device's: two mounts of one file system are two for rename(2). */
static bool
work_elsewhere(const struct overlay *o)
{
	struct statx u, w;
	if (!o->upper || statx(AT_FDCWD, o->upper, 0, STATX_MNT_ID, &u) < 0 ||
		statx(AT_FDCWD, o->work, 0, STATX_MNT_ID, &w) < 0 || u.stx_mnt_id == w.stx_mnt_id)
		return false;
	err_hint(
		"%s and %s have to lie in one mount: finished files are renamed from WORK to UPPER",
		o->upper, o->work);
	return true;
}

static bool
read_only(const struct overlay *o)
{
	struct statvfs fs;
	if (!o->upper || statvfs(o->upper, &fs) < 0 || !(fs.f_flag & ST_RDONLY))
		return false;
	err_hint("%s lies on a file system that is read-only", o->upper);
	return true;
}

static bool
disk_full(const struct overlay *o)
{
	struct statvfs fs;
	if (!o->upper || statvfs(o->work, &fs) < 0 ||
		(fs.f_bavail > 0 && (fs.f_files == 0 || fs.f_favail > 0)))
		return false;
	err_hint("the file system of %s is full", o->work);
	return true;
}

/* A directory of the overlay: as it was given, resolved, and what it is. */
struct part {
	const char *given;
	char *path;
	struct stat sb;
};

static struct part
part_of(const char *given)
{
	struct part p = {.given = given, .path = realpath(given, NULL)};
	if (!p.path || stat(p.path, &p.sb) < 0) {
		free(p.path);
		p.path = NULL;
	}
	return p;
}

static bool
lies_in(const struct part *inner, const struct part *outer)
{
	size_t n = strlen(outer->path);
	return strncmp(inner->path, outer->path, n) == 0 && (inner->path[n] == '/' || n == 1);
}

static bool
clash(const struct part *a, const struct part *b)
{
	if (!a->path || !b->path)
		return false;
	/* By inode: a bind mount gives one directory two names. */
	bool same = a->sb.st_dev == b->sb.st_dev && a->sb.st_ino == b->sb.st_ino;
	if (same && strcmp(a->given, b->given) == 0)
		err_hint("%s is given twice", a->given);
	else if (same)
		err_hint("%s and %s are one directory, and an overlay can have it only once",
			b->given, a->given);
	else if (lies_in(a, b))
		err_hint("%s lies in %s: no directory of an overlay can be part of another",
			a->given, b->given);
	else if (lies_in(b, a))
		err_hint("%s lies in %s: no directory of an overlay can be part of another",
			b->given, a->given);
	else
		return false;
	return true;
}

/* Every pair of layers, UPPER and WORK. */
static bool
overlapping(const struct overlay *o)
{
	bool found = false;
	size_t n = 0;
	struct part *parts = calloc(o->n + 2, sizeof(*parts));
	if (!parts)
		abort();
	for (size_t i = 0; i < o->n; i++)
		parts[n++] = part_of(o->layers[i]);
	if (o->upper) {
		parts[n++] = part_of(o->upper);
		parts[n++] = part_of(o->work);
	}
	for (size_t i = 1; i < n && !found; i++)
		for (size_t j = 0; j < i && !found; j++)
			found = clash(&parts[i], &parts[j]);
	for (size_t i = 0; i < n; i++)
		free(parts[i].path);
	free(parts);
	return found;
}

static bool
stacked_too_deep(const struct overlay *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (magic_of(o->layers[i]) == OVERLAYFS_SUPER_MAGIC) {
			err_hint(
				"layer %s lies on an overlay itself, and the kernel stacks them no deeper than "
				"two: mount the layers of both in one overlay",
				o->layers[i]);
			return true;
		}
	return false;
}

/* Without extended attributes there is no place for the marks. tmpfs has user.* since Linux 6.6. */
static bool
no_attributes(const struct overlay *o)
{
	const char *name = overlay_user_xattr() ? "user.overlay.x" : "trusted.overlay.x";
	if (!o->upper || getxattr(o->upper, name, NULL, 0) >= 0 || errno != EOPNOTSUPP)
		return false;
	err_hint(
		"the file system of %s keeps no %.*s attributes, in which overlay has its marks: choose "
		"another, or copy the layers with --copy",
		o->upper, (int)strcspn(name, "."), name);
	return true;
}

static bool
no_module(const struct overlay *o)
{
	(void)o;
	err_hint(
		"this kernel has no overlay: as root, modprobe overlay loads it where it is a module; --copy "
		"does without");
	return true;
}

static bool
old_kernel_rootless(const struct overlay *o)
{
	(void)o;
	if (!overlay_user_xattr())
		return false;
	err_hint(
		"overlay in a user namespace needs Linux 5.11, and the mount namespace has to belong to it; "
		"--copy does without");
	return true;
}

static bool
upper_in_use(const struct overlay *o)
{
	if (!o->upper)
		return false;
	err_hint("another overlay, perhaps in another mount namespace, uses %s or %s", o->upper,
		o->work);
	return true;
}

static bool
look_in_log(const struct overlay *o)
{
	(void)o;
	err_hint("the last lines of dmesg say what the kernel did not like");
	return true;
}

static const struct {
	int no;
	bool (*found)(const struct overlay *o);
} causes[] = {
	{ENODEV, no_module},
	{EPERM, old_kernel_rootless},
	{EBUSY, upper_in_use},
	{ELOOP, overlapping},
	{ENOSPC, disk_full},
	{EROFS, read_only},
	{EXDEV, work_elsewhere},
	{EOPNOTSUPP, no_attributes},
	{EINVAL, upper_on_odd_file_system},
	{EINVAL, work_elsewhere},
	{EINVAL, overlapping},
	{EINVAL, stacked_too_deep},
	{EINVAL, no_attributes},
	{EINVAL, read_only},
	{EINVAL, look_in_log},
};

void
overlay_hint(const struct overlay *o)
{
	char said[sizeof(err.hint)];
	struct err before = err;
	memcpy(said, err.hint, sizeof(said));
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].no == before.no && causes[i].found(o)) {
			/* What the kernel itself says is better than a hint to its log. */
			if (said[0] && causes[i].found == look_in_log)
				memcpy(err.hint, said, sizeof(said));
			return;
		}
}
