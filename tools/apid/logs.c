/* SPDX-License-Identifier: MIT
 * What containers have written: GET /containers/ID/logs.
 */
#include "logs.h"
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "box/log.h"
#include "push.h"

#include <stdlib.h>
#include <string.h>

struct logs {
	struct box b;
	struct log_query q;
	bool out, error, times, raw;
	char *details; /* NULL: none */
	int fd;
	struct buf ready; /* whole lines, not written yet */
};

#define READY_MAX ((size_t)64 << 10)

/* -1 when nobody reads. */
static int
flush(struct logs *s)
{
	int r = push_write(s->fd, s->ready.s, s->ready.len);
	buf_reset(&s->ready);
	return r;
}

static int
one_line(void *self, const struct log_line *l)
{
	struct logs *s = self;
	if (l->error ? !s->error : !s->out)
		return 0;
	size_t head = s->ready.len;
	if (!s->raw)
		buf_add(&s->ready, "\1\0\0\0\0\0\0\0", 8);
	if (s->times)
		buf_addf(&s->ready, "%s ", l->time);
	if (s->details)
		buf_addf(&s->ready, "%s ", s->details);
	buf_add(&s->ready, l->text, l->len);
	if (!s->raw)
		push_head(s->ready.s + head, l->error ? 2 : 1, s->ready.len - head - 8);
	return s->ready.len < READY_MAX ? 0 : flush(s);
}

/* Asked whenever all has been read that there is: then it goes out. */
static bool
over(void *self)
{
	struct logs *s = self;
	return flush(s) < 0 || push_over(s->fd);
}

static void
logs_free(struct logs *s)
{
	free(s->details);
	buf_free(&s->ready);
	free(s);
}

static void
run(void *self, int fd)
{
	struct logs *s = self;
	s->fd = fd;
	s->q.over = over;
	if (log_each(&s->b, &s->q, one_line, s) >= 0)
		flush(s);
	logs_free(s);
}

int
logs_write(const struct box *b, bool raw, bool out, bool error, int fd)
{
	struct logs s = {
		.b = *b, .q = {.tail = -1}, .out = out, .error = error, .raw = raw, .fd = fd};
	int r = log_each(b, &s.q, one_line, &s);
	if (r == 0)
		r = flush(&s);
	buf_free(&s.ready);
	return r;
}

/* What --log-opt labels and env name would stand here; without them it is a space alone. */
static char *
details_of(const struct request *r)
{
	return request_flag(r, "details", false) ? str_new("") : NULL;
}

static int
read_query(const struct request *r, struct logs *s)
{
	const char *tail = request_query(r, "tail"), *since = request_query(r, "since"),
		   *until = request_query(r, "until");
	s->out = request_flag(r, "stdout", false);
	s->error = request_flag(r, "stderr", false);
	s->times = request_flag(r, "timestamps", false);
	s->q = (struct log_query){.tail = -1, .follow = request_flag(r, "follow", false)};
	if (!s->out && !s->error)
		return err_set(
			ERR_INVALID, NULL, "Bad parameters: you must choose at least one stream");
	/* What is no number means all of them, as dockerd has it. */
	if (tail && parse_int(tail, 0, INT64_MAX, &s->q.tail) < 0)
		s->q.tail = -1;
	err_clear();
	return (since && *since && log_parse_time(since, &s->q.since) < 0) ||
			(until && *until && strcmp(until, "0") != 0 &&
				log_parse_time(until, &s->q.until) < 0)
		? -1
		: 0;
}

int
containers_logs(struct request *r)
{
	struct box b;
	if (box_find(r->part[0], &b) < 0)
		return -1;
	auto_json json_t *doc = box_read(&b, "box.json");
	if (!doc)
		return -1;
	struct logs *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->b = b;
	s->raw = box_flag(doc, "Config.Tty");
	if (read_query(r, s) < 0) {
		logs_free(s);
		return -1;
	}
	s->details = details_of(r);
	return reply_push(r, STREAM_TYPE, run, s);
}
