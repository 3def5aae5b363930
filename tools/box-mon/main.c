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
#include "mon.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/chain.h"
#include "door/channel.h"
#include "door/env.h"
#include "door/spawn.h"
#include "door/status.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool tty, console, interactive, once, no_log;
	int64_t client, lock;
	const char *then, *socket;
	struct strlist hold;
	struct log_options log;
} o = {.client = -1, .lock = -1, .log = {.files = 1}};

static const struct opt options[] = {
	{'t', "tty", NULL, opt_flag, &o.tty, "the program gets a terminal, not pipes", false},
	{0, "console", NULL, opt_flag, &o.console,
		"it makes the terminal, and hands it over by the socket that is its standard input",
		false},
	{'i', "interactive", NULL, opt_flag, &o.interactive, "its input comes from who is attached",
		false},
	{0, "once", NULL, opt_flag, &o.once, "input ends with the first that gives some", false},
	{0, "client", "FD", opt_int, &o.client, "who is attached: a socket of packets", false},
	{0, "socket", "PATH", opt_str, &o.socket, "others may attach there", false},
	{0, "lock-fd", "FD", opt_int, &o.lock, "the lock is held already, by this descriptor",
		false},
	{0, "hold", "FD", opt_list, &o.hold, "keep it open until the end (repeatable)", false},
	{0, "log-size", "SIZE", opt_size, &o.log.size, "begin a new log beyond that", false},
	{0, "log-files", "N", opt_int, &o.log.files, "keep so many (1)", false},
	{0, "no-log", NULL, opt_flag, &o.no_log, "keep no log", false},
	{0, "then", "TOOL", opt_str, &o.then,
		"become TOOL with --lock-fd and the name of DIR at the end", false},
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

static int outs[2] = {-1, -1}; /* what the program writes; a terminal is outs[0] alone */
static int to_program = -1;
static bool dumb; /* what comes from there is not the program's: it could not be started */
static struct input in = {.terminal = -1};

/* Once the program is gone, that many bytes of it may still be there to be read. */
static int64_t rest[2];

static void
count_rest(void)
{
	/* Others may have its output too, and write for ever (--pid host): of what comes, no more
	 * is its own than a pipe holds, or a terminal, which says nothing. */
	for (unsigned i = 0; i < 2; i++) {
		int size = fcntl(outs[i], F_GETPIPE_SZ);
		rest[i] = size > 0 ? size : 1 << 20;
	}
}

static void
read_out(unsigned stream)
{
	static char data[BOX_OUTPUT];
	ssize_t n = read(outs[stream], data, sizeof(data));
	rest[stream] -= n > 0 ? n : 0;
	if (n > 0 && dumb)
		return; /* a tool's complaint, which who started us has heard */
	if (n > 0) {
		log_bytes(stream, data, (size_t)n);
		clients_send(stream ? 'e' : 'o', data, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		/* EIO of a terminal: its last user is gone. */
		if (outs[stream] != in.terminal)
			close(outs[stream]);
		outs[stream] = -1;
	}
}

static void
feed(void)
{
	ssize_t n = write(to_program, in.data + in.at, in.n - in.at);
	in.at += n > 0 ? (size_t)n : 0;
	/* All taken, or it reads no more. */
	if (in.at == in.n || (n < 0 && errno != EAGAIN))
		in.n = 0;
}

static void
poll_once(int signals, bool *ended)
{
	struct pollfd p[4 + CLIENTS_MAX + 1];
	/* As long as the program lives it waits for who is slow. Once it is gone, what it has
	 * written is still there to be read, and little: that is kept for them, and nothing waits.
	 */
	bool stalled = !*ended && clients_stalled();
	nfds_t n = 4;
	if (to_program >= 0 && in.ended && !in.n && !o.tty)
		close(take_fd(&to_program));
	for (int i = 0; i < 2; i++)
		p[i] = (struct pollfd){stalled ? -1 : outs[i], POLLIN, 0};
	p[2] = (struct pollfd){in.n ? to_program : -1, POLLOUT, 0};
	p[3] = (struct pollfd){*ended ? -1 : signals, POLLIN, 0};
	clients_poll(p, &n, &in);
	int ready = poll(p, n, *ended ? 0 : -1);
	for (unsigned i = 0; i < 2; i++)
		if (p[i].revents && (*ended || !clients_stalled()))
			read_out(i);
	if (p[2].revents)
		feed();
	if (in.n && to_program < 0)
		in.n = 0;
	bool read_some = p[0].revents || p[1].revents;
	if (ready > 0)
		clients_serve(p + 4, n - 4, &in);
	for (unsigned i = 0; i < 2; i++)
		if (*ended && (!read_some || rest[i] <= 0))
			outs[i] = -1;
}

static int
serve(pid_t pid, int signals)
{
	bool ended = false;
	int status = 0;
	while (!ended || outs[0] >= 0 || outs[1] >= 0) {
		poll_once(signals, &ended);
		if (!ended && waitpid(pid, &status, WNOHANG) == pid) {
			ended = true;
			count_rest();
		}
	}
	log_end();
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
make_terminal(struct run *r)
{
	static char name[64];
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof(name)) != 0)
		return err_sys("posix_openpt", NULL, "cannot make a terminal");
	outs[0] = to_program = in.terminal = fd;
	r->terminal = name;
	return 0;
}

/* The other end of the terminal that the program has made (ns-exec --tty --console-stdin); none, if
 * it came to nothing before. */
static void
take_terminal(int sock)
{
	char name[64];
	int fd = -1;
	if (channel_receive(sock, name, sizeof(name), &fd) <= 0 || fd < 0)
		return;
	fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	outs[0] = to_program = in.terminal = fd;
}

static int
make_streams(struct run *r, int *console)
{
	int pair[2];
	if (o.tty && o.console) {
		if (channel_pair(pair) < 0)
			return -1;
		*console = pair[0];
		r->fd[0] = pair[1];
		return 0;
	}
	if (o.tty)
		return make_terminal(r);
	if (pipe_to_child(&outs[0], &r->fd[1], false) < 0 ||
		pipe_to_child(&outs[1], &r->fd[2], false) < 0)
		return -1;
	return o.interactive ? pipe_to_child(&to_program, &r->fd[0], true) : 0;
}

/* "SECONDS.NANOSECONDS" behind a number of its own, if it is not negative. */
static int
write_time(const char *dir, const char *file, const char *why, int status)
{
	auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	path_join(&path, dir, file);
	if (status >= 0)
		buf_addf(&text, "%d ", status);
	buf_addf(&text, "%lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
	return sys_write_new(why, path.s, text.s, text.len, 0600);
}

/* Closed without a word: the program runs. Otherwise one line says why it does not, which goes to
 * who started us, and stays in DIR/error. Returns whether it runs. */
static bool
hear(const char *dir, int fd)
{
	char text[STATUS_MAX];
	size_t n = status_text(fd, text);
	if (!n) {
		if (write_time(dir, "started", "it runs", -1) < 0)
			tool_complain();
		env_close_status();
		return true;
	}
	auto_buf struct buf path = BUF_INIT;
	path_join(&path, dir, "error");
	if (sys_write_new("why it does not run", path.s, text, n, 0600) < 0)
		tool_complain();
	env_forward_status(text, n);
	return false;
}

static pid_t
start(const char *dir, char **command, bool *runs)
{
	struct run r = {.argv = command,
		.fd = {-1, -1, -1},
		.status_fd = -1,
		.session = true,
		.tied = true};
	int status[2];
	auto_fd int console = -1;
	if (make_streams(&r, &console) < 0)
		return -1;
	if (status_pipe(status) < 0)
		return -1;
	r.status_fd = status[1];
	pid_t pid = run_start("the program", &r);
	close(status[1]);
	for (int i = 0; i < 3; i++)
		if (r.fd[i] >= 0)
			close(r.fd[i]);
	if (pid > 0 && console >= 0)
		take_terminal(console);
	clients_first(&in);
	if (console >= 0)
		close(take_fd(&console));
	*runs = pid > 0 && hear(dir, status[0]);
	close(status[0]);
	return pid;
}

static int
prepare(const char *dir)
{
	auto_buf struct buf lock = BUF_INIT;
	static struct buf path;
	int64_t fd;
	path_join(&lock, dir, "lock");
	path_join(&path, dir, "log");
	if (o.lock < 0) {
		int own;
		if (sys_lock("as long as this is held, the box lives", lock.s, true, &own) < 0)
			return -1;
		o.lock = own;
	}
	if (step_dry())
		return 0;
	fcntl((int)o.lock, F_SETFD, FD_CLOEXEC);
	for (size_t i = 0; i < o.hold.n; i++)
		if (parse_int(o.hold.v[i], 0, INT_MAX, &fd) < 0 ||
			fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
			return err_set(ERR_INVALID, o.hold.v[i], "%s is no descriptor of ours",
				o.hold.v[i]);
	in.once = o.once;
	client_add((int)o.client, o.interactive);
	if (o.socket && clients_listen(o.socket) < 0)
		return -1;
	o.log.path = o.no_log ? NULL : path.s;
	return log_open(&o.log);
}

/* The lock goes over to the tool that cleans up: the box lives until that is done. */
static int
finish(const char *dir)
{
	if (!o.then)
		return 0;
	auto_free char *name = str_new(path_base(dir));
	auto_free char *tool = str_new(o.then);
	auto_free char *lock = fmt_new("--lock-fd=%d", (int)o.lock);
	char own[PATH_MAX];
	char *command[] = {tool, lock, name, NULL};
	if (own_tool(o.then, own) == 0)
		command[0] = own;
	fcntl((int)o.lock, F_SETFD, 0);
	env_no_faults();
	return chain_exec(command, false);
}

static void
run(const char *dir, char **command, int signals)
{
	bool runs = true;
	char text[16];
	pid_t pid = start(dir, command, &runs);
	if (pid < 0)
		tool_die();
	dumb = !runs;
	int status = step_dry() ? 0 : serve(pid, signals);
	/* One that could not be started has not ended either. */
	if (runs && write_time(dir, "exit", "how it ended", status) < 0)
		tool_complain();
	snprintf(text, sizeof(text), "%d", status);
	clients_send('x', text, strlen(text));
	clients_end();
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
	run(a.operand[0], a.command, signals);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	if (finish(a.operand[0]) < 0)
		tool_die();
	return tool_finish();
}
