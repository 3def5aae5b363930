/* SPDX-License-Identifier: MIT
 * Running such a program, and its streams: POST /exec/ID/start and /exec/ID/resize.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "box/box.h"
#include "door/channel.h"
#include "door/spawn.h"
#include "exec.h"
#include "job.h"
#include "push.h"
#include "relay.h"
#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct running {
	char id[65];
	json_t *note;
	int terminal; /* our side of it; -1: it has none */
	char slave[64];
	int in, out, error; /* ours of its pipes */
	pid_t pid;
	struct attach_keys keys; /* with which a client leaves its terminal */
	struct running *next;
};

/* Those with a terminal, for whoever changes its size. */
static struct running *list;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

static void
list_add(struct running *x)
{
	pthread_mutex_lock(&list_lock);
	x->next = list;
	list = x;
	pthread_mutex_unlock(&list_lock);
}

static void
list_drop(struct running *x)
{
	pthread_mutex_lock(&list_lock);
	for (struct running **p = &list; *p; p = &(*p)->next)
		if (*p == x) {
			*p = x->next;
			break;
		}
	pthread_mutex_unlock(&list_lock);
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(take_fd(fd));
}

static void
running_free(struct running *x)
{
	list_drop(x);
	shut(&x->terminal);
	shut(&x->in);
	shut(&x->out);
	shut(&x->error);
	json_decref(x->note);
	free(x);
}

/* ---- the command line ---- */

static void
add_option(struct strlist *l, const json_t *note, const char *path, const char *option)
{
	const char *value = box_text(note, path);
	if (*value)
		wordf(l, "--%s=%s", option, value);
}

static void
words_of(const json_t *note, struct strlist *l)
{
	json_t *item;
	size_t i;
	word(l, "box-exec");
	add_option(l, note, "ID", "exec-id");
	if (box_flag(note, "ProcessConfig.tty"))
		word(l, "--tty");
	if (box_flag(note, "OpenStdin"))
		word(l, "--interactive");
	if (box_flag(note, "ProcessConfig.privileged"))
		word(l, "--privileged");
	add_option(l, note, "ProcessConfig.user", "user");
	add_option(l, note, "WorkingDir", "workdir");
	json_array_foreach(json_object_get(note, "Env"), i, item)
		wordf(l, "--env=%s", json_string_value(item));
	word(l, box_text(note, "ContainerID"));
	json_array_foreach(json_object_get(note, "Cmd"), i, item) word(l, json_string_value(item));
	strlist_add(l, NULL);
}

/* ---- its streams ---- */

static int
make_terminal(struct running *x)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	const json_t *size = json_object_get(x->note, "ConsoleSize");
	struct winsize w = {.ws_row = (unsigned short)json_integer_value(json_array_get(size, 0)),
		.ws_col = (unsigned short)json_integer_value(json_array_get(size, 1))};
	if (fd < 0 || unlockpt(fd) < 0 || ptsname_r(fd, x->slave, sizeof(x->slave)) != 0) {
		if (fd >= 0)
			close(fd);
		return err_sys("posix_openpt", NULL, "cannot make a terminal");
	}
	if (w.ws_row)
		ioctl(fd, TIOCSWINSZ, &w);
	x->terminal = fd;
	return 0;
}

/* Starts it. With `detach` it has no streams, and *ready is at its end once it runs. */
static int
spawn(struct running *x, bool detach, int *ready)
{
	auto_fd int in = -1;
	auto_fd int out = -1;
	auto_fd int error = -1;
	auto_fd int status = -1;
	struct strlist l = {0};
	bool tty = x->terminal >= 0;
	if (detach ? pipe_to_child(ready, &status, false) < 0
		   : !tty &&
				((box_flag(x->note, "OpenStdin") &&
					 pipe_to_child(&x->in, &in, true) < 0) ||
					pipe_to_child(&x->out, &out, false) < 0 ||
					pipe_to_child(&x->error, &error, false) < 0))
		return -1;
	words_of(x->note, &l);
	struct run r = {.argv = (char *const *)(uintptr_t)l.v,
		.fd = {in, out, error},
		.terminal = tty ? x->slave : NULL,
		.status_fd = status,
		.session = true,
		.alone = !detach,
		.aside = true};
	pthread_mutex_lock(&door);
	if (status >= 0)
		fcntl(status, F_SETFD, 0);
	/* What it says on its standard error is for the client's people. */
	unsetenv("TACKLEBOX_ERRORS");
	x->pid = run_start("one more program in the container", &r);
	setenv("TACKLEBOX_ERRORS", "json", 1);
	if (status >= 0)
		fcntl(status, F_SETFD, FD_CLOEXEC);
	pthread_mutex_unlock(&door);
	words_free(&l);
	return x->pid > 0 ? 0 : -1;
}

/* ---- its course ---- */

static void
note_start(struct running *x)
{
	json_object_set_new(x->note, "Running", json_true());
	json_object_set_new(x->note, "Pid", json_integer(x->pid));
	exec_write(x->id, x->note);
}

static void
note_end(struct running *x, int status)
{
	json_object_set_new(x->note, "Running", json_false());
	json_object_set_new(x->note, "ExitCode", json_integer(status));
	json_object_set_new(x->note, "Pid", json_integer(0));
	exec_write(x->id, x->note);
	auto_free char *text = fmt_new("%d", status);
	exec_event(x->note, "exec_die", json_pack("{s:s}", "exitCode", text));
}

static int
reap(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 255;
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Between it and a client; -1: nobody, and what it writes is lost. */
static enum relay_end
relay(struct running *x, int client, const char *first, size_t n)
{
	struct relay *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	bool tty = x->terminal >= 0, seen = client >= 0;
	auto_fd int end = pidfd_open(x->pid, 0);
	*r = (struct relay){.client = client,
		.raw = tty,
		.input = seen && box_flag(x->note, "OpenStdin"),
		.shown = {false, seen, seen},
		.out = {tty ? x->terminal : x->out, x->error},
		.in = tty ? x->terminal : take_fd(&x->in),
		.borrowed = tty,
		.end = end,
		.status = -1,
		.keys = x->keys};
	enum relay_end how = relay_run(r, first, n);
	if (!r->borrowed && r->in >= 0)
		close(r->in);
	free(r);
	return how;
}

/* Whoever waits for the stream's end asks for the status then: so that is noted first. */
static void
finish(struct running *x)
{
	shut(&x->out);
	shut(&x->error);
	shut(&x->in);
	list_drop(x);
	shut(&x->terminal);
	note_end(x, reap(x->pid));
	running_free(x);
}

static void *
watch(void *self)
{
	struct running *x = self;
	if (x->terminal >= 0)
		relay(x, -1, "", 0);
	finish(x);
	return NULL;
}

/* From now on nobody but us is there for it. */
static void
watch_alone(struct running *x)
{
	if (thread_start(watch, x, NULL) < 0)
		watch(x);
}

/* It has not come to run. `err` stays as it is. */
static void
give_up(struct running *x)
{
	const struct err why = err;
	note_end(x, EXIT_NOT_EXECUTABLE);
	running_free(x);
	err = why;
}

static void
tell_failure(struct running *x, int client)
{
	auto_buf struct buf text = BUF_INIT;
	err_text(&err, &text);
	buf_adds(&text, "\r\n");
	push_frame(client, 1, text.s, text.len);
	give_up(x);
}

/* A client that has left takes the pipes with it, and the program may go on without them. It does
 * not hang up a terminal: that is how docker's client detaches. */
static void
run(void *self, int fd, const char *first, size_t n)
{
	struct running *x = self;
	if (spawn(x, false, NULL) < 0) {
		tell_failure(x, fd);
	} else {
		note_start(x); /* with its number */
		enum relay_end how = relay(x, fd, first, n);
		if (how == RELAY_DETACHED)
			exec_event(x->note, "exec_detach", NULL);
		if (how != RELAY_ENDED && x->terminal >= 0)
			watch_alone(x);
		else
			finish(x);
	}
	relay_finish(fd);
}

/* It runs by the time of the answer. */
static int
start_detached(struct request *r, struct running *x)
{
	char text[4096];
	auto_fd int ready = -1;
	if (spawn(x, true, &ready) < 0) {
		running_free(x);
		return -1;
	}
	struct pollfd p = {ready, POLLIN, 0};
	poll(&p, 1, -1);
	ssize_t n = read(ready, text, sizeof(text));
	if (n > 0) {
		auto_json json_t *why = json_parse("a tool", text, (size_t)n);
		note_end(x, reap(x->pid));
		err_set(ERR_INVALID, x->id, "%s", box_text(why, "message"));
		running_free(x);
		return -1;
	}
	note_start(x);
	watch_alone(x);
	return reply_empty(r, 200);
}

static struct running *
running_new(const char *id, json_t *note)
{
	struct running *x = calloc(1, sizeof(*x));
	if (!x)
		abort();
	*x = (struct running){.note = note, .terminal = -1, .in = -1, .out = -1, .error = -1};
	snprintf(x->id, sizeof(x->id), "%s", id);
	return x;
}

/* What has to be so before it is started. */
static int
prepare(struct running *x, const json_t *asked)
{
	struct box b;
	pid_t pid;
	json_t *size = body_member(asked, "ConsoleSize");
	if (!json_is_null(json_object_get(x->note, "ExitCode")) || box_flag(x->note, "Running"))
		return err_set(ERR_CONFLICT, x->id, "Exec command %s has already run", x->id);
	if (size)
		json_object_set(x->note, "ConsoleSize", size);
	if (box_find(box_text(x->note, "ContainerID"), &b) < 0 ||
		box_pid(&b, false, &pid, NULL) < 0)
		return -1;
	if (body_flag(asked, "Detach") || !box_flag(x->note, "ProcessConfig.tty"))
		return 0;
	return exec_keys(x->note, &x->keys) < 0 ? -1 : make_terminal(x);
}

int
exec_start(struct request *r)
{
	auto_json json_t *asked = body_json(r, true);
	if (!asked && r->body.len)
		return -1;
	json_t *note = exec_read(r->part[0]);
	if (!note)
		return -1;
	struct running *x = running_new(r->part[0], note);
	if (prepare(x, asked) < 0) {
		running_free(x);
		return -1;
	}
	if (body_flag(asked, "Detach"))
		return start_detached(r, x);
	list_add(x);
	note_start(x); /* a client that has the answer may ask at once */
	if (reply_relayed(r, run, x) == 0)
		return 0;
	give_up(x);
	return -1;
}

int
exec_resize(struct request *r)
{
	int64_t h, w;
	const char *rows = request_query(r, "h"), *columns = request_query(r, "w");
	if (parse_int(rows ? rows : "", 0, UINT16_MAX, &h) < 0 ||
		parse_int(columns ? columns : "", 0, UINT16_MAX, &w) < 0)
		return -1;
	auto_json json_t *note = exec_read(r->part[0]);
	if (!note)
		return -1;
	const struct winsize size = {.ws_row = (unsigned short)h, .ws_col = (unsigned short)w};
	bool found = false;
	pthread_mutex_lock(&list_lock);
	for (struct running *x = list; x; x = x->next)
		if (strcmp(x->id, r->part[0]) == 0) {
			found = true;
			ioctl(x->terminal, TIOCSWINSZ, &size);
		}
	pthread_mutex_unlock(&list_lock);
	return found ? reply_empty(r, 200)
		     : err_set(ERR_CONFLICT, r->part[0], "exec %s does not run", r->part[0]);
}
