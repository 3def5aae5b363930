/* SPDX-License-Identifier: MIT
 * The door: user namespaces that are made before anybody is in them.
 */
#include "door/sys_userns.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int
write_map(pid_t pid, const char *file, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* It says that it is inside (or why not), and ends when the other end of the pipe is closed. */
static void
stand_inside(int say, int until)
{
	int no = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
	char byte;
	if (write(say, &no, sizeof(no)) == (ssize_t)sizeof(no))
		while (read(until, &byte, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

/* A user namespace is made by going into it, from which there is no way back: a child goes. */
static int
make_by_child(const char *uid, const char *gid)
{
	int say[2], until[2], no = 0, fd = -1;
	char path[64];
	if (pipe2(say, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(until, O_CLOEXEC) < 0) {
		close(say[0]);
		close(say[1]);
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(until[1]);
		stand_inside(say[1], until[0]);
	}
	close(say[1]);
	close(until[0]);
	if (pid < 0 || read(say[0], &no, sizeof(no)) != (ssize_t)sizeof(no))
		no = pid < 0 ? errno : ECHILD;
	if (!no && (write_map(pid, "uid_map", uid) < 0 || write_map(pid, "gid_map", gid) < 0))
		no = errno;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	if (!no && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		no = errno;
	close(say[0]);
	close(until[1]);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	errno = no;
	return fd;
}

/* "0 100000 65536\n…" in one line. */
static void
tell_maps(struct step *st, const char *uid, const char *gid)
{
	step_call(st, "unshare(CLONE_NEWUSER), write(\"/proc/PID/uid_map\", %s), ", tell_c(uid));
	step_call(st, "write(\"/proc/PID/gid_map\", %s)", tell_c(gid));
}

int
sys_userns_make(const char *why, const char *uid, const char *gid, int *fd)
{
	struct step st;
	*fd = -1;
	if (step_open(&st, "unshare", why)) {
		*fd = make_by_child(uid, gid);
		step_result(&st, *fd);
	}
	if (step_told(&st))
		tell_maps(&st, uid, gid);
	if (step_close(&st) < 0)
		return err_sys("unshare", "user", "cannot make a user namespace");
	return 0;
}

static int
undo_pin(const char *path, const char *unused)
{
	(void)unused;
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	return unlink(path);
}

static int
pin(const char *path, const char *uid, const char *gid)
{
	char self[64];
	auto_fd int user = make_by_child(uid, gid);
	auto_fd int file =
		user < 0 ? -1 : open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (file < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", user);
	if (mount(self, path, NULL, MS_BIND, NULL) == 0)
		return 0;
	int no = errno;
	unlink(path);
	errno = no;
	return -1;
}

int
sys_userns_pin(
	const char *why, const char *path, const char *uid, const char *gid, const char *shell)
{
	struct step st;
	auto_buf struct buf back = BUF_INIT;
	if (step_open(&st, "unshare", why))
		step_result(&st, pin(path, uid, gid));
	if (step_told(&st)) {
		tell_maps(&st, uid, gid);
		step_call(&st, ", mount(\"/proc/PID/ns/user\", %s, MS_BIND)", tell_c(path));
		step_shell(&st, "%s", shell);
	}
	if (step_close(&st) < 0)
		return err_sys("unshare", path, "cannot make user namespace %s", path);
	buf_addf(&back, "umount -l %s; rm -f %s", tell_sh(path), tell_sh(path));
	undo_push(undo_pin, path, NULL, back.s);
	return 0;
}

/* The files of /proc/self are root's after a change of ids, unless it is said that nothing in this
 * process is to be hidden; what is hidden is the caller's to decide. */
static int
become(int fd)
{
	return setns(fd, CLONE_NEWUSER) < 0 || setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
			setresuid(0, 0, 0) < 0
		? -1
		: 0;
}

int
sys_userns_become(const char *why, int fd, const char *shown)
{
	struct step st;
	if (step_open(&st, "setns", why))
		step_result(&st, become(fd));
	if (step_told(&st))
		step_call(&st, "setns(%s, CLONE_NEWUSER), setgroups(0), setresgid(0), setresuid(0)",
			tell_c(shown));
	if (step_close(&st) < 0)
		return err_sys("setns", shown, "cannot become root of user namespace %s", shown);
	return 0;
}
