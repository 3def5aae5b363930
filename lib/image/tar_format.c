/* SPDX-License-Identifier: MIT */
#include "image/tar_format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SPANS (1024 * 1024)

int64_t
tar_checksum(const void *block, bool as_signed)
{
	const unsigned char *p = block;
	int64_t sum = 0;
	for (size_t i = 0; i < TAR_BLOCK_SIZE; i++)
		sum += as_signed ? (signed char)p[i] : p[i];
	for (size_t i = offsetof(struct tar_header, checksum);
		i < offsetof(struct tar_header, type); i++)
		sum += ' ' - (as_signed ? (signed char)p[i] : p[i]);
	return sum;
}

/* Base 256: big-endian two's complement, the first bit only marks it. */
static int
number_256(const unsigned char *p, size_t n, int64_t *out)
{
	unsigned char flip = p[0] & 0x40 ? 0xff : 0;
	uint64_t x = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = p[i] ^ flip;
		if (i == 0)
			c &= 0x7f;
		if (x >> 56)
			return -1;
		x = x << 8 | c;
	}
	if (x >> 63)
		return -1;
	*out = flip ? (int64_t)~x : (int64_t)x;
	return 0;
}

int
tar_number(const char *field, size_t n, int64_t *out)
{
	int64_t x = 0;
	if (n && (unsigned char)field[0] & 0x80)
		return number_256((const unsigned char *)field, n, out);
	while (n && (*field == ' ' || *field == '\0'))
		field++, n--;
	while (n && (field[n - 1] == ' ' || field[n - 1] == '\0'))
		n--;
	for (size_t i = 0; i < n && field[i]; i++) {
		if (field[i] < '0' || field[i] > '7' || x > INT64_MAX >> 3)
			return -1;
		x = x << 3 | (field[i] - '0');
	}
	*out = x;
	return 0;
}

int
tar_decimal(const char *s, int64_t *out)
{
	bool minus = *s == '-';
	int64_t x = 0;
	s += *s == '-' || *s == '+';
	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, *s - '0', &x))
			return -1;
	}
	*out = minus ? -x : x;
	return 0;
}

int
tar_time(const char *s, struct timespec *out)
{
	char whole[24];
	size_t n = strcspn(s, ".");
	int64_t sec, nsec = 0;
	if (n >= sizeof(whole))
		return -1;
	memcpy(whole, s, n);
	whole[n] = '\0';
	if (tar_decimal(whole, &sec) < 0)
		return -1;
	if (s[n] == '.') {
		const char *f = s + n + 1;
		if (f[strspn(f, "0123456789")])
			return -1;
		for (int i = 0; i < 9; i++)
			nsec = nsec * 10 + (*f ? *f++ - '0' : 0);
	}
	/* Before 1970 the fraction counts downwards too: -1.25 is 0.75 s after -2. */
	if (*s == '-' && nsec) {
		if (sec == INT64_MIN)
			return -1;
		sec--;
		nsec = 1000000000 - nsec;
	}
	*out = (struct timespec){.tv_sec = sec, .tv_nsec = nsec};
	return 0;
}

int
tar_map_add(struct tar_map *m, int64_t offset, int64_t len)
{
	if (m->n == MAX_SPANS)
		return -1;
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 16;
		m->v = realloc(m->v, m->cap * sizeof(*m->v));
		if (!m->v)
			abort();
	}
	m->v[m->n++] = (struct tar_span){offset, len};
	return 0;
}

bool
tar_map_valid(const struct tar_map *m, int64_t size, int64_t *stored)
{
	int64_t end = 0, sum = 0;
	for (size_t i = 0; i < m->n; i++) {
		const struct tar_span *s = &m->v[i];
		if (s->offset < end || s->len < 0 || s->len > size - s->offset)
			return false;
		end = s->offset + s->len;
		sum += s->len;
	}
	*stored = sum;
	return size >= 0;
}

void
tar_map_free(struct tar_map *m)
{
	free(m->v);
	*m = (struct tar_map){0};
}

static int
add_xattr(struct tar_pax *p, const char *name, const void *value, size_t len)
{
	if (!*name)
		return -1;
	if (p->n_xattr == p->cap_xattr) {
		p->cap_xattr = p->cap_xattr ? p->cap_xattr * 2 : 8;
		p->xattr = realloc(p->xattr, p->cap_xattr * sizeof(*p->xattr));
		if (!p->xattr)
			abort();
	}
	p->xattr[p->n_xattr++] = (struct tar_xattr){name, value, len};
	return 0;
}

/* The pairs of version 0.0 are the one thing in pax where the order of records counts. */
static int
sparse_pair(struct tar_pax *p, bool is_offset, const char *value)
{
	int64_t x;
	if (tar_decimal(value, &x) < 0 || is_offset != (p->half < 0) || x < 0)
		return -1;
	if (!is_offset && tar_map_add(&p->spans, p->half, x) < 0)
		return -1;
	p->half = is_offset ? x : -1;
	return 0;
}

static int
take_record(struct tar_pax *p, const char *key, char *value, size_t len)
{
	static const char xattr[] = "SCHILY.xattr.";
	const struct {
		const char *key;
		const char **to;
	} known[] = {
		{"path", &p->path},
		{"linkpath", &p->linkpath},
		{"uid", &p->uid},
		{"gid", &p->gid},
		{"size", &p->size},
		{"mtime", &p->mtime},
		{"GNU.sparse.major", &p->sparse_major},
		{"GNU.sparse.minor", &p->sparse_minor},
		{"GNU.sparse.name", &p->sparse_name},
		{"GNU.sparse.size", &p->sparse_size},
		{"GNU.sparse.realsize", &p->sparse_realsize},
		{"GNU.sparse.numblocks", &p->sparse_blocks},
		{"GNU.sparse.map", &p->sparse_map},
	};
	if (strncmp(key, xattr, sizeof(xattr) - 1) == 0)
		return add_xattr(p, key + sizeof(xattr) - 1, value, len);
	if (strcmp(key, "GNU.sparse.offset") == 0)
		return sparse_pair(p, true, value);
	if (strcmp(key, "GNU.sparse.numbytes") == 0)
		return sparse_pair(p, false, value);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(key, known[i].key) == 0) {
			/* An empty value takes the header's own back; a NUL would hide the rest. */
			*known[i].to = len ? value : NULL;
			return strlen(value) == len ? 0 : -1;
		}
	return 0;
}

/* One "LENGTH KEY=VALUE\n". Returns its length, or -1. */
static ssize_t
parse_record(struct tar_pax *p, char *s, size_t left)
{
	size_t len = 0, at = 0;
	for (; at < left && at < 8 && isdigit((unsigned char)s[at]); at++)
		len = len * 10 + (size_t)(s[at] - '0');
	if (at == 0 || at >= left || s[at] != ' ' || len > left || len < at + 3 ||
		s[len - 1] != '\n')
		return -1;
	char *key = s + at + 1;
	char *eq = memchr(key, '=', len - at - 2);
	/* A key that is empty or holds a NUL names nothing. */
	if (!eq || eq == key || memchr(key, '\0', (size_t)(eq - key)))
		return -1;
	*eq = '\0';
	s[len - 1] = '\0';
	if (take_record(p, key, eq + 1, (size_t)(s + len - 1 - (eq + 1))) < 0)
		return -1;
	return (ssize_t)len;
}

int
tar_pax_parse(struct tar_pax *p, char *body, size_t len)
{
	tar_pax_reset(p);
	while (len) {
		ssize_t n = parse_record(p, body, len);
		if (n < 0)
			return -1;
		body += n;
		len -= (size_t)n;
	}
	return p->half < 0 ? 0 : -1;
}

void
tar_pax_reset(struct tar_pax *p)
{
	struct tar_pax empty = {.spans = p->spans, .xattr = p->xattr, .cap_xattr = p->cap_xattr};
	*p = empty;
	p->spans.n = 0;
	p->half = -1;
}

void
tar_pax_free(struct tar_pax *p)
{
	tar_map_free(&p->spans);
	free(p->xattr);
	p->xattr = NULL;
}

void
tar_pax_add(struct buf *out, const char *key, const void *value, size_t len)
{
	/* The length counts its own digits: once more when they carry over. */
	size_t rest = strlen(key) + len + 3, total = rest + 1;
	for (;;) {
		size_t digits = 0;
		for (size_t x = total; x; x /= 10)
			digits++;
		if (rest + digits == total)
			break;
		total = rest + digits;
	}
	buf_addf(out, "%zu %s=", total, key);
	buf_add(out, value, len);
	buf_addc(out, '\n');
}
