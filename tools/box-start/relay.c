/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

int
relay_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys("socketpair", NULL, "cannot make a channel to the box");
	return 0;
}

static void
send_size(int sock)
{
	char data[1 + sizeof(struct winsize)] = "w";
	struct winsize size;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	memcpy(data + 1, &size, sizeof(size));
	send(sock, data, sizeof(data), MSG_NOSIGNAL);
}

/* Returns false at the end of the input. */
static bool
send_input(int sock)
{
	char data[4097] = "i";
	ssize_t n = read(STDIN_FILENO, data + 1, sizeof(data) - 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		data[0] = 'e';
	send(sock, data, n > 0 ? (size_t)n + 1 : 1, MSG_NOSIGNAL);
	return n > 0;
}

static void
write_all(int fd, const char *p, size_t n)
{
	ssize_t done;
	for (; n; p += done, n -= (size_t)done)
		if ((done = write(fd, p, n)) < 0) {
			if (errno != EINTR)
				return;
			done = 0;
		}
}

/* Returns -1 to go on. */
static int
take_packet(int sock)
{
	char data[4098];
	int status;
	ssize_t n = recv(sock, data, sizeof(data) - 1, 0);
	if (n < 0 && errno == EINTR)
		return -1;
	if (n <= 0)
		return 255; /* box-mon is gone, and nobody knows how the box ended */
	data[n] = '\0';
	if (data[0] == 'x' && sscanf(data + 1, "%d", &status) == 1)
		return status;
	write_all(data[0] == 'e' ? STDERR_FILENO : STDOUT_FILENO, data + 1, (size_t)n - 1);
	return -1;
}

static void
take_signal(const struct box *b, int signals, int sock)
{
	struct signalfd_siginfo si;
	pid_t pid;
	if (read(signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH)
		send_size(sock);
	else if (box_pid(b, &pid) == 0 &&
		sys_kill("what was sent to us", &pid, 1, (int)si.ssi_signo) < 0)
		err_clear();
}

static int
loop(const struct box *b, int sock, bool in, int signals)
{
	int status = -1;
	while (status < 0) {
		struct pollfd p[] = {{sock, POLLIN, 0}, {in ? STDIN_FILENO : -1, POLLIN, 0},
			{signals, POLLIN, 0}};
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[2].revents)
			take_signal(b, signals, sock);
		if (p[1].revents)
			in = send_input(sock);
		if (p[0].revents)
			status = take_packet(sock);
	}
	return status;
}

int
relay(const struct box *b, int sock, bool in, bool tty)
{
	struct termios before, raw;
	sigset_t set, old;
	sigemptyset(&set);
	for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, 0}; *s; s++)
		sigaddset(&set, *s);
	sigprocmask(SIG_BLOCK, &set, &old);
	auto_fd int signals = signalfd(-1, &set, SFD_CLOEXEC);
	bool raw_mode = tty && in && tcgetattr(STDIN_FILENO, &before) == 0;
	if (raw_mode) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	if (tty)
		send_size(sock);
	int status = loop(b, sock, in, signals);
	if (raw_mode)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}
