/* SPDX-License-Identifier: MIT
 * The door: a file system that lies in a file. A loop device makes a disk of the file (loop(4)).
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct loop {
	int fd;
	char device[32];
};

static int
open_loop(struct loop *l, int number)
{
	snprintf(l->device, sizeof(l->device), "/dev/loop%d", number);
	l->fd = open(l->device, O_RDWR | O_CLOEXEC);
	return l->fd;
}

/* Only what an open descriptor says holds: the device would clear itself with its last user. */
static bool
shows_file(int fd, const struct stat *file)
{
	struct loop_info64 is;
	return ioctl(fd, LOOP_GET_STATUS64, &is) == 0 && is.lo_inode == file->st_ino &&
		is.lo_device == file->st_dev && is.lo_offset == 0;
}

/* Two devices of one file would be two file systems to the kernel, and each would destroy what the
 * other writes. Mounted again, one device is one file system. */
static bool
find_loop(struct loop *l, int image)
{
	struct stat file;
	struct dirent *e;
	char path[64];
	int64_t number;
	auto_dir DIR *d = opendir("/sys/block");
	while (d && fstat(image, &file) == 0 && (e = readdir(d))) {
		if (strncmp(e->d_name, "loop", 4) != 0 || !is_digits(e->d_name + 4))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.20s/loop", e->d_name);
		if (access(path, F_OK) < 0 || parse_int(e->d_name + 4, 0, INT32_MAX, &number) < 0)
			continue;
		if (open_loop(l, (int)number) >= 0 && shows_file(l->fd, &file))
			return true;
		if (l->fd >= 0)
			close(take_fd(&l->fd));
	}
	return false;
}

/* Others look for a free one too, and the first to configure it has it. */
static int
new_loop(struct loop *l, int image)
{
	struct loop_config c = {.fd = (unsigned)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
	auto_fd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return -1;
	for (;;) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0 || open_loop(l, number) < 0)
			return -1;
		if (ioctl(l->fd, LOOP_CONFIGURE, &c) == 0)
			return 0;
		int no = errno;
		close(take_fd(&l->fd));
		errno = no;
		if (no != EBUSY)
			return -1;
	}
}

/* The lock is on a description of its own: the device keeps the other one. */
static int
loop_of(const char *path, struct loop *l)
{
	auto_fd int image = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	auto_fd int lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (image < 0 || lock < 0 || flock(lock, LOCK_EX) < 0)
		return -1;
	return find_loop(l, image) ? 0 : new_loop(l, image);
}

static void
tell_loop(struct step *st, const char *image)
{
	step_call(st, "ioctl(loop, LOOP_CONFIGURE, {%s, LO_FLAGS_AUTOCLEAR})", tell_c(image));
}

/* Leaves the step open. */
static void
begin(struct step *st, const char *why, const char *image, struct loop *l)
{
	*l = (struct loop){.fd = -1, .device = "/dev/loop"};
	if (step_open(st, "LOOP_CONFIGURE", why))
		step_result(st, loop_of(image, l));
	if (step_told(st))
		tell_loop(st, image);
}

static int
end(struct step *st, struct loop *l, const char *image)
{
	const char *call = st->name;
	long r = step_close(st);
	int no = errno;
	if (l->fd >= 0)
		close(l->fd);
	errno = no;
	if (r >= 0)
		return 0;
	err_sys(call, image, "cannot mount %s", image);
	return no == ENOENT && access("/dev/loop-control", F_OK) < 0
		? err_hint("there is no /dev/loop-control: modprobe loop")
		: -1;
}

int
sys_mount_image(const char *why, const char *image, const char *type, const char *target,
	const char *options)
{
	struct step st;
	struct loop l;
	begin(&st, why, image, &l);
	if (st.ret >= 0 && step_next(&st, "mount"))
		step_result(&st, mount(l.device, target, type, 0, options));
	if (step_told(&st)) {
		step_call(&st, ", mount(%s, %s, %s, 0, %s)", tell_c(l.device), tell_c(target),
			tell_c(type), tell_c(options));
		step_shell(&st, "mount -n -i -t %s -o loop,%s %s %s", tell_sh(type), options,
			tell_sh(image), tell_sh(target));
	}
	return end(&st, &l, image);
}

static int
mount_nowhere(const char *device, const char *type)
{
	auto_fd int fs = fsopen(type, FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", device, 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, 0);
}

int
sys_open_image(const char *why, const char *image, const char *type, int *fd)
{
	struct step st;
	struct loop l;
	*fd = -1;
	begin(&st, why, image, &l);
	if (st.ret >= 0 && step_next(&st, "fsmount")) {
		*fd = mount_nowhere(l.device, type);
		step_result(&st, *fd);
	}
	if (step_told(&st)) {
		step_call(&st, ", fsopen(%s), fsmount()", tell_c(type));
		step_shell(
			&st, ": # no shell command: mounted nowhere, and gone with its descriptor");
	}
	return end(&st, &l, image);
}
