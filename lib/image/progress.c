/* SPDX-License-Identifier: MIT */
#include "image/progress.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/human.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ID_MAX 64
#define STATUS_MAX 96
#define TICK_MS 100
#define BAR_WIDTH 30

struct bar {
	char id[ID_MAX + 1], status[STATUS_MAX];
	int64_t current, total; /* total 0: no bytes to show */
	int64_t told; /* ms, when an object said so */
	bool over;
};

struct progress {
	enum progress_kind kind;
	struct bar *bars;
	unsigned n;
	unsigned drawn; /* lines on the screen that are to be written over */
	int64_t drawn_at;
	bool changed;
};

struct progress *
progress_new(bool quiet, bool json)
{
	struct progress *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->kind = json			? PROGRESS_JSON
		: quiet			? PROGRESS_NONE
		: isatty(STDERR_FILENO) ? PROGRESS_BARS
					: PROGRESS_LINES;
	return p;
}

static int64_t
now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static struct bar *
bar_of(struct progress *p, const char *id)
{
	for (unsigned i = 0; i < p->n; i++)
		if (strncmp(p->bars[i].id, id, ID_MAX) == 0)
			return &p->bars[i];
	p->bars = realloc(p->bars, (p->n + 1) * sizeof(*p->bars));
	if (!p->bars)
		abort();
	p->bars[p->n] = (struct bar){.told = -TICK_MS};
	snprintf(p->bars[p->n].id, sizeof(p->bars[0].id), "%s", id);
	return &p->bars[p->n++];
}

/* ---- a terminal ---- */

/* "926ab154a318: Downloading [=====>     ] 1.2MB of 2.8MB", cut to the width: a line that wraps
 * would be two to go back over. */
static void
add_bar(struct buf *out, const struct bar *b, unsigned width)
{
	auto_buf struct buf text = BUF_INIT, line = BUF_INIT;
	buf_addf(&text, "%s: %s", b->id, b->status);
	if (b->total > 0 && !b->over) {
		double done = (double)b->current / (double)b->total;
		int full = (int)(done * BAR_WIDTH);
		full = full < 0 ? 0 : full > BAR_WIDTH ? BAR_WIDTH : full;
		buf_adds(&text, " [");
		for (int i = 0; i < BAR_WIDTH; i++)
			buf_addc(&text, i < full ? '=' : i == full ? '>' : ' ');
		buf_adds(&text, "] ");
		human_size(b->current, &text);
		buf_adds(&text, " of ");
		human_size(b->total, &text);
	}
	buf_add_visible(&line, text.s);
	buf_addf(out, "%.*s\033[K\r\n", (int)width - 1, line.s);
}

static void
draw(struct progress *p)
{
	auto_buf struct buf out = BUF_INIT;
	struct winsize size = {0};
	unsigned rows = 24, columns = 80, left = 0, shown = 0;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2 && size.ws_col > 20) {
		rows = size.ws_row;
		columns = size.ws_col;
	}
	if (p->drawn)
		buf_addf(&out, "\033[%uA\r", p->drawn);
	for (unsigned i = 0; i < p->n; i++)
		left += !p->bars[i].over;
	/* Where not all have room, those that still move have. */
	bool all = p->n < rows;
	for (unsigned i = 0; i < p->n && shown < rows - 1; i++)
		if (all || !p->bars[i].over || left == 0) {
			add_bar(&out, &p->bars[i], columns);
			shown++;
		}
	buf_adds(&out, "\033[J");
	p->drawn = shown;
	p->drawn_at = now_ms();
	p->changed = false;
	if (write(STDERR_FILENO, out.s, out.len) < 0)
		return; /* nobody looks */
}

void
progress_draw(struct progress *p)
{
	if (p && p->kind == PROGRESS_BARS && p->changed && now_ms() - p->drawn_at >= TICK_MS)
		draw(p);
}

void
progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->kind == PROGRESS_BARS && p->changed)
		draw(p);
	free(p->bars);
	free(p);
}

enum progress_kind
progress_kind(const struct progress *p)
{
	return p ? p->kind : PROGRESS_NONE;
}

/* ---- objects ---- */

void
progress_object(struct progress *p, const char *json)
{
	if (progress_kind(p) != PROGRESS_JSON)
		return;
	fputs(json, stdout);
	putchar('\n');
	/* Whoever reads wants to know now. */
	fflush(stdout);
}

static void
object(struct progress *p, const char *id, const char *status, int64_t current, int64_t total)
{
	auto_buf struct buf out = BUF_INIT;
	buf_adds(&out, "{\"status\":");
	buf_add_json(&out, status);
	if (total > 0)
		buf_addf(&out, ",\"progressDetail\":{\"current\":%lld,\"total\":%lld}",
			(long long)current, (long long)total);
	else if (id)
		buf_adds(&out, ",\"progressDetail\":{}");
	if (id) {
		buf_adds(&out, ",\"id\":");
		buf_add_json(&out, id);
	}
	buf_addc(&out, '}');
	progress_object(p, out.s);
}

/* ---- what is told ---- */

static void
line(struct progress *p, const char *id, const char *status)
{
	auto_buf struct buf out = BUF_INIT;
	/* What is written over below begins under it. */
	if (p->drawn)
		buf_addf(&out, "\033[%uA\r\033[J", p->drawn);
	p->drawn = 0;
	if (id) {
		buf_add_visible(&out, id);
		buf_adds(&out, ": ");
	}
	buf_add_visible(&out, status);
	buf_adds(&out, p->kind == PROGRESS_BARS ? "\r\n" : "\n");
	if (write(STDERR_FILENO, out.s, out.len) < 0)
		return; /* nobody looks */
}

void
progress_say(struct progress *p, const char *id, bool over, const char *fmt, ...)
{
	auto_buf struct buf status = BUF_INIT;
	va_list ap;
	if (progress_kind(p) == PROGRESS_NONE)
		return;
	va_start(ap, fmt);
	buf_addv(&status, fmt, ap);
	va_end(ap);
	p->changed = true;
	if (p->kind == PROGRESS_JSON) {
		object(p, id, status.s, 0, 0);
	} else if (p->kind == PROGRESS_LINES || !id) {
		line(p, id, status.s);
	} else {
		struct bar *b = bar_of(p, id);
		snprintf(b->status, sizeof(b->status), "%s", status.s);
		b->over = over;
		b->total = 0;
		progress_draw(p);
	}
}

void
progress_bytes(
	struct progress *p, const char *id, const char *status, int64_t current, int64_t total)
{
	if (progress_kind(p) != PROGRESS_JSON && progress_kind(p) != PROGRESS_BARS)
		return;
	struct bar *b = bar_of(p, id);
	int64_t now = now_ms();
	if (p->kind == PROGRESS_JSON && (now - b->told < TICK_MS || current == b->current))
		return;
	b->told = now;
	b->current = current;
	b->total = total;
	snprintf(b->status, sizeof(b->status), "%s", status);
	p->changed = true;
	if (p->kind == PROGRESS_JSON)
		object(p, id, status, current, total);
	else
		progress_draw(p);
}

void
progress_retry(void *progress, const char *what, unsigned ms)
{
	char id[ID_MAX + 1];
	const char *digest = strstr(what, "sha256:");
	if (digest)
		snprintf(id, sizeof(id), "%.12s", digest + strlen("sha256:"));
	else
		snprintf(id, sizeof(id), "%s", what);
	progress_say(progress, id, false, "Retrying in %u.%02u seconds", ms / 1000, ms % 1000 / 10);
}
