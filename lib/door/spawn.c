/* SPDX-License-Identifier: MIT */
#include "door/spawn.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/env.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int
own_tool(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", env_own_dir(), name);
	if (env_own_dir()[0] && access(path, X_OK) == 0)
		return 0;
	errno = ENOENT;
	return err_sys("access", name, "cannot find %s beside this program", name);
}

/* Our own tool of that name, else the name itself for PATH to find. */
static const char *
resolve(const char *name, char path[PATH_MAX])
{
	struct err before = err;
	if (!strchr(name, '/') && own_tool(name, path) == 0)
		return path;
	err = before;
	return name;
}

int
run_end(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The signals as a fresh program expects them: none is blocked, and SIGPIPE, which who serves many
 * ignores, ends it again. What a shell lets its background ignore, and nohup, is not meant for one
 * in a session of its own. */
static void
fresh_signals(posix_spawnattr_t *attr, bool session)
{
	sigset_t set;
	posix_spawnattr_setflags(attr,
		(short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			(session ? POSIX_SPAWN_SETSID : 0)));
	sigemptyset(&set);
	posix_spawnattr_setsigmask(attr, &set);
	sigaddset(&set, SIGPIPE);
	for (const int *s = (const int[]){SIGINT, SIGQUIT, SIGHUP, 0}; session && *s; s++)
		sigaddset(&set, *s);
	posix_spawnattr_setsigdefault(attr, &set);
}

/* posix_spawn; in and out -1: inherited. */
static int
start(pid_t *pid, const char *path, char *const argv[], int in, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	fresh_signals(&attr, false);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	int no = posix_spawnp(pid, path, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	errno = no;
	return no ? -1 : 0;
}

static void
tell_run(struct step *st, char *const argv[], bool here)
{
	auto_buf struct buf words = BUF_INIT;
	if (!step_told(st))
		return;
	buf_add_argv(&words, argv);
	if (here)
		step_call(st, "%s, in this process", argv[0]);
	else
		step_call(st, "posix_spawn(%s)", tell_c(argv[0]));
	step_shell(st, "%s", words.s);
}

static int
run_to(const char *why, char *const argv[], int out)
{
	struct step st;
	char place[PATH_MAX];
	const char *path = resolve(argv[0], place);
	pid_t pid;
	if (step_open(&st, "spawn", why)) {
		if (path == place)
			env_for_own_tool(true);
		step_result(&st, start(&pid, path, argv, -1, out));
		if (st.ret == 0)
			step_result(&st, run_end(pid));
	}
	tell_run(&st, argv, false);
	long status = step_close(&st);
	if (status < 0)
		return err_sys("spawn", argv[0], "cannot run %s", argv[0]);
	return (int)status;
}

int
run_wait(const char *why, char *const argv[])
{
	return run_to(why, argv, -1);
}

int
run_aside(const char *why, char *const argv[])
{
	return run_to(why, argv, STDERR_FILENO);
}

static int
drain(int fd, size_t max, struct buf *out)
{
	char chunk[4096];
	size_t total = 0;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		total += (size_t)n;
		if (total > max) {
			errno = EFBIG;
			return -1;
		}
		buf_add(out, chunk, (size_t)n);
	}
}

int
run_capture(char *const argv[], int stdin_fd, size_t max, struct buf *out)
{
	char place[PATH_MAX];
	int ends[2];
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys("pipe2", argv[0], "cannot make a pipe for %s", argv[0]);
	auto_fd int from = ends[0];
	auto_fd int to = ends[1];
	auto_fd int null = stdin_fd < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	if (start(&pid, resolve(argv[0], place), argv, stdin_fd < 0 ? null : stdin_fd, to) < 0)
		return err_sys("spawn", argv[0], "cannot run %s", argv[0]);
	close(take_fd(&to));
	int r = drain(from, max, out);
	int no = errno;
	close(take_fd(
		&from)); /* a child that still writes gets SIGPIPE, not a full pipe for ever */
	int status = run_end(pid);
	errno = no;
	if (r < 0)
		return err_sys("read", argv[0], "cannot read what %s prints", argv[0]);
	return status;
}

/* With no output to be read, there is only the end to wait for. */
static int
run_lost(char *const argv[], int stdin_fd)
{
	char place[PATH_MAX];
	pid_t pid;
	auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (start(&pid, resolve(argv[0], place), argv, stdin_fd < 0 ? null : stdin_fd, null) < 0)
		return err_sys("spawn", argv[0], "cannot run %s", argv[0]);
	return run_end(pid);
}

int
run_behind(int (*work)(void *arg), void *arg, int keep)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	/* Whoever reads our output must see its end when we end, not when this child does. */
	int null = open("/dev/null", O_RDWR);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (keep > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)keep - 1, 0);
	close_range((unsigned)keep + 1, ~0U, 0);
	_exit(work(arg));
}

int
run_tool(const char *why, const char *const *argv, struct buf *out)
{
	return run_tool_fed(why, argv, -1, out);
}

int
run_tool_fed(const char *why, const char *const *argv, int in, struct buf *out)
{
	struct step st;
	/* They are not written to, whatever the type of execve(2) says. */
	char *const *words_of = (char *const *)(uintptr_t)argv;
	if (step_open(&st, "spawn", why)) {
		env_for_own_tool(true);
		step_result(&st,
			out ? run_capture(words_of, in, (size_t)1 << 20, out)
			    : run_lost(words_of, in));
	}
	tell_run(&st, words_of, false);
	long status = step_close(&st);
	if (status < 0)
		return err_sys("spawn", argv[0], "cannot run %s", argv[0]);
	return status == 0 ? 0
			   : err_set(ERR_INTERNAL, argv[0],
				     "cannot go on: %s failed with status %ld", argv[0], status);
}

int
run_here(const char *why, const char *const *argv, int (*work)(void *arg), void *arg)
{
	struct step st;
	bool runs = step_open(&st, "spawn", why);
	if (runs) {
		tell_down(env_explains_run());
		undo_down();
		step_result(&st, work(arg));
		/* As a tool that is run leaves it. */
		if (st.ret < 0)
			undo_all();
		else
			undo_forget();
		undo_up();
		tell_up();
	}
	tell_run(&st, (char *const *)(uintptr_t)argv, true);
	if (step_close(&st) == 0)
		return 0;
	return runs ? -1 : err_sys("spawn", argv[0], "cannot run %s", argv[0]);
}

/* Returns the status of the second, or of the first where only that failed. */
static int
pipe_to(char *const *from, char *const *to, struct buf *out)
{
	char place[PATH_MAX];
	int ends[2];
	pid_t pid;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	auto_fd int read_end = ends[0];
	auto_fd int write_end = ends[1];
	auto_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (start(&pid, resolve(from[0], place), from, null, write_end) < 0)
		return -1;
	close(take_fd(&write_end));
	int second = run_capture(to, read_end, (size_t)1 << 20, out);
	close(take_fd(&read_end)); /* if it was never read: the first ends by SIGPIPE */
	int no = errno, first = run_end(pid);
	errno = no;
	return second ? second : first;
}

int
run_pipe(const char *why, const char *const *from, const char *const *to, struct buf *out)
{
	struct step st;
	char *const *a = (char *const *)(uintptr_t)from, *const *b = (char *const *)(uintptr_t)to;
	auto_buf struct buf words = BUF_INIT;
	if (step_open(&st, "spawn", why)) {
		env_for_own_tool(true);
		step_result(&st, pipe_to(a, b, out));
	}
	if (step_told(&st)) {
		buf_add_argv(&words, a);
		buf_adds(&words, " | ");
		buf_add_argv(&words, b);
		step_call(&st, "posix_spawn(%s), posix_spawn(%s)", tell_c(from[0]), tell_c(to[0]));
		step_shell(&st, "%s", words.s);
	}
	long status = step_close(&st);
	if (status < 0)
		return err_sys("spawn", to[0], "cannot run %s", to[0]);
	return status == 0 ? 0
			   : err_set(ERR_INTERNAL, to[0], "cannot go on: %s failed with status %ld",
				     to[0], status);
}

/* posix_spawn in the order that makes a terminal the controlling one: first the new session, then
 * the opening (tty_ioctl(4)). */
static int
spawn_run(pid_t *pid, const char *path, const struct run *r)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	fresh_signals(&attr, r->session);
	for (int i = 0; i < 3; i++)
		if (r->fd[i] >= 0)
			posix_spawn_file_actions_adddup2(&files, r->fd[i], i);
		else
			posix_spawn_file_actions_addopen(
				&files, i, r->terminal ? r->terminal : "/dev/null", O_RDWR, 0);
	if (r->extra)
		posix_spawn_file_actions_adddup2(&files, r->extra, 3);
	if (r->alone)
		posix_spawn_file_actions_addclosefrom_np(&files, r->extra ? 4 : 3);
	int no = posix_spawnp(pid, path, &files, &attr, r->argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	errno = no;
	return no ? -1 : 0;
}

struct tied {
	const char *path;
	const struct run *r;
	pid_t parent;
	int no; /* why it did not become the program */
};

static void
prepare_tied(const struct tied *t)
{
	const struct run *r = t->r;
	sigset_t none;
	sigemptyset(&none);
	/* It may have ended before this call: then nobody will tell us. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != t->parent)
		_exit(EXIT_CHAIN_FAILED);
	if (r->session)
		setsid();
	for (int i = 0; i < 3; i++) {
		int fd = r->fd[i] >= 0 ? r->fd[i]
				       : open(r->terminal ? r->terminal : "/dev/null", O_RDWR);
		if (fd != i) {
			dup2(fd, i);
			/* The caller's are close-on-exec; those opened here go at once. */
			if (r->fd[i] < 0 && fd > STDERR_FILENO)
				close(fd);
		}
	}
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
tied_child(void *self)
{
	struct tied *t = self;
	prepare_tied(t);
	execvp(t->path, t->r->argv);
	t->no = errno;
	_exit(EXIT_COMMAND_NOT_FOUND);
}

/* posix_spawn(3) knows no such attribute; this is how it does it. No page table is copied: until
 * the child has become the program it runs in our memory, and we do not run. */
static int
spawn_tied(pid_t *pid, const char *path, const struct run *r)
{
	struct tied t = {.path = path, .r = r, .parent = getpid()};
	/* execvp(3) keeps the path that it tries there. */
	char stack[16 * PATH_MAX] __attribute__((aligned(16)));
	*pid = clone(tied_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &t);
	if (*pid > 0 && t.no) {
		run_end(*pid);
		errno = t.no;
		return -1;
	}
	return *pid < 0 ? -1 : 0;
}

pid_t
run_start(const char *why, const struct run *r)
{
	struct step st;
	char place[PATH_MAX];
	pid_t pid = 0;
	if (step_open(&st, "spawn", why)) {
		env_for_own_tool(r->status_fd >= 0 || r->aside);
		if (r->status_fd >= 0)
			env_report_to(r->status_fd);
		/* Who outlives us must not hold what our caller reads to its end. */
		if (r->session)
			env_keep_explain();
		const char *path = resolve(r->argv[0], place);
		step_result(&st, r->tied ? spawn_tied(&pid, path, r) : spawn_run(&pid, path, r));
	}
	tell_run(&st, r->argv, false);
	if (step_close(&st) < 0)
		return err_sys("spawn", r->argv[0], "cannot run %s", r->argv[0]);
	return pid;
}
