/* SPDX-License-Identifier: MIT
 * floor ROOT COMMAND...: the least that a container's start can be. Ten calls, no options, no
 * checks, nothing said: clone3, three mounts, chdir, pivot_root, umount2, execve, exit, wait4.
 * What ns-exec takes more than this, it takes for being usable.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
inside(char **argv)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(argv[1], argv[1], NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(argv[1]) < 0 ||
		syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
		mount("proc", "/proc", "proc", 0, NULL) < 0)
		_exit(125);
	execve(argv[2], argv + 2, environ);
	_exit(127);
}

int
main(int argc, char **argv)
{
	struct clone_args c = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD,
	};
	int status;
	if (argc < 3)
		return 125;
	long pid = syscall(SYS_clone3, &c, sizeof(c));
	if (pid == 0)
		inside(argv);
	if (pid < 0 || wait4((pid_t)pid, &status, 0, NULL) < 0)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
