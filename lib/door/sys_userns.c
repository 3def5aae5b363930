/* SPDX-License-Identifier: MIT
 * The door: user namespaces that are made before anybody is in them.
 */
#include "door/sys_userns.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/stand.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
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

static int
enter_new(const void *unused)
{
	(void)unused;
	return unshare(CLONE_NEWUSER);
}

/* A user namespace is made by going into it, from which there is no way back: a child goes. */
static int
make_by_child(const char *uid, const char *gid)
{
	struct stand child;
	char path[64];
	int fd = -1;
	if (stand_start(&child, enter_new, NULL) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", child.pid);
	if (write_map(child.pid, "uid_map", uid) == 0 && write_map(child.pid, "gid_map", gid) == 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	stand_end(&child);
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
	auto_fd int file = user < 0 ? -1 : open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
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

static int
become(int user, const char *shown)
{
	return setns(user, CLONE_NEWUSER) < 0 || setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
			setresuid(0, 0, 0) < 0
		? err_sys("setns", shown, "cannot become root of user namespace %s", shown)
		: 0;
}

/* What is pushed for undo is the parent's. */
static void
be_child(int user, const char *shown, int (*call)(void *arg), void *arg, int to)
{
	undo_forget();
	err_clear();
	int r = become(user, shown) < 0 || call(arg) < 0;
	if (r && write(to, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(1);
	_exit(r);
}

int
sys_userns_start(const char *why, int user, const char *shown, int (*call)(void *arg), void *arg,
	struct sys_call *c)
{
	struct step st;
	int ends[2];
	*c = (struct sys_call){.from = -1};
	if (user < 0) {
		c->result = call(arg);
		return c->result;
	}
	if (pipe_pair(ends) < 0)
		return -1;
	fflush(NULL);
	if (step_open(&st, "setns", why)) {
		c->pid = fork();
		if (c->pid == 0) {
			close(ends[0]);
			be_child(user, shown, call, arg, ends[1]);
		}
		step_result(&st, c->pid);
	}
	close(ends[1]);
	c->from = ends[0];
	if (step_told(&st))
		step_call(&st, "fork(), setns(%s, CLONE_NEWUSER), setresuid(0)", tell_c(shown));
	if (step_close(&st) >= 0)
		return 0;
	close(take_fd(&c->from));
	return err_sys("setns", shown, "cannot become root of user namespace %s", shown);
}

int
sys_userns_wait(struct sys_call *c)
{
	struct err why;
	int status = 0;
	if (c->from < 0)
		return c->result;
	ssize_t n = read(c->from, &why, sizeof(why));
	close(take_fd(&c->from));
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Nobody reads what it writes: we end of that just as if it were we who wrote. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
		raise(SIGPIPE);
	if (n == (ssize_t)sizeof(why))
		err = why;
	else if (status)
		err_set(ERR_INTERNAL, NULL, "a process in a user namespace ended before its work");
	return status ? -1 : 0;
}

int
sys_userns_call(const char *why, int user, const char *shown, int (*call)(void *arg), void *arg)
{
	struct sys_call c;
	return sys_userns_start(why, user, shown, call, arg, &c) < 0 ? -1 : sys_userns_wait(&c);
}
