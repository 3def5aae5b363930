/* SPDX-License-Identifier: MIT
 * The door: places inside a root that may be hostile, reached through descriptors only.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys_ns.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int
sys_mkdir_at(const char *why, int dir, const char *name, const char *shown, mode_t mode)
{
	struct step st;
	if (step_open(&st, "mkdir", why)) {
		step_result(&st, mkdirat(dir, name, mode));
		/* Somebody was faster, or it was there all along under another name. */
		if (st.no == EEXIST)
			step_result(&st, 0);
	}
	if (step_told(&st)) {
		step_call(&st, "mkdirat(%s, 0%03o)", tell_c(shown), mode);
		step_shell(&st, "mkdir -p %s", tell_sh(shown));
	}
	if (step_close(&st) < 0)
		return err_sys("mkdir", shown, "cannot make directory %s", shown);
	return 0;
}

int
sys_touch_at(const char *why, int dir, const char *name, const char *shown)
{
	struct step st;
	if (step_open(&st, "open", why)) {
		auto_fd int fd = openat(
			dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		step_result(&st, fd < 0 ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "openat(%s, O_CREAT|O_EXCL, 0644)", tell_c(shown));
		step_shell(&st, ": >> %s", tell_sh(shown));
	}
	if (step_close(&st) < 0)
		return err_sys("open", shown, "cannot make file %s", shown);
	return 0;
}

/* The mode that is asked for, whatever the umask: a device nobody may open is of no use. */
static long
make_node(int dir, const char *name, mode_t mode, dev_t dev)
{
	mode_t mask = umask(0);
	int r = mknodat(dir, name, mode, dev);
	umask(mask);
	return r;
}

int
sys_mknod_at(const char *why, int dir, const char *name, const char *shown, mode_t mode, dev_t dev)
{
	struct step st;
	if (step_open(&st, "mknod", why))
		step_result(&st, make_node(dir, name, mode, dev));
	if (step_told(&st)) {
		step_call(&st, "mknodat(%s, %06o, makedev(%u, %u))", tell_c(shown), mode,
			major(dev), minor(dev));
		step_shell(&st, "mknod -m %03o %s %s %u %u", mode & 07777, tell_sh(shown),
			S_ISBLK(mode) ? "b" : "c", major(dev), minor(dev));
	}
	if (step_close(&st) < 0)
		return err_sys("mknod", shown, "cannot make device %s", shown);
	return 0;
}

int
sys_symlink_at(const char *why, const char *target, int dir, const char *name, const char *shown)
{
	struct step st;
	if (step_open(&st, "symlink", why))
		step_result(&st, symlinkat(target, dir, name));
	if (step_told(&st)) {
		step_call(&st, "symlinkat(%s, %s)", tell_c(target), tell_c(shown));
		step_shell(&st, "ln -s %s %s", tell_sh(target), tell_sh(shown));
	}
	if (step_close(&st) < 0)
		return err_sys("symlink", shown, "cannot make symbolic link %s", shown);
	return 0;
}

static uint64_t
mount_attr(unsigned long flags)
{
	return (flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0) |
		(flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
		(flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0) |
		(flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0) |
		(flags & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0) |
		(flags & MS_NOATIME ? MOUNT_ATTR_NOATIME : 0) |
		(flags & MS_STRICTATIME ? MOUNT_ATTR_STRICTATIME : 0);
}

/* The three ways of atime are one field, which must be emptied before it is set; relatime is its 0.
 */
static uint64_t
mount_attr_clear(unsigned long flags)
{
	return flags & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME) ? MOUNT_ATTR__ATIME : 0;
}

/* A detached copy of the source, set up while nobody can reach it, then put in its place: there is
 * no moment at which it is there but writable. open_tree(2) and move_mount(2) since 5.2,
 * mount_setattr(2) since 5.12. */
static long
bind_detached(const struct sys_bind *b)
{
	unsigned rec = b->rec ? AT_RECURSIVE : 0;
	struct mount_attr attr = {.attr_set = mount_attr(b->attr),
		.attr_clr = mount_attr_clear(b->attr),
		.propagation = b->propagation & ~MS_REC};
	auto_fd int tree = b->detached
		? fcntl(b->source_fd, F_DUPFD_CLOEXEC, 3)
		: (int)syscall(SYS_open_tree, b->source_fd, "",
			  AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | rec);
	if (tree < 0 ||
		syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | rec, &attr, sizeof(attr)) < 0)
		return -1;
	return syscall(SYS_move_mount, tree, "", b->target_fd, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* Flags a mount has already, which a remount must name again or lose (mount(2)). */
static unsigned long
inherited_flags(int fd)
{
	struct statvfs vfs;
	if (fd < 0 || fstatvfs(fd, &vfs) < 0)
		return 0;
	return (vfs.f_flag & ST_RDONLY ? MS_RDONLY : 0) | (vfs.f_flag & ST_NOSUID ? MS_NOSUID : 0) |
		(vfs.f_flag & ST_NODEV ? MS_NODEV : 0) | (vfs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0) |
		(vfs.f_flag & ST_NOATIME ? MS_NOATIME : 0) |
		(vfs.f_flag & ST_RELATIME ? MS_RELATIME : 0);
}

/* The same in two calls, for older kernels. The remount goes through the place's name: a mount
 * that was put on a descriptor's place cannot be reached through that descriptor. */
static long
bind_plain(const struct sys_bind *b)
{
	char from[64], to[64];
	snprintf(from, sizeof(from), "/proc/self/fd/%d", b->source_fd);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", b->target_fd);
	unsigned long keep = inherited_flags(b->source_fd);
	if (mount(from, to, NULL, MS_BIND | (b->rec ? MS_REC : 0), NULL) < 0)
		return -1;
	if (b->attr &&
		mount(NULL, b->target, NULL, MS_BIND | MS_REMOUNT | b->attr | keep, NULL) < 0)
		return -1;
	return b->propagation ? mount(NULL, b->target, NULL, b->propagation, NULL) : 0;
}

static long
bind_at(const struct sys_bind *b)
{
	long r = -1;
	errno = ENOSYS;
	if (b->attr || b->propagation || b->detached)
		r = bind_detached(b);
	return r < 0 && errno == ENOSYS && !b->detached ? bind_plain(b) : r;
}

/* mount(8) with its own words for the flags. */
static void
tell_bind(struct step *st, const struct sys_bind *b)
{
	static const struct {
		unsigned long flag;
		const char *option;
	} words[] = {{MS_RDONLY, "ro"}, {MS_NOSUID, "nosuid"}, {MS_NODEV, "nodev"},
		{MS_NOEXEC, "noexec"}, {MS_NOATIME, "noatime"}, {MS_RELATIME, "relatime"},
		{MS_STRICTATIME, "strictatime"}, {MS_NODIRATIME, "nodiratime"}};
	unsigned long flags = b->attr | inherited_flags(b->source_fd);
	auto_buf struct buf options = BUF_INIT;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (flags & words[i].flag)
			buf_addf(&options, ",%s", words[i].option);
	step_call(st, "%s(%s, %s%s)", b->attr ? "open_tree, mount_setattr, move_mount" : "mount",
		tell_c(b->source), tell_c(b->target), b->attr ? buf_str(&options) : ", MS_BIND");
	step_shell(st, "mount -n -i --%sbind %s %s", b->rec ? "r" : "", tell_sh(b->source),
		tell_sh(b->target));
	if (b->attr)
		step_shell(st, "\nmount -n -i -o remount,bind%s %s", buf_str(&options),
			tell_sh(b->target));
	if (b->propagation)
		step_shell(st, "\nmount --make-%s%s %s", b->propagation & MS_REC ? "r" : "",
			b->propagation & MS_SLAVE	     ? "slave"
				: b->propagation & MS_SHARED ? "shared"
							     : "private",
			tell_sh(b->target));
}

int
sys_bind_at(const char *why, const struct sys_bind *b)
{
	struct step st;
	if (step_open(&st, "mount", why))
		step_result(&st, bind_at(b));
	if (step_told(&st))
		tell_bind(&st, b);
	if (step_close(&st) < 0)
		return err_sys("mount", b->target, "cannot bind %s to %s", b->source, b->target);
	return 0;
}
