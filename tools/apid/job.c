/* SPDX-License-Identifier: MIT */
#include "job.h"

#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "door/channel.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a tool may print before somebody takes it, and say. */
#define KEPT_MAX ((size_t)16 << 20)
#define SAID_MAX ((size_t)1 << 20)
#define TAKEN ((size_t)16384)
#define PIPE_SIZE (1 << 20)

pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;

void
word(struct strlist *l, const char *s)
{
	strlist_add(l, str_new(s));
}

void
wordf(struct strlist *l, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	strlist_add(l, buf_take(&b));
}

void
words_free(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)(uintptr_t)l->v[i]);
	free(l->v);
	*l = (struct strlist){0};
}

/* ---- starting ---- */

static int
start(struct job *j, const char *why, struct strlist *words, bool input, int extra)
{
	auto_fd int in = -1;
	auto_fd int out = -1;
	auto_fd int error = -1;
	if ((input && pipe_to_child(&j->in, &in, true) < 0) ||
		pipe_to_child(&j->out, &out, false) < 0 ||
		pipe_to_child(&j->error, &error, false) < 0)
		return -1;
	/* The kernel may give less room. */
	const int ours[] = {j->in, j->out, j->error};
	for (size_t i = 0; i < 3; i++)
		fcntl(ours[i], F_SETPIPE_SZ, PIPE_SIZE);
	struct run r = {.argv = (char *const *)(uintptr_t)words->v,
		.fd = {in, out, error},
		.status_fd = -1,
		.extra = extra,
		.alone = true,
		.aside = true};
	pthread_mutex_lock(&door);
	j->pid = run_start(why, &r);
	pthread_mutex_unlock(&door);
	if (j->pid <= 0)
		return -1;
	j->pidfd = pidfd_open(j->pid, 0);
	return 0;
}

struct job *
job_start(const char *why, struct strlist *words, bool input, int extra)
{
	struct job *j = calloc(1, sizeof(*j));
	if (!j)
		abort();
	*j = (struct job){.name = why, .pidfd = -1, .in = -1, .out = -1, .error = -1};
	strlist_add(words, NULL);
	int r = start(j, why, words, input, extra);
	words_free(words);
	if (r == 0)
		return j;
	job_free(j);
	return NULL;
}

/* ---- what it says ---- */

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(take_fd(fd));
}

/* Appends what is there now, up to TAKEN bytes; what is more than max is lost. False: no more will
 * come. */
static bool
take(int fd, struct buf *to, size_t max)
{
	char data[TAKEN];
	ssize_t n = read(fd, data, sizeof(data));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n > 0 && to->len + (size_t)n <= max)
		buf_add(to, data, (size_t)n);
	return n > 0;
}

static void
take_said(struct job *j)
{
	if (!take(j->error, &j->said, SAID_MAX))
		shut(&j->error);
}

int
job_feed(struct job *j, const char *p, size_t n)
{
	/* It takes none: a body all the same is nothing that it would wait for. */
	if (j->in < 0)
		return 0;
	while (n && !j->refused) {
		struct pollfd fd[] = {
			{j->in, POLLOUT, 0}, {j->out, POLLIN, 0}, {j->error, POLLIN, 0}};
		if (poll(fd, 3, -1) < 0)
			continue;
		if (fd[1].revents && !take(j->out, &j->read, KEPT_MAX))
			shut(&j->out);
		if (fd[2].revents)
			take_said(j);
		if (j->read.len > KEPT_MAX - TAKEN)
			return err_set(ERR_INVALID, j->name,
				"%s: more than %zu bytes were printed before the body was read",
				j->name, KEPT_MAX - TAKEN);
		ssize_t done = fd[0].revents ? write(j->in, p, n) : 0;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else if (done < 0 && errno != EAGAIN && errno != EINTR) {
			j->refused = true;
		}
	}
	return 0;
}

void
job_fed(struct job *j)
{
	shut(&j->in);
}

/* Waits until its output can be read or has ended. False: the client is gone. */
static bool
wait_output(struct job *j, const struct request *r)
{
	while (j->out >= 0) {
		struct pollfd fd[] = {{j->out, POLLIN, 0}, {j->error, POLLIN, 0},
			r ? request_gone(r) : (struct pollfd){-1, 0, 0}};
		if (poll(fd, 3, r ? 500 : -1) < 0)
			continue;
		if (fd[1].revents)
			take_said(j);
		if (fd[0].revents)
			return true;
		if (fd[2].revents || (r && http_stopping()))
			return false;
	}
	return true;
}

ssize_t
job_read(struct job *j, const struct request *r, char *p, size_t n)
{
	size_t kept = j->read.len - j->at;
	if (kept) {
		n = n < kept ? n : kept;
		memcpy(p, j->read.s + j->at, n);
		j->at += n;
		return (ssize_t)n;
	}
	for (;;) {
		if (!wait_output(j, r))
			return -1;
		ssize_t got = j->out < 0 ? 0 : read(j->out, p, n);
		if (got >= 0)
			return got;
		if (errno != EAGAIN && errno != EINTR)
			return 0;
	}
}

bool
job_peek(struct job *j, const struct request *r)
{
	size_t before = j->read.len;
	while (j->out >= 0 && j->read.len == before) {
		if (!wait_output(j, r))
			return false;
		if (!take(j->out, &j->read, KEPT_MAX))
			shut(&j->out);
	}
	return j->read.len > before;
}

/* ---- its end ---- */

static void
reap(struct job *j)
{
	int status;
	if (j->ended || j->pid <= 0)
		return;
	while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
		;
	j->ended = true;
	j->status = WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

static enum err_class
class_named(const char *name)
{
	for (enum err_class c = ERR_INTERNAL; c <= ERR_NO_SPACE; c++)
		if (strcmp(err_class_name(c), name) == 0)
			return c;
	return ERR_INTERNAL;
}

/* So many bytes of what it said; who runs us with -x wants to see it. */
static void
show_people(const struct job *j, size_t n)
{
	if (tell_on() && n && write(STDERR_FILENO, j->said.s, n) < 0)
		return; /* nobody listens: no reason to stop */
}

/* The last line, as JSON, is for us; those before it for people, and who runs us with -x sees them.
 */
static void
hear(struct job *j)
{
	char *end = j->said.s, *last = NULL;
	while (end && *end) {
		size_t n = strcspn(end, "\n");
		if (*end == '{')
			last = end;
		end += n + (end[n] == '\n');
	}
	size_t people = last ? (size_t)(last - j->said.s) : j->said.len;
	show_people(j, people);
	auto_json json_t *why = last ? json_parse("a tool", last, strcspn(last, "\n")) : NULL;
	if (!why) {
		err_set(ERR_INTERNAL, j->name, "%s: a tool failed with status %d", j->name,
			j->status);
		return;
	}
	err_set(class_named(box_text(why, "class")), box_text(why, "object"), "%s",
		box_text(why, "message"));
	if (*box_text(why, "hint"))
		err_hint("%s", box_text(why, "hint"));
	err.status = (int)json_integer_value(json_object_get(why, "status"));
}

int
job_result(struct job *j)
{
	job_fed(j);
	shut(&j->out);
	while (j->error >= 0) {
		struct pollfd fd = {j->error, POLLIN, 0};
		if (poll(&fd, 1, -1) > 0)
			take_said(j);
	}
	reap(j);
	if (j->status == 0) {
		show_people(j, j->said.len);
		return 0;
	}
	hear(j);
	return -1;
}

void
job_free(struct job *j)
{
	if (!j)
		return;
	if (j->pid > 0 && !j->ended && j->pidfd >= 0) {
		pthread_mutex_lock(&door);
		sys_pidfd_kill("its client is gone", j->pidfd, j->pid, SIGTERM);
		pthread_mutex_unlock(&door);
	}
	shut(&j->in);
	shut(&j->out);
	shut(&j->error);
	reap(j);
	shut(&j->pidfd);
	buf_free(&j->read);
	buf_free(&j->said);
	free(j);
}

/* ---- as one call ---- */

int
job_collect(struct job *j, struct buf *out)
{
	char data[16384];
	ssize_t n;
	while ((n = job_read(j, NULL, data, sizeof(data))) > 0)
		if (out && out->len + (size_t)n <= KEPT_MAX)
			buf_add(out, data, (size_t)n);
	if (job_result(j) < 0)
		return -1;
	if (out && out->len && out->s[out->len - 1] == '\n')
		out->s[--out->len] = '\0';
	return 0;
}

int
job_run(const char *why, struct strlist *words, const struct buf *text, struct buf *out)
{
	struct job *j = job_start(why, words, text != NULL, 0);
	if (!j)
		return -1;
	int r = text ? job_feed(j, buf_str(text), text->len) : 0;
	job_fed(j);
	if (r == 0)
		r = job_collect(j, out);
	job_free(j);
	return r;
}

int
job_reply(struct request *r, const char *why, struct strlist *words, unsigned status)
{
	return job_run(why, words, NULL, NULL) < 0 ? -1 : reply_empty(r, status);
}

int
job_reply_json(struct request *r, const char *why, struct strlist *words, const struct buf *text,
	unsigned status)
{
	auto_buf struct buf out = BUF_INIT;
	if (job_run(why, words, text, &out) < 0)
		return -1;
	return reply_bytes(r, status, "application/json", buf_str(&out), out.len);
}
