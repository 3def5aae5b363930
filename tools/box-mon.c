/* SPDX-License-Identifier: MIT
 * box-mon: the parent of a box's first process.
 *
 * Somebody must hold the other ends of a program's pipes or terminal, and wait for it; the starter
 * goes away. So each box has one small process that does just that: it copies output to the log and
 * to whoever is attached, writes down the exit status, and becomes the tool that cleans up.
 * The lock it holds says that the box lives: the kernel drops it with the process, whatever
 * happens.
 *
 *	box-mon --then box-end DIR -- ns-exec --pid -- sh -c 'echo hello'
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/chain.h"
#include "door/env.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool tty, interactive;
	int64_t client, lock;
	const char *then;
} o = {.client = -1, .lock = -1};

static const struct opt options[] = {
	{'t', "tty", NULL, opt_flag, &o.tty, "the program gets a terminal, not pipes", false},
	{'i', "interactive", NULL, opt_flag, &o.interactive, "its input comes from the client",
		false},
	{0, "client", "FD", opt_int, &o.client, "who is attached: a socket of packets", false},
	{0, "lock-fd", "FD", opt_int, &o.lock, "the lock is held already, by this descriptor",
		false},
	{0, "then", "TOOL", opt_str, &o.then, "become TOOL with the name of DIR at the end", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-mon",
	.kind = TOOL_SERVES,
	.usage = "[OPTION]... DIR -- COMMAND [ARG]...",
	.summary = "Runs COMMAND, keeps its output in DIR/log and its exit status in DIR/exit.",
	.options = options,
	.example = "box-mon . -- echo hello; cat log exit",
	.operands = 1,
	.takes_command = true,
};

/* One of the program's output streams: what is not yet a whole line waits here. */
struct out {
	int fd;
	char type; /* of its packets: 'o' or 'e' */
	struct buf line;
};

static struct out outs[2] = {{.fd = -1, .type = 'o'}, {.fd = -1, .type = 'e'}};
static int in = -1, log_fd = -1;
static char pending[4096]; /* input that the program has not taken yet */
static size_t n_pending, at_pending;
static bool in_ends;

/* Docker's json-file format: one object a line, so that any log reader knows it. */
static void
log_line(struct out *s)
{
	auto_buf struct buf b = BUF_INIT;
	struct timespec now;
	struct tm tm;
	char when[32];
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
	buf_adds(&b, "{\"log\":");
	buf_add_json(&b, s->line.s);
	buf_addf(&b, ",\"stream\":\"%s\",\"time\":\"%s.%09ldZ\"}\n",
		s->type == 'o' ? "stdout" : "stderr", when, now.tv_nsec);
	if (write(log_fd, b.s, b.len) < 0)
		tool_warn("cannot write the log: %s", strerror(errno));
	buf_reset(&s->line);
}

static void
log_bytes(struct out *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_addc(&s->line, p[i]);
		if (p[i] == '\n' || s->line.len >= 16384)
			log_line(s);
	}
}

static void
drop_client(void)
{
	close((int)o.client);
	o.client = -1;
	in_ends = true;
}

static void
packet(char type, const char *p, size_t n)
{
	char data[4097];
	data[0] = type;
	memcpy(data + 1, p, n);
	if (o.client >= 0 && send((int)o.client, data, n + 1, MSG_NOSIGNAL) < 0)
		drop_client();
}

static void
read_out(struct out *s)
{
	char data[4096];
	ssize_t n = read(s->fd, data, sizeof(data));
	if (n > 0) {
		log_bytes(s, data, (size_t)n);
		packet(s->type, data, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		/* EIO of a terminal: its last user is gone. */
		close(take_fd(&s->fd));
	}
}

/* 'i' input, 'e' its end, 'w' the size of the client's terminal. */
static void
read_client(void)
{
	char data[4097];
	struct winsize size;
	ssize_t n = recv((int)o.client, data, sizeof(data), 0);
	if (n <= 0)
		drop_client();
	else if (data[0] == 'i')
		memcpy(pending, data + 1, n_pending = (size_t)n - 1);
	else if (data[0] == 'e')
		in_ends = true;
	else if (data[0] == 'w' && o.tty && n == 1 + (ssize_t)sizeof(size)) {
		memcpy(&size, data + 1, sizeof(size));
		ioctl(outs[0].fd, TIOCSWINSZ, &size);
	}
	at_pending = 0;
}

static void
feed(void)
{
	ssize_t n = write(in, pending + at_pending, n_pending - at_pending);
	if (n < 0 && errno != EAGAIN)
		n_pending = 0; /* it reads no more */
	else if (n > 0 && (at_pending += (size_t)n) == n_pending)
		n_pending = 0;
}

static void
poll_once(int signals, bool *ended)
{
	if (in >= 0 && in_ends && !n_pending && !o.tty)
		close(take_fd(&in));
	struct pollfd p[] = {{outs[0].fd, POLLIN, 0}, {outs[1].fd, POLLIN, 0},
		{n_pending ? -1 : (int)o.client, POLLIN, 0}, {n_pending ? in : -1, POLLOUT, 0},
		{signals, POLLIN, 0}};
	/* Once the program is gone, what it has written is still there to be read. */
	int n = poll(p, 5, *ended ? 0 : -1);
	for (int i = 0; i < 2; i++)
		if (p[i].revents)
			read_out(&outs[i]);
	if (p[2].revents)
		read_client();
	if (p[3].revents)
		feed();
	if (*ended && n <= (p[4].revents ? 1 : 0))
		for (int i = 0; i < 2; i++)
			if (outs[i].fd >= 0)
				close(take_fd(&outs[i].fd));
}

static int
serve(pid_t pid, int signals)
{
	bool ended = false;
	int status = 0;
	while (!ended || outs[0].fd >= 0 || outs[1].fd >= 0) {
		poll_once(signals, &ended);
		if (!ended && waitpid(pid, &status, WNOHANG) == pid)
			ended = true;
	}
	for (int i = 0; i < 2; i++)
		if (outs[i].line.len)
			log_line(&outs[i]);
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
make_pipe(int *ours, int *theirs, int our_end)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys("pipe2", NULL, "cannot make a pipe");
	*ours = ends[our_end];
	*theirs = ends[1 - our_end];
	fcntl(*ours, F_SETFL, O_NONBLOCK);
	return 0;
}

static pid_t
start(char **command)
{
	static char name[64];
	struct run r = {.argv = command, .fd = {-1, -1, -1}, .status_fd = -1, .session = true};
	if (o.tty) {
		outs[0].fd = in = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
		if (in < 0 || unlockpt(in) < 0 || ptsname_r(in, name, sizeof(name)) != 0)
			return err_sys("posix_openpt", NULL, "cannot make a terminal");
		r.terminal = name;
	} else if (make_pipe(&outs[0].fd, &r.fd[1], 0) < 0 ||
		make_pipe(&outs[1].fd, &r.fd[2], 0) < 0 ||
		(o.interactive && make_pipe(&in, &r.fd[0], 1) < 0)) {
		return -1;
	}
	pid_t pid = run_start("the program", &r);
	for (int i = 0; i < 3; i++)
		if (r.fd[i] >= 0)
			close(r.fd[i]);
	env_close_status();
	return pid;
}

static int
prepare(const char *dir)
{
	auto_buf struct buf lock = BUF_INIT, path = BUF_INIT;
	path_join(&lock, dir, "lock");
	path_join(&path, dir, "log");
	if (o.lock < 0) {
		int fd;
		if (sys_lock("as long as this is held, the box lives", lock.s, true, &fd) < 0)
			return -1;
		o.lock = fd;
	}
	if (step_dry())
		return 0;
	fcntl((int)o.lock, F_SETFD, FD_CLOEXEC);
	if (o.client >= 0)
		fcntl((int)o.client, F_SETFD, FD_CLOEXEC);
	log_fd = open(path.s, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return log_fd < 0 ? err_sys("open", path.s, "cannot open %s", path.s) : 0;
}

/* The lock goes over to the tool that cleans up: the box lives until that is done. */
static int
finish(const char *dir, int status)
{
	auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
	path_join(&path, dir, "exit");
	buf_addf(&text, "%d %lld\n", status, (long long)time(NULL));
	int r = sys_replace("how it ended", path.s, text.s, text.len, 0600);
	packet('x', text.s, text.len);
	if (!o.then)
		return r;
	auto_free char *name = str_new(path_base(dir));
	auto_free char *tool = str_new(o.then);
	char own[PATH_MAX];
	char *command[] = {tool, name, NULL};
	if (own_tool(o.then, own) == 0)
		command[0] = own;
	fcntl((int)o.lock, F_SETFD, 0);
	return chain_exec(command, false);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	sigset_t child;
	if (a.n != 1 || !a.command)
		tool_usage(a.n != 1 ? "no DIR given" : "no COMMAND given");
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
	auto_fd int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (prepare(a.operand[0]) < 0)
		tool_die();
	pid_t pid = start(a.command);
	if (pid < 0)
		tool_die();
	int status = step_dry() ? 0 : serve(pid, signals);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	if (finish(a.operand[0], status) < 0)
		tool_die();
	return tool_finish();
}
