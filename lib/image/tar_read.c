/* SPDX-License-Identifier: MIT */
#include "image/tar_reader.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* No extension of a header may be larger: Go's limit. The kernel's for one attribute is 64 KiB. */
#define SPECIAL_MAX (1024 * 1024)

struct tar_reader *
tar_open(stream_read_fn *read, void *self)
{
	struct tar_reader *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->read = read;
	r->self = self;
	tar_pax_reset(&r->pax);
	return r;
}

void
tar_close(struct tar_reader *r)
{
	if (!r)
		return;
	tar_map_free(&r->map);
	tar_pax_free(&r->pax);
	buf_free(&r->pax_body);
	buf_free(&r->longname);
	buf_free(&r->longlink);
	free(r);
}

uint64_t
tar_offset(const struct tar_reader *r)
{
	return r->offset;
}

int
tar_bad(const struct tar_reader *r, const char *what)
{
	return err_set(
		ERR_INVALID, NULL, "cannot read the tar at byte %" PRIu64 ": %s", r->header, what);
}

int
tar_bad_entry(const struct tar_reader *r, const struct tar_entry *e, const char *what)
{
	return err_set(ERR_INVALID, e->name, "cannot read the tar at byte %" PRIu64 " (%s): %s",
		r->header, e->name, what);
}

int
tar_truncated(const struct tar_reader *r)
{
	return err_set(ERR_INVALID, NULL,
		"cannot read the tar: it ends too early, after %" PRIu64 " bytes", r->offset);
}

/* Makes sure that there is at least one byte at p. Returns 1, 0 at the end of the stream, -1. */
static int
more(struct tar_reader *r)
{
	const void *data;
	ssize_t n;
	if (r->n)
		return 1;
	n = r->read(r->self, &data);
	if (n <= 0)
		return (int)n;
	r->p = data;
	r->n = (size_t)n;
	return 1;
}

static void
used(struct tar_reader *r, size_t n)
{
	r->p += n;
	r->n -= n;
	r->offset += n;
}

int
tar_block(struct tar_reader *r, const char **block)
{
	size_t have = 0;
	int ok = more(r);
	if (ok <= 0)
		return ok;
	if (r->n >= TAR_BLOCK_SIZE) {
		*block = r->p;
		used(r, TAR_BLOCK_SIZE);
		return 1;
	}
	while (have < TAR_BLOCK_SIZE) {
		size_t n = TAR_BLOCK_SIZE - have;
		ok = more(r);
		if (ok <= 0)
			return ok < 0 ? -1 : tar_truncated(r);
		if (n > r->n)
			n = r->n;
		memcpy(r->block + have, r->p, n);
		used(r, n);
		have += n;
	}
	*block = r->block;
	return 1;
}

void
tar_set_skip(struct tar_reader *r, tar_skip_fn *pass_over)
{
	r->pass_over = pass_over;
}

static int
skip(struct tar_reader *r, int64_t n)
{
	while (n > 0) {
		if (r->n == 0 && r->pass_over) {
			if (!r->pass_over(r->self, n))
				return tar_truncated(r);
			r->offset += (uint64_t)n;
			return 0;
		}
		int ok = more(r);
		if (ok <= 0)
			return ok < 0 ? -1 : tar_truncated(r);
		size_t now = (uint64_t)n < r->n ? (size_t)n : r->n;
		used(r, now);
		n -= (int64_t)now;
	}
	return 0;
}

static int64_t
padding_of(int64_t size)
{
	return -size & (TAR_BLOCK_SIZE - 1);
}

/* The body of a special header, with a NUL behind it. */
static int
read_body(struct tar_reader *r, int64_t size, struct buf *out)
{
	int64_t left = size;
	buf_reset(out);
	if (size > SPECIAL_MAX)
		return tar_bad(r, "a header's extension is larger than 1 MiB");
	buf_add(out, "", 0);
	while (left) {
		int ok = more(r);
		if (ok <= 0)
			return ok < 0 ? -1 : tar_truncated(r);
		size_t now = (uint64_t)left < r->n ? (size_t)left : r->n;
		buf_add(out, r->p, now);
		used(r, now);
		left -= (int64_t)now;
	}
	return skip(r, padding_of(size));
}

static bool
is_zero(const char *p, size_t n)
{
	return n == 0 || (*p == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* After the first block of zeros: a second one (or the end of the stream, which some writers leave
 * it at), then nothing but zeros. Whoever hashes the stream wants it read to its end. */
static int
read_tail(struct tar_reader *r)
{
	const char *block;
	uint64_t end = r->offset;
	int ok = tar_block(r, &block);
	if (ok < 0)
		return -1;
	if (ok && !is_zero(block, TAR_BLOCK_SIZE))
		return tar_bad(r, "a lone block of zeros in the middle");
	for (;;) {
		ok = more(r);
		if (ok <= 0)
			return ok;
		if (!is_zero(r->p, r->n))
			return err_set(ERR_INVALID, NULL,
				"cannot read the tar: something else follows its end at byte %" PRIu64,
				end);
		used(r, r->n);
	}
}

/* Finds where the entry's bytes belong, and how many there are. */
static int
settle_content(struct tar_reader *r, struct tar_entry *e, char flag)
{
	bool sparse;
	int64_t stored;
	if (e->type != TAR_FILE && flag != 'D')
		e->size = 0;
	if (e->size < 0)
		return tar_bad_entry(r, e, "its size is negative");
	r->left = e->size;
	r->padding = padding_of(r->left);
	r->map.n = 0;
	if (e->type != TAR_FILE)
		return 0;
	if (tar_read_map(r, e, flag, &sparse) < 0)
		return -1;
	if (!sparse)
		return tar_map_add(&r->map, 0, e->size);
	if (!tar_map_valid(&r->map, e->size, &stored) || stored != r->left)
		return tar_bad_entry(r, e, "its map of holes does not fit its content");
	return 0;
}

static int
fill_entry(struct tar_reader *r, struct tar_entry *e)
{
	r->span = 0;
	r->span_done = 0;
	if (tar_read_fields(r, e) < 0 || settle_content(r, e, r->h.type) < 0)
		return -1;
	return 1;
}

/* A header that only says something of the next. Returns 1 if it was one, 0 if not, -1. */
static int
take_special(struct tar_reader *r)
{
	int64_t size;
	if (!strchr("xXgLKV", r->h.type) || !r->h.type)
		return 0;
	if (tar_number(r->h.size, sizeof(r->h.size), &size) < 0 || size < 0)
		return tar_bad(r, "the size of a special header is no number");
	switch (r->h.type) {
	case 'L':
		r->have_name = true;
		return read_body(r, size, &r->longname) < 0 ? -1 : 1;
	case 'K':
		r->have_link = true;
		return read_body(r, size, &r->longlink) < 0 ? -1 : 1;
	case 'g': /* for all entries that follow: Docker passes it over, and so do we */
	case 'V': /* the volume's label */
		return skip(r, size) < 0 || skip(r, padding_of(size)) < 0 ? -1 : 1;
	default:
		if (read_body(r, size, &r->pax_body) < 0)
			return -1;
		/* Of several in a row the last counts, as Go has it. */
		if (tar_pax_parse(&r->pax, r->pax_body.s, r->pax_body.len) < 0)
			return tar_bad(r, "a pax header is malformed");
		r->have_pax = true;
		return 1;
	}
}

static int
check_header(struct tar_reader *r, const char *block)
{
	int64_t sum;
	memcpy(&r->h, block, sizeof(r->h));
	if (tar_number(r->h.checksum, sizeof(r->h.checksum), &sum) < 0 ||
		(sum != tar_checksum(block, false) && sum != tar_checksum(block, true)))
		return r->header == 0
			? err_set(ERR_INVALID, NULL, "cannot read the tar: this is no tar")
			: tar_bad(r, "this is no header");
	return 0;
}

int
tar_next(struct tar_reader *r, struct tar_entry *e)
{
	const char *block = r->block;
	if (skip(r, r->left) < 0 || skip(r, r->padding) < 0)
		return -1;
	r->left = r->padding = 0;
	r->have_pax = r->have_name = r->have_link = false;
	tar_pax_reset(&r->pax);
	for (;;) {
		bool special = r->have_pax || r->have_name || r->have_link;
		r->header = r->offset;
		int ok = tar_block(r, &block);
		if (ok < 0)
			return -1;
		if (ok == 0)
			return special ? tar_truncated(r) : 0;
		if (is_zero(block, TAR_BLOCK_SIZE))
			return special ? tar_bad(r, "a special header with nothing behind it")
				       : read_tail(r);
		if (check_header(r, block) < 0)
			return -1;
		ok = take_special(r);
		if (ok == 0)
			return fill_entry(r, e);
		if (ok < 0)
			return -1;
	}
}

const struct tar_map *
tar_sparse_map(const struct tar_reader *r, const struct tar_entry *e)
{
	const struct tar_map *m = &r->map;
	bool whole = m->n == 1 && m->v[0].offset == 0 && m->v[0].len == e->size;
	return e->type == TAR_FILE && e->size > 0 && !whole ? m : NULL;
}

ssize_t
tar_data(struct tar_reader *r, const void **data, int64_t *offset)
{
	while (r->span < r->map.n && r->span_done == r->map.v[r->span].len) {
		r->span++;
		r->span_done = 0;
	}
	if (r->span == r->map.n)
		return 0;
	int ok = more(r);
	if (ok <= 0)
		return ok < 0 ? -1 : tar_truncated(r);
	const struct tar_span *s = &r->map.v[r->span];
	size_t n = r->n;
	if ((uint64_t)(s->len - r->span_done) < n)
		n = (size_t)(s->len - r->span_done);
	*data = r->p;
	*offset = s->offset + r->span_done;
	/* The bytes stay where they are until more() is asked for the next piece. */
	used(r, n);
	r->span_done += (int64_t)n;
	r->left -= (int64_t)n;
	return (ssize_t)n;
}
