/* SPDX-License-Identifier: MIT
 * The parent: hands signals on, waits, and takes the exit status over; and the messages between
 * the two.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/env.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int
ct_send(int sock, const struct ct_report *r, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct ct_report copy = *r;
	struct iovec data = {&copy, sizeof(copy)};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1};
	if (fd >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *head = CMSG_FIRSTHDR(&m);
		*head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int
ct_receive(int sock, struct ct_report *r, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec data = {r, sizeof(*r)};
	struct msghdr m = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*r))
		return 0;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	if (head && head->cmsg_type == SCM_RIGHTS && fd)
		memcpy(fd, CMSG_DATA(head), sizeof(*fd));
	return 1;
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
