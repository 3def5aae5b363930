/* SPDX-License-Identifier: MIT
 * The door, part two: mounts and the root directory.
 */
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The flags of mount(2), as C names and as mount(8) options. */
static const struct {
	unsigned long flag;
	const char *name;
	const char *option;
} flag_names[] = {
	{MS_RDONLY, "MS_RDONLY", "ro"},
	{MS_NOSUID, "MS_NOSUID", "nosuid"},
	{MS_NODEV, "MS_NODEV", "nodev"},
	{MS_NOEXEC, "MS_NOEXEC", "noexec"},
	{MS_REMOUNT, "MS_REMOUNT", "remount"},
	{MS_NOATIME, "MS_NOATIME", "noatime"},
	{MS_RELATIME, "MS_RELATIME", "relatime"},
	{MS_STRICTATIME, "MS_STRICTATIME", "strictatime"},
	{MS_NODIRATIME, "MS_NODIRATIME", "nodiratime"},
	{MS_SYNCHRONOUS, "MS_SYNCHRONOUS", "sync"},
	{MS_DIRSYNC, "MS_DIRSYNC", "dirsync"},
	{MS_BIND, "MS_BIND", NULL},
	{MS_REC, "MS_REC", NULL},
	{MS_PRIVATE, "MS_PRIVATE", NULL},
	{MS_SLAVE, "MS_SLAVE", NULL},
	{MS_SHARED, "MS_SHARED", NULL},
	{MS_UNBINDABLE, "MS_UNBINDABLE", NULL},
};
#define N_FLAGS (sizeof(flag_names) / sizeof(flag_names[0]))
#define PROPAGATION (MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE)

static void
add_flag_names(struct buf *b, unsigned long flags)
{
	const char *sep = "";
	for (size_t i = 0; i < N_FLAGS; i++)
		if (flags & flag_names[i].flag) {
			buf_addf(b, "%s%s", sep, flag_names[i].name);
			sep = "|";
		}
	if (!*sep)
		buf_addc(b, '0');
}

static const char *
propagation_option(unsigned long flags)
{
	bool rec = flags & MS_REC;
	if (flags & MS_PRIVATE)
		return rec ? "--make-rprivate" : "--make-private";
	if (flags & MS_SLAVE)
		return rec ? "--make-rslave" : "--make-slave";
	if (flags & MS_SHARED)
		return rec ? "--make-rshared" : "--make-shared";
	return rec ? "--make-runbindable" : "--make-unbindable";
}

/* The command of util-linux mount(8) that makes the same call. -n and -i keep it from doing more
 * than that: no /etc/mtab, no helper program. */
static void
add_mount_command(struct buf *b, const char *source, const char *target, const char *type,
	unsigned long flags, const char *data)
{
	auto_buf struct buf options = BUF_INIT;
	if (flags & PROPAGATION) {
		buf_addf(b, "mount %s %s", propagation_option(flags), tell_sh(target));
		return;
	}
	if (flags & MS_BIND && flags & MS_REMOUNT)
		buf_adds(&options, ",bind");
	for (size_t i = 0; i < N_FLAGS; i++)
		if (flags & flag_names[i].flag && flag_names[i].option)
			buf_addf(&options, ",%s", flag_names[i].option);
	if (data && *data)
		buf_addf(&options, ",%s", data);
	buf_adds(b, "mount -n -i");
	if (flags & MS_BIND && !(flags & MS_REMOUNT))
		buf_adds(b, flags & MS_REC ? " --rbind" : " --bind");
	if (type)
		buf_addf(b, " -t %s", tell_sh(type));
	if (options.len)
		buf_addf(b, " -o %s", tell_sh(options.s + 1));
	if (source && !(flags & MS_REMOUNT))
		buf_addf(b, " %s", tell_sh(source));
	buf_addf(b, " %s", tell_sh(target));
}

static void
tell_mount(struct step *st, const char *source, const char *target, const char *type,
	unsigned long flags, const char *data)
{
	auto_buf struct buf names = BUF_INIT;
	add_flag_names(&names, flags);
	step_call(st, "mount(%s, %s, %s, %s, %s)", tell_c(source), tell_c(target), tell_c(type),
		names.s, tell_c(data));
	add_mount_command(&st->shell, source, target, type, flags, data);
}

/* "cannot mount overlay on root", "cannot bind /src to root/dst", "cannot change mount /". */
static int
mount_failed(const char *source, const char *target, const char *type, unsigned long flags)
{
	if (flags & (PROPAGATION | MS_REMOUNT))
		err_sys("mount", target, "cannot change mount %s", target);
	else if (flags & MS_BIND)
		err_sys("mount", target, "cannot bind %s to %s", source, target);
	else
		err_sys("mount", target, "cannot mount %s on %s", type ? type : source, target);
	return -1;
}

int
sys_mount(const char *why, const char *source, const char *target, const char *type,
	unsigned long flags, const char *data)
{
	struct step st;
	if (step_open(&st, "mount", why))
		step_result(&st, mount(source, target, type, flags, data));
	if (step_told(&st))
		tell_mount(&st, source, target, type, flags, data);
	if (step_close(&st) < 0)
		return mount_failed(source, target, type, flags);
	if (!(flags & (PROPAGATION | MS_REMOUNT))) {
		auto_buf struct buf shell = BUF_INIT;
		buf_addf(&shell, "umount -l %s", tell_sh(target));
		undo_push(undo_umount, target, NULL, buf_str(&shell));
	}
	return 0;
}

int
sys_mount_at(const char *why, const char *source, int target_fd, const char *shown,
	const char *type, unsigned long flags, const char *data)
{
	struct step st;
	char place[64];
	snprintf(place, sizeof(place), "/proc/self/fd/%d", target_fd);
	if (step_open(&st, "mount", why))
		step_result(&st, mount(source, place, type, flags, data));
	if (step_told(&st))
		tell_mount(&st, source, shown, type, flags, data);
	if (step_close(&st) < 0)
		return mount_failed(source, shown, type, flags);
	return 0;
}

int
sys_umount(const char *why, const char *target, int flags)
{
	struct step st;
	if (step_open(&st, "umount", why))
		step_result(&st, umount2(target, flags));
	if (step_told(&st)) {
		step_call(&st, "umount2(%s, %s)", tell_c(target),
			flags & MNT_DETACH ? "MNT_DETACH" : "0");
		step_shell(
			&st, "umount -n -i%s %s", flags & MNT_DETACH ? " -l" : "", tell_sh(target));
	}
	if (step_close(&st) < 0)
		return err_sys("umount", target, "cannot unmount %s", target);
	return 0;
}

int
sys_pivot_root(const char *why, const char *new_root, const char *put_old)
{
	struct step st;
	/* glibc has no wrapper: pivot_root(2), NOTES. */
	if (step_open(&st, "pivot_root", why))
		step_result(&st, syscall(SYS_pivot_root, new_root, put_old));
	if (step_told(&st)) {
		step_call(&st, "pivot_root(%s, %s)", tell_c(new_root), tell_c(put_old));
		step_shell(&st, "pivot_root %s %s", tell_sh(new_root), tell_sh(put_old));
	}
	if (step_close(&st) < 0)
		return err_sys(
			"pivot_root", new_root, "cannot make %s the root directory", new_root);
	return 0;
}

int
sys_chroot(const char *why, const char *path)
{
	struct step st;
	if (step_open(&st, "chroot", why))
		step_result(&st, chroot(path));
	if (step_told(&st)) {
		step_call(&st, "chroot(%s)", tell_c(path));
		step_shell(&st, ": # chroot %s, on the line that runs the program", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("chroot", path, "cannot make %s the root directory", path);
	return 0;
}
