/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_free(struct buf *b)
{
	free(b->s);
	*b = BUF_INIT;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

/* Room for n more bytes and the NUL. */
static void
buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	while (cap - b->len <= n)
		cap *= 2;
	if (cap == b->cap)
		return;
	char *s = realloc(b->s, cap);
	if (!s)
		abort();
	b->s = s;
	b->cap = cap;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	buf_grow(b, n);
	if (n)
		memcpy(b->s + b->len, p, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	buf_grow(b, 0);
	size_t room = b->cap - b->len;
	int n = vsnprintf(b->s + b->len, room, fmt, ap);
	if (n < 0)
		abort();
	/* Most texts are short: they fit at once. */
	if ((size_t)n >= room) {
		buf_grow(b, (size_t)n);
		vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
	}
	b->len += (size_t)n;
	va_end(again);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

const char *
buf_str(const struct buf *b)
{
	return b->s ? b->s : "";
}

char *
buf_take(struct buf *b)
{
	if (!b->s)
		buf_adds(b, "");
	char *s = b->s;
	*b = BUF_INIT;
	return s;
}

void
buf_add_sh(struct buf *b, const char *s)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789@%_-+:,./";
	size_t n = strlen(s);
	if (n > 0 && strspn(s, safe) == n) {
		buf_add(b, s, n);
		return;
	}
	buf_addc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '\'');
}

void
buf_add_argv(struct buf *b, char *const argv[])
{
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			buf_addc(b, ' ');
		buf_add_sh(b, argv[i]);
	}
}

size_t
utf8_len(const void *p)
{
	const unsigned char *s = p;
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* One character that JSON does not take as it is. */
static void
add_json_escape(struct buf *b, unsigned char c)
{
	if (c == '"' || c == '\\')
		buf_addf(b, "\\%c", c);
	else if (c == '\n')
		buf_adds(b, "\\n");
	else if (c == '\t')
		buf_adds(b, "\\t");
	else if (c < 0x80)
		buf_addf(b, "\\u%04x", c);
	else
		buf_adds(b, "\\ufffd");
}

/* What JSON takes as it is, of ASCII. */
static const bool json_plain[256] = {
	[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

void
buf_add_json_bytes(struct buf *b, const char *str, size_t len)
{
	/* No sequence reaches beyond the end: a NUL, or what is not its continuation, stands there.
	 */
	const unsigned char *s = (const unsigned char *)str, *end = s + len, *plain = s;
	buf_addc(b, '"');
	while (s < end) {
		size_t n = json_plain[*s] ? 1 : *s < 0x80 ? 0 : utf8_len(s);
		if (n) {
			s += n;
			continue;
		}
		buf_add(b, plain, (size_t)(s - plain));
		add_json_escape(b, *s);
		plain = ++s;
	}
	buf_add(b, plain, (size_t)(s - plain));
	buf_addc(b, '"');
}

void
buf_add_json(struct buf *b, const char *s)
{
	buf_add_json_bytes(b, s, strlen(s));
}

void
buf_add_percent(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (isalnum(c) || (c && strchr("-._~", c)))
			buf_addc(b, (char)c);
		else
			buf_addf(b, "%%%02X", c);
	}
}

void
buf_add_visible(struct buf *b, const char *str)
{
	const unsigned char *s = (const unsigned char *)str;
	while (*s) {
		size_t n = utf8_len(s);
		/* U+0080 to U+009F are control characters too: C2 80 to C2 9F in UTF-8. */
		int c1 = n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
		if (*s == '\n')
			buf_adds(b, "\\n");
		else if (*s == '\t')
			buf_adds(b, "\\t");
		else if (*s < 0x20 || *s == 0x7f || n == 0)
			buf_addf(b, "\\x%02x", *s);
		else if (c1)
			buf_addf(b, "\\x%02x\\x%02x", s[0], s[1]);
		else
			buf_add(b, s, n);
		s += n ? n : 1;
	}
}

char *
fmt_new(const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	return buf_take(&b);
}

char *
str_new(const char *s)
{
	char *copy = strdup(s);
	if (!copy)
		abort();
	return copy;
}
