/* SPDX-License-Identifier: MIT */
#include "image/tar_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char zeros[2 * TAR_BLOCK_SIZE];

/* Small things are gathered: a write for each header would cost more than the reading. */
#define GATHER (64 * 1024)

static int
flush(struct tar_writer *w)
{
	size_t n = w->out.len;
	w->out.len = 0;
	return n ? w->write(w->self, w->out.s, n) : 0;
}

static int
put(struct tar_writer *w, const void *data, size_t len)
{
	w->total += len;
	if (w->out.len + len > GATHER && flush(w) < 0)
		return -1;
	if (len >= GATHER)
		return w->write(w->self, data, len);
	buf_add(&w->out, data, len);
	return 0;
}

static int64_t
padding_of(int64_t size)
{
	return -size & (TAR_BLOCK_SIZE - 1);
}

/* Largest number that an octal field of n bytes holds with its NUL. */
static bool
fits(int64_t x, size_t n)
{
	return x >= 0 && x < INT64_C(1) << (3 * (n - 1));
}

/* Octal, or 0 where it does not fit: a pax record says the number then. */
static void
put_octal(char *field, size_t n, int64_t x)
{
	uint64_t left = fits(x, n) ? (uint64_t)x : 0;
	field[n - 1] = '\0';
	for (size_t i = n - 1; i-- > 0; left >>= 3)
		field[i] = (char)('0' + (left & 7));
}

/* A name, cut where it does not fit: a pax record says all of it then. */
static void
put_name(char *field, size_t n, const char *s)
{
	size_t len = strnlen(s, n);
	memcpy(field, s, len);
}

static int
put_header(struct tar_writer *w, const struct tar_entry *e, const char *name, int64_t stored)
{
	struct tar_header h;
	memset(&h, 0, sizeof(h));
	put_name(h.name, sizeof(h.name), name);
	put_octal(h.mode, sizeof(h.mode), e->mode);
	put_octal(h.uid, sizeof(h.uid), e->uid);
	put_octal(h.gid, sizeof(h.gid), e->gid);
	put_octal(h.size, sizeof(h.size), stored);
	put_octal(h.mtime, sizeof(h.mtime), e->mtime.tv_sec);
	h.type = (char)e->type;
	put_name(h.link, sizeof(h.link), e->link ? e->link : "");
	memcpy(h.magic,
		"ustar\0"
		"00",
		8);
	put_octal(h.major, sizeof(h.major), e->major);
	put_octal(h.minor, sizeof(h.minor), e->minor);
	/* Six digits, a NUL, a blank: how it has always been written. */
	put_octal(h.checksum, 7, tar_checksum(&h, false));
	h.checksum[7] = ' ';
	return put(w, &h, sizeof(h));
}

static void
add_number(struct buf *b, const char *key, int64_t x)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, x);
	tar_pax_add(b, key, text, (size_t)n);
}

static void
add_text(struct buf *b, const char *key, const char *s)
{
	tar_pax_add(b, key, s, strlen(s));
}

/* Seconds with as many places as they need. */
static void
add_time(struct buf *b, const struct timespec *t)
{
	char text[48];
	int64_t sec = t->tv_sec, nsec = t->tv_nsec;
	const char *sign = "";
	if (sec < 0) {
		sign = "-";
		sec = -(sec + (nsec != 0));
		nsec = nsec ? 1000000000 - nsec : 0;
	}
	int n = snprintf(text, sizeof(text), "%s%" PRId64, sign, sec);
	if (nsec) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09" PRId64, nsec);
		while (text[n - 1] == '0')
			n--;
	}
	tar_pax_add(b, "mtime", text, (size_t)n);
}

/* What ustar cannot say of the entry, in the order of the keys. */
static void
add_records(struct buf *b, const struct tar_entry *e, bool sparse, int64_t stored)
{
	struct tar_header h;
	auto_buf struct buf key = BUF_INIT;
	if (sparse) {
		add_text(b, "GNU.sparse.major", "1");
		add_text(b, "GNU.sparse.minor", "0");
		add_text(b, "GNU.sparse.name", e->name);
		add_number(b, "GNU.sparse.realsize", e->size);
	}
	for (size_t i = 0; i < e->n_xattr; i++) {
		buf_reset(&key);
		buf_addf(&key, "SCHILY.xattr.%s", e->xattr[i].name);
		tar_pax_add(b, buf_str(&key), e->xattr[i].value, e->xattr[i].len);
	}
	if (!fits(e->gid, sizeof(h.gid)))
		add_number(b, "gid", e->gid);
	if (e->link && strlen(e->link) > sizeof(h.link))
		add_text(b, "linkpath", e->link);
	if (e->mtime.tv_nsec || !fits(e->mtime.tv_sec, sizeof(h.mtime)))
		add_time(b, &e->mtime);
	if (!sparse && strlen(e->name) > sizeof(h.name))
		add_text(b, "path", e->name);
	if (!fits(stored, sizeof(h.size)))
		add_number(b, "size", stored);
	if (!fits(e->uid, sizeof(h.uid)))
		add_number(b, "uid", e->uid);
}

static int
put_pax(struct tar_writer *w, const struct tar_entry *of, const struct buf *records)
{
	struct tar_entry e = {.mode = 0644};
	e.type = (enum tar_type)'x'; /* a header of its own kind */
	const char *slash = strrchr(of->name, '/');
	char name[101];
	snprintf(name, sizeof(name), "PaxHeaders.0/%s",
		slash && slash[1]	      ? slash + 1
			: of->type == TAR_DIR ? "dir"
					      : of->name);
	if (put_header(w, &e, name, (int64_t)records->len) < 0)
		return -1;
	if (put(w, records->s, records->len) < 0)
		return -1;
	return put(w, zeros, (size_t)padding_of((int64_t)records->len));
}

/* The map as lines of numbers, filled up to whole blocks. Returns the number of bytes of data. */
static int64_t
map_text(struct buf *b, const struct tar_map *map)
{
	int64_t sum = 0;
	buf_addf(b, "%zu\n", map->n);
	for (size_t i = 0; i < map->n; i++) {
		buf_addf(b, "%" PRId64 "\n%" PRId64 "\n", map->v[i].offset, map->v[i].len);
		sum += map->v[i].len;
	}
	buf_add(b, zeros, (size_t)padding_of((int64_t)b->len));
	return sum;
}

int
tar_write_entry(struct tar_writer *w, const struct tar_entry *e, const struct tar_map *map)
{
	auto_buf struct buf spans = BUF_INIT;
	int64_t stored = e->type == TAR_FILE ? e->size : 0;
	if (map)
		stored = map_text(&spans, map) + (int64_t)spans.len;
	buf_reset(&w->scratch);
	add_records(&w->scratch, e, map, stored);
	if (w->scratch.len && put_pax(w, e, &w->scratch) < 0)
		return -1;
	if (put_header(w, e, e->name, stored) < 0)
		return -1;
	w->padding = padding_of(stored);
	return put(w, spans.s, spans.len);
}

int
tar_write_data(struct tar_writer *w, const void *data, size_t len)
{
	return put(w, data, len);
}

int
tar_write_around(struct tar_writer *w, uint64_t len)
{
	w->total += len;
	return flush(w);
}

int
tar_write_padding(struct tar_writer *w)
{
	int64_t n = w->padding;
	w->padding = 0;
	return put(w, zeros, (size_t)n);
}

int
tar_write_end(struct tar_writer *w)
{
	return put(w, zeros, sizeof(zeros)) < 0 ? -1 : flush(w);
}

void
tar_writer_free(struct tar_writer *w)
{
	buf_free(&w->scratch);
	buf_free(&w->out);
}
