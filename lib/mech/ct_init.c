/* SPDX-License-Identifier: MIT
 * A small init. Process 1 of a pid namespace is special twice (pid_namespaces(7)): orphans become
 * its children, and it is deaf to signals it has no handler for. A program that is not written for
 * that leaves zombies and ignores SIGTERM; so it gets to be process 2, and this one does both
 * duties.
 */
#include "base/err.h"
#include "door/sys_cred.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Takes in all that have ended. The program's end is everybody's: the kernel kills the rest when
 * process 1 goes. */
static void
reap_all(pid_t program)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			_exit(WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status)
						  : WEXITSTATUS(status));
}

static void
serve(pid_t program)
{
	sigset_t all;
	siginfo_t si;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Nothing of ours may keep a pipe or a directory in use. */
	close_range(0, ~0U, 0);
	for (;;) {
		if (sigwaitinfo(&all, &si) < 0)
			continue;
		if (si.si_signo == SIGCHLD)
			reap_all(program);
		else
			ct_forward(program, &si);
	}
}

int
ct_init_fork(void)
{
	/* It runs in our image for as long as the container does: /proc/1/exe must not lead others
	 * to the file. */
	if (sys_not_dumpable("nobody inside may look into process 1") < 0)
		return -1;
	pid_t program = fork();
	if (program < 0)
		return err_sys("fork", NULL, "cannot start the program beside its init");
	if (program > 0)
		serve(program);
	return 0;
}
