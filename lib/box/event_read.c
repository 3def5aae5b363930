/* SPDX-License-Identifier: MIT
 * Reading what happened: events.jsonl.1, events.jsonl, and then what is appended.
 */
#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/filter.h"
#include "base/json.h"
#include "box/event.h"
#include "box/tail.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SECOND ((int64_t)1000000000)

/* ---- filters ---- */

static bool
is_of(const json_t *event, const char *type, const char *value)
{
	const json_t *actor = json_object_get(event, "Actor");
	const char *id = json_text(actor, "ID");
	const char *name = json_text(json_object_get(actor, "Attributes"), "name");
	if (strcmp(json_text(event, "Type"), type) != 0)
		return false;
	return strcmp(name, value) == 0 || strcmp(id, value) == 0 ||
		(strcmp(type, "container") == 0 && *value &&
			strncmp(id, value, strlen(value)) == 0);
}

/* "exec_start" stands for "exec_start: sh -c …" too. */
static bool
is_action(const json_t *event, const char *value)
{
	const char *action = json_text(event, "Action");
	size_t n = strlen(value);
	return strncmp(action, value, n) == 0 && (!action[n] || action[n] == ':');
}

static bool
is_image(const json_t *event, const char *value)
{
	const json_t *all = json_object_get(json_object_get(event, "Actor"), "Attributes");
	const char *image = json_text(all, "image");
	size_t n = strlen(value);
	return (strncmp(image, value, n) == 0 && (!image[n] || image[n] == ':')) ||
		is_of(event, "image", value);
}

static bool
fits(const void *thing, const char *key, const char *value)
{
	const json_t *event = thing;
	if (strcmp(key, "type") == 0)
		return strcmp(json_text(event, "Type"), value) == 0;
	if (strcmp(key, "event") == 0)
		return is_action(event, value);
	if (strcmp(key, "label") == 0)
		return filter_label(
			json_object_get(json_object_get(event, "Actor"), "Attributes"), value);
	if (strcmp(key, "image") == 0)
		return is_image(event, value);
	if (strcmp(key, "scope") == 0)
		return strcmp(json_text(event, "scope"), value) == 0;
	return is_of(event, key, value);
}

int
event_check(const struct strlist *filters)
{
	return filter_check(filters,
		(const char *const[]){"type", "event", "label", "image", "scope", "container",
			"volume", "network", NULL});
}

/* ---- the files ---- */

struct pass {
	const struct event_query *q;
	event_fn *fn;
	void *self;
	bool over; /* one beyond `until` was seen */
};

static int
one_line(void *self, const char *s, size_t n)
{
	struct pass *p = self;
	struct err before = err;
	auto_json json_t *event = json_parse("events.jsonl", s, n);
	int64_t when = json_integer_value(json_object_get(event, "timeNano"));
	err = before;
	/* A line that was cut by a crash is passed over. */
	if (!event || when < p->q->since || !filter_passes(p->q->filters, fits, event))
		return 0;
	p->over = p->q->until && when > p->q->until;
	return p->over || p->fn(p->self, event) != 0;
}

/* Looks once more after the end has come: what was written before it is told. */
static int
follow(struct pass *p, struct tail *t)
{
	int r = 0;
	for (bool last = false; r == 0 && !last;) {
		int64_t left = p->q->until ? p->q->until - clock_ns(CLOCK_REALTIME) : INT64_MAX;
		last = left <= 0;
		r = tail_read(t, one_line, p);
		if (p->q->over && p->q->over(p->self))
			break;
		if (r == 0 && !last)
			tail_wait(t, left < SECOND ? left : SECOND);
	}
	return r;
}

int
event_each(const struct event_query *q, event_fn *fn, void *self)
{
	char path[PATH_MAX], old[PATH_MAX];
	struct pass p = {.q = q, .fn = fn, .self = self};
	if (event_path(path) < 0)
		return -1;
	snprintf(old, sizeof(old), "%.*s.1", PATH_MAX - 8, path);
	auto_tail struct tail before = {.path = old}, now = {.path = path};
	if (tail_open(&now, true) < 0 || tail_open(&before, false) < 0)
		return -1;
	int r = tail_read(&before, one_line, &p);
	if (r == 0)
		r = follow(&p, &now);
	return r < 0 ? -1 : 0;
}
