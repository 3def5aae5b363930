/* SPDX-License-Identifier: MIT
 * Reading what happened: events.jsonl.1, events.jsonl, and then what is appended.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "box/event.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- filters ---- */

static const char *
text(const json_t *object, const char *member)
{
	const char *s = json_string_value(json_object_get(object, member));
	return s ? s : "";
}

static bool
is_of(const json_t *event, const char *type, const char *value)
{
	const json_t *actor = json_object_get(event, "Actor");
	const char *id = text(actor, "ID");
	const char *name = text(json_object_get(actor, "Attributes"), "name");
	if (strcmp(text(event, "Type"), type) != 0)
		return false;
	return strcmp(name, value) == 0 || strcmp(id, value) == 0 ||
		(strcmp(type, "container") == 0 && *value &&
			strncmp(id, value, strlen(value)) == 0);
}

/* "exec_start" stands for "exec_start: sh -c …" too. */
static bool
is_action(const json_t *event, const char *value)
{
	const char *action = text(event, "Action");
	size_t n = strlen(value);
	return strncmp(action, value, n) == 0 && (!action[n] || action[n] == ':');
}

static bool
has_label(const json_t *event, const char *value)
{
	const json_t *all = json_object_get(json_object_get(event, "Actor"), "Attributes");
	auto_free char *key = fmt_new("%.*s", (int)strcspn(value, "="), value);
	const char *sign = strchr(value, '=');
	const char *got = json_string_value(json_object_get(all, key));
	return got && (!sign || strcmp(got, sign + 1) == 0);
}

static bool
is_image(const json_t *event, const char *value)
{
	const json_t *all = json_object_get(json_object_get(event, "Actor"), "Attributes");
	const char *image = text(all, "image");
	size_t n = strlen(value);
	return (strncmp(image, value, n) == 0 && (!image[n] || image[n] == ':')) ||
		is_of(event, "image", value);
}

static bool
fits(const json_t *event, const char *key, const char *value)
{
	if (strcmp(key, "type") == 0)
		return strcmp(text(event, "Type"), value) == 0;
	if (strcmp(key, "event") == 0)
		return is_action(event, value);
	if (strcmp(key, "label") == 0)
		return has_label(event, value);
	if (strcmp(key, "image") == 0)
		return is_image(event, value);
	if (strcmp(key, "scope") == 0)
		return strcmp(text(event, "scope"), value) == 0;
	return is_of(event, key, value);
}

static size_t
key_of(const char *filter, char key[16])
{
	size_t n = strcspn(filter, "=");
	snprintf(key, 16, "%.*s", n > 15 ? 15 : (int)n, filter);
	return n;
}

int
event_check(const struct strlist *filters)
{
	static const char *const known[] = {
		"type", "event", "label", "image", "scope", "container", "volume", "network"};
	for (size_t i = 0; i < filters->n; i++) {
		char key[16];
		bool ok = false;
		size_t n = key_of(filters->v[i], key);
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			ok = ok || strcmp(key, known[k]) == 0;
		if (!ok || !filters->v[i][n])
			return err_set(ERR_INVALID, filters->v[i], "Invalid filter '%s'", key);
	}
	return 0;
}

/* Values of one key are alternatives, except of "label"; different keys must all hold. */
static bool
passes(const json_t *event, const struct strlist *f)
{
	for (size_t i = 0; i < f->n; i++) {
		char key[16], other[16];
		bool any = false;
		key_of(f->v[i], key);
		bool all = strcmp(key, "label") == 0;
		for (size_t k = 0; k < f->n; k++) {
			size_t n = key_of(f->v[k], other);
			if (all ? k == i : strcmp(key, other) == 0)
				any = any || fits(event, key, f->v[k] + n + 1);
		}
		if (!any)
			return false;
	}
	return true;
}

/* ---- the files ---- */

struct pass {
	const struct event_query *q;
	event_fn *fn;
	void *self;
	struct buf rest; /* the beginning of a line whose end is not there yet */
};

/* 1: no more. */
static int
line(struct pass *p, const char *s, size_t n)
{
	struct err before = err;
	auto_json json_t *event = json_parse("events.jsonl", s, n);
	int64_t when = json_integer_value(json_object_get(event, "timeNano"));
	err = before;
	/* A line that was cut by a crash is passed over. */
	if (!event || when < p->q->since || !passes(event, p->q->filters))
		return 0;
	if (p->q->until && when > p->q->until)
		return 1;
	return p->fn(p->self, event) != 0;
}

static int
read_on(struct pass *p, int fd)
{
	char piece[64 * 1024];
	ssize_t n;
	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		buf_add(&p->rest, piece, (size_t)n);
		char *at = p->rest.s, *end;
		while ((end = memchr(at, '\n', p->rest.len - (size_t)(at - p->rest.s)))) {
			if (line(p, at, (size_t)(end - at)))
				return 1;
			at = end + 1;
		}
		size_t left = p->rest.len - (size_t)(at - p->rest.s);
		memmove(p->rest.s, at, left);
		p->rest.len = left;
	}
	return n < 0 ? err_sys("read", "events.jsonl", "cannot read events.jsonl") : 0;
}

static int64_t
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Until something is written beside the file, or a second has passed. */
static void
wait_for_more(int watch, int64_t until)
{
	char events[4096];
	int64_t left = until ? (until - now()) / 1000000 + 1 : 1000;
	struct pollfd p = {.fd = watch, .events = POLLIN};
	poll(&p, 1, left > 1000 ? 1000 : left < 0 ? 0 : (int)left);
	while (read(watch, events, sizeof(events)) > 0)
		;
}

static int
follow(struct pass *p, const char *path, int *fd, int watch)
{
	int r = 0;
	while (r == 0) {
		struct stat ours, there;
		bool over = p->q->until && now() >= p->q->until;
		if (*fd >= 0 && (r = read_on(p, *fd)) != 0)
			break;
		bool moved = stat(path, &there) == 0 &&
			(*fd < 0 || (fstat(*fd, &ours) == 0 && ours.st_ino != there.st_ino));
		if (moved) {
			/* What was written before it was set aside. */
			if (*fd >= 0 && (r = read_on(p, *fd)) != 0)
				break;
			if (*fd >= 0)
				close(*fd);
			*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
			continue;
		}
		if (over)
			break;
		wait_for_more(watch, p->q->until);
	}
	return r < 0 ? -1 : 0;
}

int
event_each(const struct event_query *q, event_fn *fn, void *self)
{
	char path[PATH_MAX], old[PATH_MAX], dir[PATH_MAX];
	struct pass p = {.q = q, .fn = fn, .self = self};
	if (event_path(path) < 0)
		return -1;
	snprintf(old, sizeof(old), "%.*s.1", PATH_MAX - 8, path);
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	auto_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	inotify_add_watch(watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
	auto_fd int before = open(old, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = before >= 0 ? read_on(&p, before) : 0;
	if (r == 0)
		r = follow(&p, path, &fd, watch);
	buf_free(&p.rest);
	return r < 0 ? -1 : 0;
}
