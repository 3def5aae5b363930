/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* End of the string that starts at p (a quote), or end. */
static const char *
skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

static bool
number_char(char c)
{
	return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
}

/* Whether the n bytes are a number that fits 64 bits only without a sign. */
static bool
big_unsigned(const char *digits, size_t n)
{
	char word[21] = "";
	if (n < 19 || n > 20)
		return false;
	memcpy(word, digits, n);
	if (!is_digits(word))
		return false;
	errno = 0;
	unsigned long long v = strtoull(word, NULL, 10);
	return errno == 0 && v > INT64_MAX;
}

/* Looks at the depth, for the parser calls itself once per level, so an unbounded depth would be an
 * unbounded stack; and puts numbers that jansson cannot hold in quotes. Then *out has the text,
 * otherwise it stays empty. */
static int
prepare(const char *what, const char *text, size_t len, struct buf *out)
{
	const char *end = text + len, *rest = text;
	unsigned depth = 0;
	for (const char *p = text, *q; p < end; p = q) {
		q = p + 1;
		if (*p == '"')
			q = skip_string(p, end);
		else if (number_char(*p))
			while (q < end && number_char(*q))
				q++;
		else if ((*p == '{' || *p == '[') && ++depth > JSON_DEPTH_MAX)
			return err_set(ERR_INVALID, what, "cannot read %s: deeper than %d levels",
				what, JSON_DEPTH_MAX);
		else if ((*p == '}' || *p == ']') && depth > 0)
			depth--;
		if (q - p > 18 && *p != '"' && big_unsigned(p, (size_t)(q - p))) {
			buf_add(out, rest, (size_t)(p - rest));
			buf_addf(out, "\"%.*s\"", (int)(q - p), p);
			rest = q;
		}
	}
	if (rest > text)
		buf_add(out, rest, (size_t)(end - rest));
	return 0;
}

const char *
json_text(const json_t *object, const char *member)
{
	const char *s = json_string_value(json_object_get(object, member));
	return s ? s : "";
}

json_t *
json_parse(const char *what, const char *text, size_t len)
{
	auto_buf struct buf copy = BUF_INIT;
	json_error_t e;
	if (len > JSON_SIZE_MAX) {
		err_set(ERR_INVALID, what, "cannot read %s: more than %zu bytes", what,
			JSON_SIZE_MAX);
		return NULL;
	}
	if (prepare(what, text, len, &copy) < 0)
		return NULL;
	json_t *doc = json_loadb(
		copy.len ? copy.s : text, copy.len ? copy.len : len, JSON_REJECT_DUPLICATES, &e);
	if (!doc)
		err_set(ERR_INVALID, what, "cannot read %s: line %d, column %d: %s", what, e.line,
			e.column, e.text);
	return doc;
}

/* End of the object or list that begins at p, or end. */
static const char *
skip_value(const char *p, const char *end)
{
	for (unsigned depth = 0; p < end;) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		depth += *p == '{' || *p == '[';
		if ((*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
		p++;
	}
	return end;
}

/* Where the value of that member of the object at `text` begins, if it is an object or a list. */
static const char *
find_member(const char *text, const char *end, const char *name)
{
	size_t n = strlen(name);
	const char *p = text + strspn(text, " \t\n");
	if (p < end && *p == '{')
		p++;
	while (p < end) {
		const char *q = *p == '"'	 ? skip_string(p, end)
			: *p == '{' || *p == '[' ? skip_value(p, end)
						 : p + 1;
		bool is = *p == '"' && (size_t)(q - p) == n + 2 && memcmp(p + 1, name, n) == 0;
		q += is && *q == ':' ? 1 + strspn(q + 1, " \t\n") : 0;
		if (is && (*q == '{' || *q == '['))
			return q;
		p = q;
	}
	return NULL;
}

json_t *
json_read_without(const char *path, size_t max, const char *member)
{
	auto_buf struct buf text = BUF_INIT, rest = BUF_INIT;
	char name[64];
	if (file_read(path, max, &text) < 0)
		return NULL;
	const char *from = buf_str(&text), *end = from + text.len, *to = end;
	for (size_t n; from && *member; member += n + (member[n] == '.')) {
		n = strcspn(member, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, member);
		from = find_member(from, to, name);
		to = from ? skip_value(from, to) : to;
	}
	if (!from)
		return json_parse(path, buf_str(&text), text.len);
	buf_add(&rest, text.s, (size_t)(from - text.s));
	buf_adds(&rest, "null");
	buf_add(&rest, to, (size_t)(end - to));
	return json_parse(path, rest.s, rest.len);
}

json_t *
json_read(const char *path, size_t max)
{
	auto_buf struct buf text = BUF_INIT;
	bool input = strcmp(path, "-") == 0;
	if ((input ? file_read_stdin(max, &text) : file_read(path, max, &text)) < 0)
		return NULL;
	return json_parse(input ? "standard input" : path, buf_str(&text), text.len);
}

void
json_visible(const json_t *doc, size_t flags, struct buf *out)
{
	char *text = json_dumps(doc, flags);
	if (!text)
		abort();
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\x7f\xc2");
		buf_add(out, p, n);
		p += n;
		unsigned char c = (unsigned char)*p, next = c ? (unsigned char)p[1] : 0;
		if (c == 0x7f)
			buf_adds(out, "\\u007f");
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			buf_addf(out, "\\u%04x", (unsigned char)*++p);
		else if (c)
			buf_addc(out, *p);
		p += c != 0;
	}
	free(text);
}

struct jat
jat_top(const char *file, json_t *doc)
{
	return (struct jat){.key = strcmp(file, "-") == 0 ? "standard input" : file, .v = doc};
}

static json_t *
not_null(json_t *v)
{
	return json_is_null(v) ? NULL : v;
}

struct jat
jat_member(const struct jat *object, const char *key)
{
	return (struct jat){
		.up = object, .key = key, .v = not_null(json_object_get(object->v, key))};
}

struct jat
jat_item(const struct jat *array, size_t i)
{
	return (struct jat){.up = array, .index = i, .v = not_null(json_array_get(array->v, i))};
}

size_t
jat_len(const struct jat *at)
{
	return json_is_array(at->v) ? json_array_size(at->v) : json_object_size(at->v);
}

void
jat_path(const struct jat *at, struct buf *out)
{
	if (!at->up)
		return;
	jat_path(at->up, out);
	if (!at->key)
		buf_addf(out, "[%zu]", at->index);
	else
		buf_addf(out, "%s%s", at->up->up ? "." : "", at->key);
}

int
jat_fail(const struct jat *at, enum err_class class, const char *fmt, ...)
{
	auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
	const struct jat *top = at;
	while (top->up)
		top = top->up;
	jat_path(at, &path);
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	return err_set(class, buf_str(&path), "%s: %s%s%s", top->key, buf_str(&path),
		path.len ? " " : "", buf_str(&text));
}

int
jat_need(const struct jat *at)
{
	return at->v ? 0 : jat_fail(at, ERR_INVALID, "is missing");
}

int
jat_object(const struct jat *at)
{
	return !at->v || json_is_object(at->v) ? 0 : jat_fail(at, ERR_INVALID, "is not an object");
}

int
jat_array(const struct jat *at)
{
	return !at->v || json_is_array(at->v) ? 0 : jat_fail(at, ERR_INVALID, "is not a list");
}

int
jat_str(const struct jat *at, const char **out)
{
	if (!at->v)
		return 0;
	if (!json_is_string(at->v))
		return jat_fail(at, ERR_INVALID, "is not a string");
	*out = json_string_value(at->v);
	return 0;
}

int
jat_bool(const struct jat *at, bool *out)
{
	if (!at->v)
		return 0;
	if (!json_is_boolean(at->v))
		return jat_fail(at, ERR_INVALID, "is neither true nor false");
	*out = json_is_true(at->v);
	return 0;
}

int
jat_u64(const struct jat *at, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	if (!at->v)
		return 0;
	bool ok = json_is_integer(at->v) && json_integer_value(at->v) >= 0;
	if (ok)
		n = (uint64_t)json_integer_value(at->v);
	else if (json_is_string(at->v) &&
		big_unsigned(json_string_value(at->v), json_string_length(at->v))) {
		n = strtoull(json_string_value(at->v), NULL, 10);
		ok = true;
	}
	if (!ok || n > max)
		return jat_fail(at, ERR_INVALID, "is not a whole number from 0 to %" PRIu64, max);
	*out = n;
	return 0;
}

int
jat_i64(const struct jat *at, int64_t min, int64_t max, int64_t *out)
{
	if (!at->v)
		return 0;
	if (!json_is_integer(at->v) || json_integer_value(at->v) < min ||
		json_integer_value(at->v) > max)
		return jat_fail(at, ERR_INVALID,
			"is not a whole number from %" PRId64 " to %" PRId64, min, max);
	*out = json_integer_value(at->v);
	return 0;
}

int
jat_get_object(const struct jat *object, const char *key, struct jat *out)
{
	*out = jat_member(object, key);
	return jat_object(out);
}

int
jat_get_array(const struct jat *object, const char *key, struct jat *out)
{
	*out = jat_member(object, key);
	return jat_array(out);
}

int
jat_get_str(const struct jat *object, const char *key, const char **out)
{
	struct jat at = jat_member(object, key);
	return jat_str(&at, out);
}

int
jat_get_bool(const struct jat *object, const char *key, bool *out)
{
	struct jat at = jat_member(object, key);
	return jat_bool(&at, out);
}

int
jat_get_u64(const struct jat *object, const char *key, uint64_t max, uint64_t *out)
{
	struct jat at = jat_member(object, key);
	return jat_u64(&at, max, out);
}
