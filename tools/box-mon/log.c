/* SPDX-License-Identifier: MIT
 * Docker's json-file format: one object a line, so that any log reader knows it.
 */
#include "mon.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/human.h"
#include "door/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct log_options conf;
static int fd = -1;
static int64_t written;
static bool failed;
static struct buf lines[2];
static struct buf batch; /* lines that are not written yet */
static char when[TIME_TEXT]; /* what is being put down came then */
/* What Docker takes for one. */
#define LINE_LENGTH 16384

static int
open_log(int flags)
{
	struct stat sb;
	fd = open(conf.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	written = fd >= 0 && fstat(fd, &sb) == 0 ? sb.st_size : 0;
	return fd;
}

int
log_open(const struct log_options *l)
{
	conf = *l;
	if (!conf.path)
		return 0;
	return open_log(0) < 0 ? err_sys("open", conf.path, "cannot open %s", conf.path) : 0;
}

/* The number that the last one gets: the next, unless there are as many as are kept. */
static int64_t
last_number(void)
{
	char path[PATH_MAX];
	int64_t n = 0;
	for (bool there = true; there && n < conf.files - 1;) {
		snprintf(path, sizeof(path), "%s.%d", conf.path, (int)++n);
		there = access(path, F_OK) == 0;
	}
	return n;
}

/* Another file in place of the only one: who follows reads his to its end, and goes on. */
static void
replace_log(void)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.*s.new", PATH_MAX - 8, conf.path);
	int new = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (new < 0)
		return;
	close(new);
	if (rename(path, conf.path) < 0)
		unlink(path);
}

/* log becomes log.1, log.1 becomes log.2, and the last is overwritten. */
static void
rotate(void)
{
	char from[PATH_MAX], to[PATH_MAX];
	for (int64_t i = last_number(); i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%d", conf.path, (int)i);
		snprintf(from, sizeof(from), i > 1 ? "%s.%d" : "%s", conf.path, (int)i - 1);
		if (rename(from, to) < 0 && errno != ENOENT)
			return;
	}
	int old = fd;
	if (conf.files == 1)
		replace_log();
	/* On a full disk there may be no room for another one. */
	if (open_log(conf.files > 1 ? 0 : O_TRUNC) < 0)
		fd = old;
	else
		close(old);
}

/* Lines that came together are written together. A full disk must not stop the program: what cannot
 * be written is lost, and that is said once. */
static void
put(void)
{
	if (!batch.len)
		return;
	ssize_t n = write(fd, batch.s, batch.len);
	bool all = n == (ssize_t)batch.len;
	if (!all && n > 0) {
		/* Half a line would spoil the next one. */
		const char *end = memrchr(batch.s, '\n', (size_t)n);
		ssize_t whole = end ? end + 1 - batch.s : 0;
		n = ftruncate(fd, written + whole) < 0 ? n : whole;
	}
	written += n > 0 ? n : 0;
	if (!all && !failed)
		tool_warn("cannot write the log: %s", n < 0 ? strerror(errno) : "disk full");
	failed = !all;
	buf_reset(&batch);
}

/* The line that begins at `at` in the batch is too much for this log. */
static void
put_in_next(size_t at)
{
	auto_buf struct buf line = BUF_INIT;
	buf_add(&line, batch.s + at, batch.len - at);
	batch.len = at;
	put();
	rotate();
	buf_add(&batch, line.s, line.len);
}

static void
put_line(unsigned stream, const char *p, size_t n)
{
	size_t at = batch.len;
	buf_adds(&batch, "{\"log\":");
	buf_add_json_bytes(&batch, p, n);
	buf_adds(&batch,
		stream ? ",\"stream\":\"stderr\",\"time\":\""
		       : ",\"stream\":\"stdout\",\"time\":\"");
	buf_adds(&batch, when);
	buf_adds(&batch, "\"}\n");
	if (conf.size > 0 && written + (int64_t)at > 0 && written + (int64_t)batch.len > conf.size)
		put_in_next(at);
}

static void
see_time(void)
{
	time_rfc3339_ns(clock_ns(CLOCK_REALTIME), when);
}

void
log_bytes(unsigned stream, const char *p, size_t n)
{
	struct buf *line = &lines[stream];
	see_time();
	while (fd >= 0 && n) {
		const char *end = memchr(p, '\n', n);
		size_t part = end ? (size_t)(end - p) + 1 : n;
		/* A line without end is cut as Docker cuts it. */
		if (part > LINE_LENGTH - line->len) {
			part = LINE_LENGTH - line->len;
			end = p;
		}
		if (end && !line->len)
			put_line(stream, p, part);
		else
			buf_add(line, p, part);
		if (end && line->len) {
			put_line(stream, line->s, line->len);
			buf_reset(line);
		}
		p += part;
		n -= part;
	}
	put();
}

void
log_end(void)
{
	see_time();
	for (unsigned i = 0; i < 2; i++)
		if (lines[i].len)
			put_line(i, lines[i].s, lines[i].len);
	put();
}
