/* SPDX-License-Identifier: MIT
 * Lines to instructions: parser directives, continued lines, comments and blank lines within them,
 * here-documents.
 */
#include "base/auto.h"
#include "dfile/dfile_in.h"

#include <strings.h>

struct source {
	const char *file;
	const char *s, *end;
	unsigned line; /* number of the last line taken */
	bool directives; /* may a parser directive stand in the next one? */
	struct dfile head;
};

/* A line without its end. */
struct text {
	const char *s;
	size_t len, raw; /* without and with \r\n */
};

/* 1 and the next line; 0 at the end; -1 with `err` set. */
static int
next_line(struct source *src, struct text *out)
{
	if (src->s >= src->end)
		return 0;
	size_t left = (size_t)(src->end - src->s);
	const char *newline = memchr(src->s, '\n', left);
	src->line++;
	out->s = src->s;
	out->raw = newline ? (size_t)(newline + 1 - src->s) : left;
	out->len = out->raw;
	while (out->len && (out->s[out->len - 1] == '\n' || out->s[out->len - 1] == '\r'))
		out->len--;
	src->s += out->raw;
	if (out->len > DFILE_LINE_MAX)
		return dfile_fail(
			src->file, src->line, "the line is longer than %zu bytes", DFILE_LINE_MAX);
	if (memchr(out->s, '\0', out->len))
		return dfile_fail(
			src->file, src->line, "the line holds a NUL byte: this is no text");
	return 1;
}

/* Blanks at the beginning of a line; it ends with \n, \r or, at the end of the file, with NUL. */
static size_t
leading_blanks(const struct text *t)
{
	size_t n = 0, step;
	while (n < t->len && (step = dfile_blank(t->s + n)) != 0)
		n += step;
	return n < t->len ? n : t->len;
}

static bool
named(const char *name, size_t n, const char *want)
{
	return strlen(want) == n && strncasecmp(name, want, n) == 0;
}

static int
second(struct source *src, const char *name, size_t n)
{
	return dfile_fail(src->file, src->line,
		"the parser directive %.*s stands here a second time", (int)n, name);
}

static int
set_escape(struct source *src, const char *value, size_t len)
{
	if (len != 1 || (*value != '\\' && *value != '`'))
		return dfile_fail(src->file, src->line,
			"the escape character is \\ or `, not '%.*s'", (int)(len > 40 ? 40 : len),
			value);
	src->head.escape = *value;
	return 0;
}

static int
set_directive(struct source *src, const char *name, size_t n, const char *value, size_t len)
{
	struct dfile *d = &src->head;
	if (named(name, n, "escape"))
		return d->escape ? second(src, name, n) : set_escape(src, value, len);
	bool syntax = named(name, n, "syntax");
	if (!syntax && !named(name, n, "check")) {
		src->directives = false;
		return 0;
	}
	char **to = syntax ? &d->syntax : &d->check;
	if (*to)
		return second(src, name, n);
	*to = dfile_copy(value, len);
	return 0;
}

/* "# name = value" before anything else; whatever is none ends them. */
static int
directive(struct source *src, const char *s, size_t len)
{
	auto_free char *line = strndup(s, len);
	if (!line)
		abort();
	const char *name = line, *value;
	src->directives = *name == '#';
	if (!src->directives)
		return 0;
	name += 1 + strspn(name + 1, " \t\v\f\r");
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	value = name + n + strspn(name + n, " \t\v\f\r");
	src->directives = n > 0 && (*name < '0' || *name > '9') && *value == '=';
	if (!src->directives)
		return 0;
	value += 1 + strspn(value + 1, " \t\v\f\r");
	size_t vlen = strlen(value);
	while (vlen && strchr(" \t\v\f\r", value[vlen - 1]))
		vlen--;
	src->directives = vlen > 0;
	return vlen ? set_directive(src, name, n, value, vlen) : 0;
}

static char
escape_of(const struct source *src)
{
	return src->head.escape ? src->head.escape : '\\';
}

/* Appends a line without its continuation character; returns whether it had one. An escape before
 * it makes it an ordinary character. */
static bool
add_line(const struct source *src, const char *s, size_t len, struct buf *out)
{
	size_t n = len;
	char escape = escape_of(src);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	bool goes_on = n && s[n - 1] == escape && (n == 1 || s[n - 2] != escape);
	buf_add(out, s, goes_on ? n - 1 : len);
	return goes_on;
}

/* The rest of a line that is continued: comments and blank lines between are skipped. */
static int
add_continued(struct source *src, struct buf *out)
{
	struct text t;
	int r;
	while ((r = next_line(src, &t)) > 0) {
		size_t blanks = leading_blanks(&t);
		if (blanks == t.len || t.s[blanks] == '#')
			continue;
		if (!add_line(src, t.s, t.len, out))
			return 0;
	}
	return r;
}

/* Lines up to the name alone; `begin` is where the instruction stands. */
static int
read_heredoc(struct source *src, unsigned begin, struct dfile_heredoc *h)
{
	auto_buf struct buf content = BUF_INIT;
	struct text t;
	size_t n = strlen(h->name);
	int r;
	while ((r = next_line(src, &t)) > 0) {
		const char *s = t.s;
		size_t len = t.len;
		while (h->chomp && len && *s == '\t')
			s++, len--;
		if (len == n && memcmp(s, h->name, n) == 0) {
			h->content = buf_take(&content);
			return 0;
		}
		buf_add(&content, t.s, t.raw);
	}
	if (r == 0)
		dfile_fail(src->file, begin, "the here-document has no end: a line '%s' is missing",
			h->name);
	return -1;
}

static int
read_heredocs(struct source *src, struct dfile_inst *in, const char *line)
{
	struct dfile_inst *of = in->trigger ? in->trigger : in;
	const struct dfile_kind *k = dfile_kind(of->name, strlen(of->name));
	if (!k->heredocs || of->json)
		return 0;
	if (dfile_heredoc_marks(of, line) < 0)
		return err_prefix("%s:%u", src->file, in->first);
	for (size_t i = 0; i < of->n_heredocs; i++)
		if (read_heredoc(src, in->first, &of->heredocs[i]) < 0)
			return -1;
	return 0;
}

/* 1 and an instruction; 0 where the lines held none; -1 with `err` set. */
static int
next_inst(struct source *src, const struct text *first, struct buf *line, struct dfile_inst *out)
{
	size_t blanks = leading_blanks(first);
	const char *s = first->s + blanks;
	size_t len = first->len - blanks;
	unsigned begin = src->line;
	if (src->directives && directive(src, s, len) < 0)
		return -1;
	buf_reset(line);
	if (!len || *s == '#')
		return 0;
	if (add_line(src, s, len, line) && add_continued(src, line) < 0)
		return -1;
	for (s = buf_str(line); (blanks = dfile_blank(s)) != 0;)
		s += blanks;
	if (!*s)
		return 0;
	if (dfile_inst_parse(src->file, begin, line->s, line->len, escape_of(src), out) < 0)
		return -1;
	if (read_heredocs(src, out, line->s) < 0) {
		dfile_inst_free(out);
		return -1;
	}
	out->last = src->line;
	if (out->trigger)
		out->trigger->last = src->line;
	return 1;
}

static void
head_free(struct dfile *head)
{
	free(head->syntax);
	free(head->check);
	*head = (struct dfile){0};
}

/* As dfile_each(), the head left for the caller to free. */
static int
each(struct source *src, dfile_each_fn *fn, void *ctx)
{
	auto_buf struct buf line = BUF_INIT;
	struct text t;
	size_t n = 0;
	int r;
	if (src->end - src->s >= 3 && memcmp(src->s, "\xef\xbb\xbf", 3) == 0)
		src->s += 3;
	while ((r = next_line(src, &t)) > 0) {
		struct dfile_inst in = {0};
		r = next_inst(src, &t, &line, &in);
		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		struct dfile head = src->head;
		head.escape = escape_of(src);
		r = fn(ctx, &head, &in);
		dfile_inst_free(&in);
		if (r < 0)
			return -1;
		n++;
	}
	if (r == 0 && n == 0)
		return err_set(ERR_INVALID, src->file, "%s: no instructions in it", src->file);
	return r;
}

int
dfile_each(const char *file, const char *text, size_t len, dfile_each_fn *fn, void *ctx)
{
	struct source src = {.file = file, .s = text, .end = text + len, .directives = true};
	int r = each(&src, fn, ctx);
	head_free(&src.head);
	return r;
}

struct keeper {
	const char *file;
	struct dfile *out;
};

static int
keep(void *ctx, const struct dfile *head, struct dfile_inst *in)
{
	struct keeper *k = ctx;
	struct dfile *d = k->out;
	(void)head;
	if (d->n == DFILE_INSTRUCTIONS_MAX)
		return dfile_fail(
			k->file, in->first, "more than %zu instructions", DFILE_INSTRUCTIONS_MAX);
	if ((d->n & (d->n - 1)) == 0) {
		d->inst = reallocarray(d->inst, d->n ? 2 * d->n : 1, sizeof(*d->inst));
		if (!d->inst)
			abort();
	}
	d->inst[d->n++] = *in;
	*in = (struct dfile_inst){0};
	return 0;
}

int
dfile_parse(const char *file, const char *text, size_t len, struct dfile *out)
{
	struct source src = {.file = file, .s = text, .end = text + len, .directives = true};
	struct keeper k = {file, out};
	*out = (struct dfile){0};
	int r = each(&src, keep, &k);
	out->escape = escape_of(&src);
	out->syntax = take_ptr(&src.head.syntax);
	out->check = take_ptr(&src.head.check);
	if (r < 0)
		dfile_free(out);
	return r;
}

void
dfile_free(struct dfile *d)
{
	for (size_t i = 0; i < d->n; i++)
		dfile_inst_free(&d->inst[i]);
	free(d->inst);
	head_free(d);
}
