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

/* log becomes log.1, log.1 becomes log.2, and the last is overwritten. */
static void
rotate(void)
{
	char from[PATH_MAX], to[PATH_MAX];
	for (int64_t i = conf.files - 1; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%d", conf.path, (int)i);
		snprintf(from, sizeof(from), i > 1 ? "%s.%d" : "%s", conf.path, (int)i - 1);
		if (rename(from, to) < 0 && errno != ENOENT)
			return;
	}
	int old = fd;
	if (open_log(conf.files > 1 ? 0 : O_TRUNC) < 0)
		fd = old;
	else
		close(old);
}

/* A full disk must not stop the program: what cannot be written is lost, and that is said once. */
static void
put(const struct buf *b)
{
	if (conf.size > 0 && written > 0 && written + (int64_t)b->len > conf.size)
		rotate();
	ssize_t n = write(fd, b->s, b->len);
	if (n == (ssize_t)b->len) {
		written += n;
		failed = false;
		return;
	}
	/* Half a line would spoil the next one. */
	if (n > 0 && ftruncate(fd, written) < 0)
		written += n;
	if (!failed)
		tool_warn("cannot write the log: %s", n < 0 ? strerror(errno) : "disk full");
	failed = true;
}

static void
put_line(unsigned stream)
{
	struct buf b = BUF_INIT, *line = &lines[stream];
	char when[TIME_TEXT];
	buf_adds(&b, "{\"log\":");
	buf_add_json_bytes(&b, line->s, line->len);
	buf_addf(&b, ",\"stream\":\"%s\",\"time\":\"%s\"}\n", stream ? "stderr" : "stdout",
		time_rfc3339_ns(clock_ns(CLOCK_REALTIME), when));
	put(&b);
	buf_free(&b);
	buf_reset(line);
}

void
log_bytes(unsigned stream, const char *p, size_t n)
{
	struct buf *line = &lines[stream];
	while (fd >= 0 && n) {
		const char *end = memchr(p, '\n', n);
		size_t part = end ? (size_t)(end - p) + 1 : n;
		/* A line without end is cut as Docker cuts it. */
		if (part > CHUNK - line->len) {
			part = CHUNK - line->len;
			end = p;
		}
		buf_add(line, p, part);
		if (end)
			put_line(stream);
		p += part;
		n -= part;
	}
}

void
log_end(void)
{
	for (unsigned i = 0; i < 2; i++)
		if (lines[i].len)
			put_line(i);
}
