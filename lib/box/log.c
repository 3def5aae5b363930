/* SPDX-License-Identifier: MIT */
#include "box/log.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/human.h"
#include "base/parse.h"
#include "box/tail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOMENT ((int64_t)200 * 1000000)

/* As box-mon writes it: with nine digits of a second. */
#define TIME_CHARS 30

struct pass {
	const struct log_query *q;
	log_fn *fn;
	void *self;
	int64_t skip; /* so many matching lines are passed over */
	bool over; /* a line beyond `until` was seen */
	struct buf text; /* of a line in box-mon's own form */
	char time[TIME_CHARS + 1];
};

static int64_t
nanoseconds(const char *text)
{
	time_t s;
	struct err before = err;
	const char *dot = strchr(text, '.');
	if (parse_rfc3339(text, &s) < 0) {
		err = before;
		return 0;
	}
	int64_t part = 0, unit = 100000000;
	for (const char *p = dot ? dot + 1 : ""; *p >= '0' && *p <= '9'; p++, unit /= 10)
		part += (*p - '0') * unit;
	return (int64_t)s * 1000000000 + part;
}

static int
take(struct pass *p, struct log_line *line)
{
	line->when = p->q->since || p->q->until ? nanoseconds(line->time) : 0;
	if (p->q->until && line->when > p->q->until) {
		p->over = true;
		return 0;
	}
	if (line->when < p->q->since || (p->skip > 0 && p->skip--))
		return 0;
	return p->fn(p->self, line);
}

/* Undoes the escapes that text has most. False: there is another one. */
static bool
unescape(const char *s, const char *end, struct buf *out)
{
	buf_reset(out);
	for (const char *back; (back = memchr(s, '\\', (size_t)(end - s))); s = back + 2) {
		char c = back + 1 < end ? back[1] : 'u';
		if (c != '"' && c != '\\' && c != 'n' && c != 't')
			return false;
		buf_add(out, s, (size_t)(back - s));
		buf_addc(out, c == 'n' ? '\n' : c == 't' ? '\t' : c);
	}
	buf_add(out, s, (size_t)(end - s));
	return true;
}

/* A line in the form that box-mon gives it, which need not be parsed: ten times as quick. */
static bool
own_form(struct pass *p, const char *text, size_t len, struct log_line *line)
{
	static const char head[] = "{\"log\":\"", middle[] = "\",\"stream\":\"std",
			  time[] = "\",\"time\":\"";
	const size_t n_head = sizeof(head) - 1, n_middle = sizeof(middle) - 1,
		     n_time = sizeof(time) - 1, n_tail = n_middle + 3 + n_time + TIME_CHARS + 2;
	if (len < n_head + n_tail || memcmp(text, head, n_head) != 0)
		return false;
	const char *tail = text + len - n_tail, *stream = tail + n_middle, *when = stream + 3;
	if (memcmp(tail, middle, n_middle) != 0 || memcmp(when, time, n_time) != 0 ||
		memcmp(text + len - 2, "\"}", 2) != 0 || !unescape(text + n_head, tail, &p->text))
		return false;
	memcpy(p->time, when + n_time, TIME_CHARS);
	p->time[TIME_CHARS] = '\0';
	*line = (struct log_line){.text = buf_str(&p->text),
		.len = p->text.len,
		.error = memcmp(stream, "err", 3) == 0,
		.time = p->time};
	return true;
}

/* A line that is none, for it was cut off by a full disk or a crash, is passed over. */
static int
one_line(void *self, const char *text, size_t len)
{
	struct pass *p = self;
	struct log_line line;
	if (own_form(p, text, len, &line))
		return take(p, &line);
	auto_json json_t *doc = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	json_t *log = json_object_get(doc, "log");
	const char *time = json_string_value(json_object_get(doc, "time"));
	const char *stream = json_string_value(json_object_get(doc, "stream"));
	if (!json_is_string(log) || !time)
		return 0;
	line = (struct log_line){.text = json_string_value(log),
		.len = json_string_length(log),
		.error = stream && strcmp(stream, "stderr") == 0,
		.time = time};
	return take(p, &line);
}

static void
log_path(const struct box *b, int n, char path[PATH_MAX])
{
	char name[24];
	snprintf(name, sizeof(name), n ? "log.%d" : "log", n);
	box_path(b, name, path);
}

/* Those set aside, oldest first. */
static int
read_old(struct pass *p, const struct box *b)
{
	char path[PATH_MAX];
	int n = 0, r = 0;
	for (log_path(b, 1, path); file_exists(path); log_path(b, n + 1, path))
		n++;
	for (; n > 0 && r == 0; n--) {
		auto_tail struct tail t = {.path = path};
		log_path(b, n, path);
		r = tail_open(&t, false) < 0 ? -1 : tail_read(&t, one_line, p);
	}
	return r;
}

static int
count_line(void *self, const struct log_line *line)
{
	int64_t *n = self;
	(void)line;
	++*n;
	return 0;
}

/* The end of a box changes nothing in its directory that is sure: so it is looked at again and
 * again. */
static int
follow(struct pass *p, const struct box *b, struct tail *t)
{
	int r = 0;
	for (bool runs = true; r == 0 && runs && !p->over;) {
		struct box_state st;
		box_state(b, &st);
		runs = st.busy || st.status == BOX_RUNNING || st.status == BOX_PAUSED;
		r = tail_read(t, one_line, p);
		if (p->q->over && p->q->over(p->self))
			break;
		if (r == 0 && runs && !p->over)
			tail_wait(t, MOMENT);
	}
	return r;
}

static int
read_all(struct pass *p, const struct box *b, bool and_follow)
{
	char path[PATH_MAX];
	int r = read_old(p, b);
	log_path(b, 0, path);
	auto_tail struct tail t = {.path = path};
	if (r == 0 && (r = tail_open(&t, and_follow)) == 0)
		r = and_follow ? follow(p, b, &t) : tail_read(&t, one_line, p);
	return r;
}

int
log_each(const struct box *b, const struct log_query *q, log_fn *fn, void *self)
{
	struct pass p = {.q = q, .fn = fn, .self = self};
	if (q->tail >= 0) {
		int64_t n = 0;
		struct pass count = {.q = q, .fn = count_line, .self = &n};
		int r = read_all(&count, b, false);
		buf_free(&count.text);
		if (r != 0)
			return r;
		p.skip = n > q->tail ? n - q->tail : 0;
	}
	int r = read_all(&p, b, q->follow);
	buf_free(&p.text);
	return r;
}

int
log_parse_time(const char *text, int64_t *ns)
{
	char *end;
	if (strchr(text, 'T') || (strlen(text) > 7 && text[4] == '-')) {
		time_t s;
		if (parse_rfc3339(text, &s) < 0)
			return -1;
		*ns = nanoseconds(text);
		return 0;
	}
	long long s = strtoll(text, &end, 10);
	if (end != text && (!*end || *end == '.')) {
		int64_t unit = 100000000;
		*ns = (int64_t)s * 1000000000;
		for (end += *end == '.'; *end >= '0' && *end <= '9'; end++, unit /= 10)
			*ns += (*end - '0') * unit;
		return *end ? err_set(ERR_INVALID, text, "'%s' is not a time", text) : 0;
	}
	int64_t ago;
	if (parse_duration(text, &ago) < 0)
		return err_set(ERR_INVALID, text,
			"'%s' is not a time, such as 2024-05-06T07:08:09Z, 1795448657 or 10m",
			text);
	*ns = clock_ns(CLOCK_REALTIME) - ago;
	return 0;
}
