/* SPDX-License-Identifier: MIT
 * A terminal of the container's own (pty(7)): the slave end is the program's, the master end stays
 * with us, and bytes are relayed between it and the terminal we were started on, which is switched
 * to raw mode so that ^C and its like reach the program as what they are.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

/* Both ends. ptmx of the root's own devpts gives a pty that exists only there. */
static int
open_pair(const struct ct_tree *t, int *master, int *slave)
{
	struct statfs fs;
	int unlock = 0;
	auto_fd int m = t ? open_in_root(t->fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0)
			  : open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (m < 0)
		return err_sys("open", "ptmx", "cannot open a new terminal");
	if (t && (fstatfs(m, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC))
		return err_set(ERR_DENIED, "/dev/pts", "/dev/pts of the root is not a devpts");
	fcntl(m, F_SETFL, O_RDWR);
	auto_fd int s = -1;
	if (ioctl(m, TIOCSPTLCK, &unlock) == 0)
		s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s < 0)
		return err_sys("ioctl", "ptmx", "cannot open the terminal's other end");
	*master = take_fd(&m);
	*slave = take_fd(&s);
	return 0;
}

/* As large as ours, from the start. */
static void
copy_size(int from, int to)
{
	struct winsize size;
	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		ioctl(to, TIOCSWINSZ, &size);
}

/* The first terminal has a name of its own, which getty and others look for. */
static int
bind_console(const struct ct_tree *t, int slave)
{
	struct ct_place p;
	char path[64];
	if (ct_place_open(t, "/dev/console", CT_FILE, &p) < 0)
		return -1;
	auto_fd int target = p.fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", slave);
	return sys_bind_at("the terminal is also the console",
		&(struct sys_bind){.source_fd = slave,
			.target_fd = target,
			.source = path,
			.target = p.shown});
}

int
ct_tty_open(const struct ct_tree *t, int *master, int *slave)
{
	struct step st;
	struct err failure = {0};
	if (step_open(&st, "ptmx", "a terminal of its own")) {
		step_result(&st, open_pair(t, master, slave));
		failure = err;
	}
	if (step_told(&st)) {
		step_call(&st, "open(\"/dev/pts/ptmx\"), ioctl(TIOCGPTPEER)");
		step_shell(&st, ": # no shell command: a terminal of its own");
	}
	if (step_close(&st) < 0) {
		err_sys("ptmx", "ptmx", "cannot open a new terminal");
		if (failure.message[0])
			err = failure;
		return -1;
	}
	if (step_dry())
		return 0;
	copy_size(STDIN_FILENO, *master);
	return t && t->c->root.dev ? bind_console(t, *slave) : 0;
}

struct relay {
	int master;
	pid_t pid;
	int status; /* -1 while the program runs */
	bool raw; /* our terminal was changed, and must be changed back */
	struct termios before;
};

static void
go_raw(struct relay *r)
{
	struct termios raw;
	if (tcgetattr(STDIN_FILENO, &r->before) < 0)
		return;
	raw = r->before;
	cfmakeraw(&raw);
	r->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static bool
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return true;
}

/* One chunk. False at the end: of input, or (EIO) of the last program that had the slave open. */
static bool
pass(int from, int to)
{
	char chunk[4096];
	ssize_t n = read(from, chunk, sizeof(chunk));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && write_all(to, chunk, (size_t)n);
}

static void
take_signal(struct relay *r, int signals)
{
	struct signalfd_siginfo got;
	if (read(signals, &got, sizeof(got)) != sizeof(got))
		return;
	siginfo_t si = {.si_signo = (int)got.ssi_signo, .si_code = got.ssi_code};
	if (got.ssi_signo == SIGWINCH)
		copy_size(STDIN_FILENO, r->master); /* the kernel tells the program */
	else if (got.ssi_signo == SIGCHLD && r->status < 0)
		r->status = ct_reap(r->pid);
	else
		ct_forward(r->pid, &si);
}

static void
relay_loop(struct relay *r, int signals)
{
	struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = r->master, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	const char end = 4; /* ^D: a terminal has no other way to say it */
	/* When the program has ended, what it wrote last is still to be read. */
	while (r->status < 0 || p[1].fd >= 0) {
		int n = poll(p, 3, r->status < 0 ? -1 : 0);
		if (n == 0)
			return;
		if (n < 0)
			continue;
		if (p[2].revents)
			take_signal(r, signals);
		if (p[1].revents && !pass(r->master, STDOUT_FILENO))
			p[1].fd = -1;
		if (p[0].revents && !pass(STDIN_FILENO, r->master)) {
			p[0].fd = -1;
			write_all(r->master, &end, 1);
		}
	}
}

int
ct_tty_relay(const struct ct_proc *proc)
{
	struct relay r = {.master = proc->terminal, .pid = proc->pid, .status = -1};
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	auto_fd int signals = signalfd(-1, &all, SFD_CLOEXEC);
	if (signals < 0)
		return err_sys("signalfd", NULL, "cannot receive signals");
	go_raw(&r);
	/* It may have ended before we could hear of it. */
	r.status = ct_reap(r.pid);
	relay_loop(&r, signals);
	if (r.raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &r.before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r.status;
}
