/* SPDX-License-Identifier: MIT
 * What goes on: GET /events, GET /containers/ID/stats.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "box/event.h"
#include "box/log.h"
#include "box/stats.h"
#include "door/undo.h"
#include "job.h"
#include "push.h"

#include <stdlib.h>
#include <string.h>

/* ---- events ---- */

void
tell_event(const struct box *b, const char *action, json_t *more)
{
	auto_json json_t *doc = box_read_if(b, "box.json");
	if (doc) {
		pthread_mutex_lock(&door);
		event_box(doc, action, more);
		undo_forget();
		pthread_mutex_unlock(&door);
	}
	json_decref(more);
}

struct events {
	struct event_query q;
	struct strlist filters;
	int fd;
};

static int
one_event(void *self, const json_t *event)
{
	struct events *e = self;
	char *text = json_dumps(event, JSON_COMPACT);
	auto_free char *line = fmt_new("%s\n", text ? text : "{}");
	free(text);
	return push_write(e->fd, line, strlen(line));
}

static bool
over(void *self)
{
	const struct events *e = self;
	return push_over(e->fd);
}

static void
events_free(struct events *e)
{
	words_free(&e->filters);
	free(e);
}

static void
run(void *self, int fd)
{
	struct events *e = self;
	e->fd = fd;
	event_each(&e->q, one_event, e);
	events_free(e);
}

int
system_events(struct request *r)
{
	const char *since = request_query(r, "since"), *until = request_query(r, "until");
	struct events *e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	e->q = (struct event_query){
		.filters = &e->filters, .since = clock_ns(CLOCK_REALTIME), .over = over};
	if (body_filters(r, &e->filters) < 0 || event_check(&e->filters) < 0 ||
		(since && *since && log_parse_time(since, &e->q.since) < 0) ||
		(until && *until && log_parse_time(until, &e->q.until) < 0)) {
		events_free(e);
		return -1;
	}
	return reply_push(r, "application/json", run, e);
}

/* ---- stats ---- */

struct watcher {
	const struct request *r;
	struct stats s;
	bool stream, one_shot;
	int64_t next; /* when to look again, on the monotonic clock; 0: at once */
	unsigned told;
	char *line;
	size_t at, n;
};

static void
stats_end(void *self)
{
	struct watcher *s = self;
	stats_free(&s->s);
	free(s->line);
	free(s);
}

/* What is known of the host's groups, and their paths, are kept for a program with one thread. */
static pthread_mutex_t groups = PTHREAD_MUTEX_INITIALIZER;

/* Looks once more, a second after the last time. False: the client is gone. */
static bool
look(struct watcher *s)
{
	struct stats_host host;
	struct box_state st;
	int64_t left = s->next - clock_ns(CLOCK_MONOTONIC);
	struct pollfd gone = request_gone(s->r);
	if (left > 0 && poll(&gone, 1, (int)(left / 1000000) + 1) > 0)
		return false;
	s->next = clock_ns(CLOCK_MONOTONIC) + 1000000000;
	box_state(&s->s.b, &st);
	stats_host(&host);
	pthread_mutex_lock(&groups);
	stats_take(&s->s, &st, &host);
	pthread_mutex_unlock(&groups);
	return !http_stopping();
}

static ssize_t
stats_read(void *self, char *p, size_t n)
{
	struct watcher *s = self;
	if (s->at == s->n) {
		if ((s->told && !s->stream) || !box_has_file(&s->s.b, "box.json"))
			return 0;
		/* Two looks make a rate; a stream begins with one, so that it begins at once. */
		if (!look(s) || (!s->told && !s->stream && !s->one_shot && !look(s)))
			return -1;
		auto_json json_t *doc = stats_document(&s->s);
		char *text = json_dumps(doc, JSON_COMPACT);
		free(s->line);
		s->line = fmt_new("%s\n", text ? text : "{}");
		free(text);
		s->at = 0;
		s->n = strlen(s->line);
		s->told++;
	}
	n = n < s->n - s->at ? n : s->n - s->at;
	memcpy(p, s->line + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

int
containers_stats(struct request *r)
{
	struct box b;
	if (box_find(r->part[0], &b) < 0)
		return -1;
	json_t *doc = box_read(&b, "box.json");
	if (!doc)
		return -1;
	struct watcher *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	*s = (struct watcher){.r = r,
		.s = {.b = b, .doc = doc, .depth = CG_MANY},
		.stream = request_flag(r, "stream", true),
		.one_shot = request_flag(r, "one-shot", false)};
	const struct source from = {stats_read, stats_end, s};
	// cppcheck-suppress memleak ; the end of the stream frees it
	return reply_stream(r, 200, "application/json", &from);
}
