/* SPDX-License-Identifier: MIT
 * The parent: hands signals on, waits, and takes the exit status over; and the messages between
 * the two.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/env.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

int
ct_send(int sock, const struct ct_report *r, int fd)
{
	return channel_send(sock, r, sizeof(*r), fd);
}

int
ct_receive(int sock, struct ct_report *r, int *fd)
{
	int none = -1;
	return channel_receive(sock, r, sizeof(*r), fd ? fd : &none) == sizeof(*r);
}

void
ct_forward(pid_t pid, const siginfo_t *si)
{
	/* What a terminal sends (^C, ^Z, a hangup) goes to its whole process group: the program
	 * has it already. */
	if (si->si_signo == SIGCHLD || si->si_code == SI_KERNEL)
		return;
	kill(pid, si->si_signo);
}

int
ct_reap(pid_t pid)
{
	int status;
	pid_t got;
	while ((got = waitpid(pid, &status, WNOHANG | WUNTRACED)) < 0 && errno == EINTR)
		;
	if (got <= 0)
		return -1;
	if (WIFSTOPPED(status)) {
		/* Whoever waits for us shall see a stopped job; when it goes on, so do we, and the
		 * SIGCONT that woke us is handed on. */
		raise(SIGSTOP);
		return -1;
	}
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

int
ct_wait(struct ct_proc *p)
{
	sigset_t all, before;
	siginfo_t si;
	int status = -1;
	/* The program runs: whoever waits for that must not wait for its end. */
	env_close_status();
	if (p->terminal >= 0)
		return ct_tty_relay(p);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	while ((status = ct_reap(p->pid)) < 0)
		if (sigwaitinfo(&all, &si) > 0)
			ct_forward(p->pid, &si);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
