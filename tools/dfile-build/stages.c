/* SPDX-License-Identifier: MIT
 * Runs the stages that are needed, each as soon as those that it needs are done: side by side in
 * processes of their own, or in this one where there is no other to run. What the first unfinished
 * one says is shown as it comes; the others' words wait in files until it is their turn, so a build
 * always reads in the order of its Dockerfile.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"
#include "door/sys_ns.h"
#include "door/undo.h"
#include "image/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT_MAX ((size_t)16 << 20)

struct runner {
	struct build *b;
	struct stage *s;
	pid_t pid;
	int said, result; /* pipes from the process */
	int spool; /* what it has said and nobody has seen */
	off_t shown;
	struct buf text; /* its result */
};

struct running {
	struct build *b;
	struct runner *v; /* one for each stage */
	size_t front; /* whose words are shown */
	unsigned n;
	long most; /* at the same time */
};

static bool
ready(const struct build *b, const struct stage *s)
{
	if (!s->needed || s->running || s->done)
		return false;
	for (size_t i = 0; i < b->n; i++)
		if (s->needs[i] && !b->stages[i].done)
			return false;
	return true;
}

/* The process of a stage: its result goes into a pipe, as JSON. */
static int
child(void *arg)
{
	struct runner *r = arg;
	auto_buf struct buf out = BUF_INIT;
	undo_forget();
	report_beside = true;
	int ok = report_start() < 0 || sys_death_signal("a stage ends with the build") < 0 ? -1 : 0;
	report_to = r->said;
	if (ok == 0)
		ok = stage_run(r->b, r->s);
	if (ok == 0) {
		auto_json json_t *doc = state_to_json(&r->s->st);
		json_visible(doc, JSON_COMPACT, &out);
	} else {
		report_failed(err.message, err.status);
		err_json(&err, "", err.status, &out);
	}
	for (size_t at = 0; at < out.len;) {
		ssize_t n = write(r->result, out.s + at, out.len - at);
		if (n < 0 && errno != EINTR)
			return 1;
		at += n > 0 ? (size_t)n : 0;
	}
	return ok < 0;
}

static int
start(struct running *all, struct stage *s)
{
	struct runner *r = &all->v[s->number];
	struct sys_clone how = {.run = child, .arg = r, .cgroup = -1};
	int said[2], result[2];
	*r = (struct runner){.b = all->b, .s = s, .spool = -1};
	if (sys_spool("what a stage says before it is its turn", &r->spool) < 0)
		return -1;
	if (pipe_pair(said) < 0 || pipe_pair(result) < 0)
		return -1;
	r->said = said[1];
	r->result = result[1];
	fflush(stdout);
	r->pid = sys_clone("a stage that needs no other one any more", &how);
	close(said[1]);
	close(result[1]);
	r->said = said[0];
	r->result = result[0];
	if (r->pid < 0)
		return -1;
	close(how.pidfd);
	s->running = true;
	all->n++;
	return 0;
}

static void
put(const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(report_to, data, len);
		if (n <= 0 && errno != EINTR)
			return;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void
show_spooled(struct runner *r)
{
	char piece[8192];
	ssize_t n;
	while (r->pid && (n = pread(r->spool, piece, sizeof(piece), r->shown)) > 0) {
		put(piece, (size_t)n);
		r->shown += n;
	}
}

/* The first that is not done is shown; those before it have said all. */
static void
move_front(struct running *all)
{
	const struct build *b = all->b;
	while (all->front < b->n) {
		const struct stage *s = &b->stages[all->front];
		if (s->needed)
			show_spooled(&all->v[all->front]);
		if (s->needed && !s->done)
			return;
		all->front++;
	}
}

static int
take_words(struct running *all, struct runner *r)
{
	char piece[16384];
	ssize_t n = read(r->said, piece, sizeof(piece));
	if (n <= 0) {
		close(take_fd(&r->said));
		return 0;
	}
	if (r->s->number == all->front) {
		put(piece, (size_t)n);
		return 0;
	}
	struct stream_fd out = {.fd = r->spool, .shown = "a stage's words"};
	return stream_fd_write(&out, piece, (size_t)n);
}

static int
take_error(const struct runner *r, const json_t *doc)
{
	const char *message = json_string_value(json_object_get(doc, "message"));
	err_set(ERR_INTERNAL, NULL, "%s", message ? message : "a stage was killed");
	const char *hint = json_string_value(json_object_get(doc, "hint"));
	if (hint && *hint)
		err_hint("%s", hint);
	err.status = (int)json_integer_value(json_object_get(doc, "status"));
	err.no = 0;
	(void)r;
	return -1;
}

/* What a stage has made is forgotten when nobody needs it any more: there may be thousands. */
static void
let_go(struct build *b, const struct stage *s)
{
	for (size_t i = 0; i < b->n; i++)
		if (s->needs[i] && --b->stages[i].users == 0)
			state_free(&b->stages[i].st);
}

/* Its result has come, whole. */
static int
end_stage(struct running *all, struct runner *r)
{
	int status;
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	while (r->said >= 0)
		if (take_words(all, r) < 0)
			return -1;
	r->s->running = false;
	all->n--;
	auto_json json_t *doc = r->text.len ? json_loadb(r->text.s, r->text.len, 0, NULL) : NULL;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !doc) {
		/* Who looks at a failure wants to see what led to it, not what comes before. */
		show_spooled(r);
		return take_error(r, doc);
	}
	r->s->done = true;
	buf_free(&r->text);
	let_go(all->b, r->s);
	return state_from_json(doc, &r->s->st);
}

static int
take_result(struct running *all, struct runner *r)
{
	char piece[16384];
	ssize_t n = read(r->result, piece, sizeof(piece));
	if (n > 0 && r->text.len + (size_t)n <= RESULT_MAX) {
		buf_add(&r->text, piece, (size_t)n);
		return 0;
	}
	close(take_fd(&r->result));
	return end_stage(all, r);
}

static int
listen_once(struct running *all)
{
	struct pollfd *p = calloc(2 * all->b->n + 1, sizeof(*p));
	struct runner **who = calloc(2 * all->b->n + 1, sizeof(struct runner *));
	nfds_t n = 0;
	int r = 0;
	if (!p || !who)
		abort();
	for (size_t i = 0; i < all->b->n; i++) {
		struct runner *at = &all->v[i];
		if (!all->b->stages[i].running)
			continue;
		for (int k = 0; k < 2; k++) {
			who[n] = at;
			p[n++] = (struct pollfd){.fd = k ? at->result : at->said, .events = POLLIN};
		}
	}
	if (poll(p, n, -1) < 0)
		r = errno == EINTR ? 0 : err_sys("poll", NULL, "cannot wait for a stage");
	else
		for (nfds_t i = 0; r == 0 && i < n; i++)
			if (p[i].revents && p[i].fd >= 0 && who[i]->s->running)
				r = i % 2 ? take_result(all, who[i]) : take_words(all, who[i]);
	free(p);
	free(who);
	return r;
}

/* One has failed: what the others do is in vain. */
static void
stop_all(struct running *all)
{
	struct err why = err;
	for (size_t i = 0; i < all->b->n; i++)
		if (all->b->stages[i].running) {
			sys_kill("another stage has failed", &all->v[i].pid, 1, SIGKILL);
			waitpid(all->v[i].pid, NULL, 0);
		}
	err = why;
}

static int
run_here(struct build *b, struct stage *s)
{
	int r = stage_run(b, s);
	s->done = r == 0;
	if (r == 0)
		let_go(b, s);
	return r;
}

/* The stages that can run now: their number, and the first of them. */
static size_t
count_ready(const struct build *b, size_t *first)
{
	size_t n = 0;
	for (size_t i = b->n; i-- > 0;)
		if (ready(b, &b->stages[i])) {
			*first = i;
			n++;
		}
	return n;
}

static int
run_beside(struct running *all)
{
	struct build *b = all->b;
	size_t first = 0;
	while (!b->stages[b->target].done) {
		size_t n = count_ready(b, &first);
		move_front(all);
		if (n == 1 && !all->n && all->front == first) {
			if (run_here(b, &b->stages[first]) < 0)
				return -1;
			continue;
		}
		for (size_t i = first; n && i < b->n && all->n < (unsigned)all->most; i++)
			if (ready(b, &b->stages[i]) && start(all, &b->stages[i]) < 0)
				return -1;
		move_front(all);
		if (listen_once(all) < 0)
			return -1;
	}
	all->front = all->front < b->n ? all->front : b->n;
	move_front(all);
	return 0;
}

/* One after the other, in this process: there is only one, or the steps are to be told. */
static int
run_in_order(struct build *b)
{
	for (;;) {
		size_t i = 0;
		while (i < b->n && !ready(b, &b->stages[i]))
			i++;
		if (i == b->n)
			return 0;
		if (run_here(b, &b->stages[i]) < 0)
			return -1;
	}
}

int
stages_run(struct build *b)
{
	struct running all = {.b = b, .most = sysconf(_SC_NPROCESSORS_ONLN)};
	unsigned needed = 0;
	for (size_t i = 0; i < b->stages[0].first; i++)
		report_step((unsigned)i + 1, b->steps, b->d.inst[i].original);
	for (size_t i = 0; i < b->n; i++)
		needed += b->stages[i].needed;
	if (needed == 1 || step_dry())
		return run_in_order(b);
	if (all.most < 2)
		all.most = 2;
	all.v = calloc(b->n + 1, sizeof(*all.v));
	if (!all.v)
		abort();
	int r = run_beside(&all);
	if (r < 0)
		stop_all(&all);
	free(all.v);
	return r;
}
