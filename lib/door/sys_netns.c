/* SPDX-License-Identifier: MIT
 * The door: network namespaces.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/stand.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static int
undo_pin(const char *path, const char *unused)
{
	(void)unused;
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	return unlink(path);
}

static int
unshare_to(const char *path)
{
	return unshare(CLONE_NEWNET) < 0 ? -1
					 : mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL);
}

/* From a network that is not our user namespace's there is no way back to it: a child goes. */
static int
pin_by_child(const char *path)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(unshare_to(path) < 0 ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
	return errno ? -1 : 0;
}

/* From a user namespace that is not ours there is no way back either, nor has who is in there the
 * right to mount here: the child stands in it until we have its network under a name. */
static int
enter_new(const void *user)
{
	return setns(*(const int *)user, CLONE_NEWUSER) < 0 ? -1 : unshare(CLONE_NEWNET);
}

static int
pin_of_child(const char *path, int user)
{
	struct stand child;
	char ns[64];
	if (stand_start(&child, enter_new, &user) < 0)
		return -1;
	snprintf(ns, sizeof(ns), "/proc/%d/ns/net", child.pid);
	int r = mount(ns, path, NULL, MS_BIND, NULL);
	stand_end(&child);
	return r;
}

/* unshare(2) gives this process a new namespace; a bind mount on the file keeps it alive; setns(2)
 * brings us back. */
static long
pin_new(const char *path, int user)
{
	auto_fd int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	auto_fd int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (home < 0 || file < 0)
		return -1;
	bool back = user < 0 && setns(home, CLONE_NEWNET) == 0;
	int r = user >= 0 ? pin_of_child(path, user) : back ? unshare_to(path) : pin_by_child(path);
	int no = errno;
	/* Going home cannot fail: we have just been allowed to. */
	if (back && setns(home, CLONE_NEWNET) < 0)
		abort();
	if (r < 0)
		unlink(path);
	errno = no;
	return r;
}

int
sys_netns_pin(const char *why, const char *path, int user, const char *shell)
{
	struct step st;
	auto_buf struct buf back = BUF_INIT;
	if (step_open(&st, "unshare", why))
		step_result(&st, pin_new(path, user));
	if (step_told(&st)) {
		step_call(&st, "unshare(CLONE_NEWNET); mount(\"/proc/self/ns/net\", %s, MS_BIND)",
			tell_c(path));
		step_shell(&st, "%s", shell);
	}
	if (step_close(&st) < 0)
		return err_sys("unshare", path, "cannot make network namespace %s", path);
	buf_addf(&back, "umount -l %s; rm %s", tell_sh(path), tell_sh(path));
	undo_push(undo_pin, path, NULL, back.s);
	return 0;
}

int
sys_netns_enter(const char *why, int fd, const char *path)
{
	struct step st;
	auto_buf struct buf command = BUF_INIT;
	if (step_open(&st, "setns", why))
		step_result(&st, setns(fd, CLONE_NEWNET));
	if (step_told(&st))
		step_call(&st, "setns(%d, CLONE_NEWNET)", fd);
	if (step_close(&st) < 0)
		return err_sys("setns", path, "cannot enter network namespace %s", path);
	buf_addf(&command, "nsenter --net=%s", tell_sh(path));
	tell_nest(command.s);
	return 0;
}

int
sys_netns_visit(int fd, int (*look)(void *arg), void *arg)
{
	auto_fd int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || setns(fd, CLONE_NEWNET) < 0)
		return err_sys("setns", NULL, "cannot look into the network namespace");
	int r = look(arg);
	if (setns(home, CLONE_NEWNET) < 0)
		abort(); /* as in pin_new(): it cannot fail, and going on elsewhere would be worse
			  */
	return r;
}
