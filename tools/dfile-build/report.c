/* SPDX-License-Identifier: MIT
 * What a build says while it is at work: the classic lines of `docker build`, the same as Docker's
 * progress objects, or a line a step.
 */
#include "build.h"

#include "base/clock.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"
#include "image/ref.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX ((off_t)64 << 10) /* of a step's output, shown when it fails */

int report_to = STDERR_FILENO;
bool report_beside;
static int kept = -1; /* where output goes that nobody wants to see unless it fails */
static off_t kept_from; /* where that of the step at hand begins */
static int64_t began;
static char title[128];
static bool begun; /* the first step was named */

int
report_start(void)
{
	if (asked.progress == PROGRESS_JSON)
		report_to = STDOUT_FILENO;
	if (asked.progress != PROGRESS_TTY && asked.progress != PROGRESS_QUIET)
		return 0;
	return sys_spool("what programs say is kept in case that they fail", &kept);
}

static void
put(const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(report_to, s, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody listens: the exit status still tells */
		s += n;
		len -= (size_t)n;
	}
}

static void
put_stream(const char *s, size_t len)
{
	auto_buf struct buf b = BUF_INIT;
	buf_adds(&b, "{\"stream\":");
	buf_add_json_bytes(&b, s, len);
	buf_adds(&b, "}\r\n");
	put(b.s, b.len);
}

void
report_line(const char *fmt, ...)
{
	auto_buf struct buf text = BUF_INIT, line = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	if (kept >= 0 || step_dry())
		return;
	buf_add_visible(&line, buf_str(&text));
	buf_addc(&line, '\n');
	if (asked.progress == PROGRESS_JSON)
		put_stream(line.s, line.len);
	else
		put(line.s, line.len);
}

void
report_warning(const char *fmt, ...)
{
	auto_buf struct buf text = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	if (asked.progress == PROGRESS_JSON)
		report_line("[Warning] %s", buf_str(&text));
	else
		tool_warn("%s", buf_str(&text));
}

/* One line a step, for a terminal: written again when it has ended. */
static void
put_title(const char *end)
{
	auto_buf struct buf b = BUF_INIT;
	if (asked.progress != PROGRESS_TTY)
		return;
	buf_adds(&b, report_beside ? "" : "\r\033[K");
	buf_addf(&b, " => %s%s", title, end);
	put(b.s, b.len);
}

void
report_step(unsigned n, unsigned of, const char *text)
{
	auto_buf struct buf shown = BUF_INIT;
	begun = true;
	report_line("Step %u/%u : %s", n, of, text);
	if (kept < 0)
		return;
	buf_add_visible(&shown, text);
	snprintf(title, sizeof(title), "[%u/%u] %.70s", n, of, buf_str(&shown));
	began = clock_ns(CLOCK_MONOTONIC);
	kept_from = lseek(kept, 0, SEEK_END);
	if (!report_beside)
		put_title("");
}

void
report_cached(void)
{
	report_line(" ---> Using cache");
	began = -1;
}

void
report_id(const char *id)
{
	char end[40];
	report_line(" ---> %.12s", id);
	if (asked.progress != PROGRESS_TTY)
		return;
	int64_t took = clock_ns(CLOCK_MONOTONIC) - began;
	if (began < 0)
		snprintf(end, sizeof(end), "  CACHED\n");
	else
		snprintf(end, sizeof(end), "  %" PRId64 ".%" PRId64 "s\n", took / 1000000000,
			took / 100000000 % 10);
	put_title(end);
}

int
report_output(int *reader)
{
	int ends[2];
	if (pipe_pair(ends) < 0)
		return -1;
	*reader = ends[0];
	return ends[1];
}

/* Bytes at the end that begin a character of UTF-8 and do not end it. */
static size_t
unfinished(const char *s, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++) {
		unsigned char c = (unsigned char)s[len - n];
		if (c >= 0xc0)
			return (c >= 0xf0 ? 4U : c >= 0xe0 ? 3U : 2U) > n ? n : 0;
		if (c < 0x80)
			return 0;
	}
	return 0;
}

static void
put_output(const char *s, size_t len)
{
	if (kept >= 0) {
		while (len) {
			ssize_t n = write(kept, s, len);
			if (n <= 0 && errno != EINTR)
				return; /* no room: it was only kept in case */
			s += n > 0 ? n : 0;
			len -= n > 0 ? (size_t)n : 0;
		}
	} else if (asked.progress == PROGRESS_JSON) {
		if (len)
			put_stream(s, len);
	} else {
		put(s, len);
	}
}

void
report_relay(int reader)
{
	char piece[8192];
	size_t had = 0;
	ssize_t n;
	while ((n = read(reader, piece + had, sizeof(piece) - had)) > 0 ||
		(n < 0 && errno == EINTR)) {
		size_t len = had + (n > 0 ? (size_t)n : 0);
		had = unfinished(piece, len);
		put_output(piece, len - had);
		memmove(piece, piece + len - had, had);
	}
	put_output(piece, had);
	close(reader);
}

/* What the failed program said, which nobody has seen yet: its last part. */
static void
put_kept(void)
{
	char piece[8192];
	off_t end = lseek(kept, 0, SEEK_END), at = kept_from;
	ssize_t n;
	if (end - at > KEPT_MAX)
		at = end - KEPT_MAX;
	if (asked.progress == PROGRESS_TTY)
		put_title("  FAILED\n");
	while (at < end && (n = pread(kept, piece, sizeof(piece), at)) > 0) {
		put(piece, (size_t)n);
		at += n;
	}
}

void
report_failed(const char *message, int code)
{
	auto_buf struct buf b = BUF_INIT;
	if (kept >= 0)
		put_kept();
	/* A mistake in the Dockerfile comes before the stream: dockerd answers it with a status. */
	if (asked.progress != PROGRESS_JSON || !begun)
		return;
	buf_adds(&b, "{\"errorDetail\":{");
	if (code > 0)
		buf_addf(&b, "\"code\":%d,", code);
	buf_adds(&b, "\"message\":");
	buf_add_json(&b, message);
	buf_adds(&b, "},\"error\":");
	buf_add_json(&b, message);
	buf_adds(&b, "}\r\n");
	put(b.s, b.len);
}

void
report_done(const char *id, const struct strlist *tags)
{
	auto_buf struct buf b = BUF_INIT;
	if (asked.progress == PROGRESS_JSON && !step_dry()) {
		buf_addf(&b, "{\"aux\":{\"ID\":\"%s\"}}\r\n", id);
		put(b.s, b.len);
	}
	report_line("Successfully built %.12s", digest_hex(id));
	for (size_t i = 0; i < tags->n; i++) {
		struct ref ref;
		buf_reset(&b);
		if (ref_parse_name(tags->v[i], &ref) == 0)
			ref_familiar(&ref, &b);
		report_line("Successfully tagged %s", b.len ? buf_str(&b) : tags->v[i]);
	}
}
