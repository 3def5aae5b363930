/* SPDX-License-Identifier: MIT */
#include "box/log.h"

#include "base/auto.h"
#include "base/file.h"
#include "base/human.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536

/* One pass over the files: what is not yet a whole line waits. */
struct pass {
	const struct log_query *q;
	log_fn *fn;
	void *self;
	int64_t skip; /* so many matching lines are passed over */
	struct buf rest;
	bool over; /* a line beyond `until` was seen */
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

/* A line that is none, for it was cut off by a full disk or a crash, is passed over. */
static int
one_line(struct pass *p, const char *text, size_t len)
{
	auto_json json_t *doc = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	json_t *log = json_object_get(doc, "log");
	const char *time = json_string_value(json_object_get(doc, "time"));
	const char *stream = json_string_value(json_object_get(doc, "stream"));
	if (!json_is_string(log) || !time)
		return 0;
	struct log_line line = {.text = json_string_value(log),
		.len = json_string_length(log),
		.error = stream && strcmp(stream, "stderr") == 0,
		.time = time,
		.when = nanoseconds(time)};
	if (p->q->until && line.when > p->q->until) {
		p->over = true;
		return 0;
	}
	if (line.when < p->q->since || (p->skip > 0 && p->skip--))
		return 0;
	return p->fn(p->self, &line);
}

/* What there is to read now. */
static int
read_on(struct pass *p, int fd)
{
	char data[CHUNK];
	ssize_t n;
	int r = 0;
	while (r == 0 && (n = read(fd, data, sizeof(data))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("read", "log", "cannot read the log");
		buf_add(&p->rest, data, (size_t)n);
		char *at = p->rest.s, *end;
		size_t left = p->rest.len;
		while (r == 0 && (end = memchr(at, '\n', left))) {
			r = one_line(p, at, (size_t)(end - at));
			left -= (size_t)(end + 1 - at);
			at = end + 1;
		}
		memmove(p->rest.s, at, left);
		p->rest.len = left;
		p->rest.s[left] = '\0';
	}
	return r;
}

static void
log_path(const struct box *b, int n, char path[PATH_MAX])
{
	char name[24];
	snprintf(name, sizeof(name), n ? "log.%d" : "log", n);
	box_path(b, name, path);
}

/* Those set aside, oldest first, and the current one, whose descriptor is handed out. */
static int
read_all(struct pass *p, const struct box *b, int *current)
{
	char path[PATH_MAX];
	int n = 0, r = 0;
	for (log_path(b, 1, path); file_exists(path); log_path(b, n + 1, path))
		n++;
	for (; n >= 0 && r == 0; n--) {
		log_path(b, n, path);
		auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			continue;
		r = read_on(p, fd);
		if (n == 0)
			*current = take_fd(&fd);
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

/* Waits for a change, or a while: the end of a box changes nothing in its directory that is sure.
 */
static void
pause_for(int watch)
{
	char events[4096];
	if (poll(&(struct pollfd){watch, POLLIN, 0}, 1, 200) > 0 &&
		read(watch, events, sizeof(events)) < 0)
		poll(NULL, 0, 50);
}

/* The file that is open may have been set aside: then it is read to its end, and the new one from
 * its beginning. */
static int
follow(struct pass *p, const struct box *b, int fd)
{
	char path[PATH_MAX];
	struct stat ours, now;
	auto_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r = 0;
	log_path(b, 0, path);
	inotify_add_watch(watch, b->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF);
	while (r == 0 && !p->over) {
		struct box_state st;
		box_state(b, &st);
		bool runs = st.busy || st.status == BOX_RUNNING || st.status == BOX_PAUSED;
		if (fd >= 0 && (r = read_on(p, fd)) != 0)
			break;
		if (stat(path, &now) == 0 &&
			(fd < 0 || (fstat(fd, &ours) == 0 && ours.st_ino != now.st_ino))) {
			if (fd >= 0 && (r = read_on(p, fd)) != 0)
				break;
			if (fd >= 0)
				close(fd);
			fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
			continue;
		}
		if (!runs)
			break;
		pause_for(watch);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

int
log_each(const struct box *b, const struct log_query *q, log_fn *fn, void *self)
{
	struct pass p = {.q = q, .fn = fn, .self = self};
	auto_fd int fd = -1;
	if (q->tail >= 0) {
		int64_t n = 0;
		struct pass count = {.q = q, .fn = count_line, .self = &n};
		auto_fd int none = -1;
		int r = read_all(&count, b, &none);
		buf_free(&count.rest);
		if (r != 0)
			return r;
		p.skip = n > q->tail ? n - q->tail : 0;
	}
	int r = read_all(&p, b, &fd);
	if (r == 0 && q->follow)
		r = follow(&p, b, take_fd(&fd));
	buf_free(&p.rest);
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
	struct timespec now;
	if (parse_duration(text, &ago) < 0)
		return err_set(ERR_INVALID, text,
			"'%s' is not a time, such as 2024-05-06T07:08:09Z, 1795448657 or 10m",
			text);
	clock_gettime(CLOCK_REALTIME, &now);
	*ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - ago;
	return 0;
}
