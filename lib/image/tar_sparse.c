/* SPDX-License-Identifier: MIT
 * Sparse files in a tar: GNU's own form, and its three versions in pax headers (GNU tar manual,
 * "Storing Sparse Files").
 */
#include "image/tar_reader.h"

#include <string.h>

/* The map of an old GNU sparse file: four spans in the header, 21 in each block that follows. */
static int
read_gnu_map(struct tar_reader *r, struct tar_entry *e)
{
	const char *pair = r->h.u.gnu.sparse[0][0];
	char extended = r->h.u.gnu.extended;
	size_t n = 4;
	if (tar_dialect_of(&r->h) != TAR_GNU)
		return tar_bad_entry(r, e, "a sparse file in a tar that is not GNU's");
	if (tar_number(r->h.u.gnu.realsize, 12, &e->size) < 0)
		return tar_bad_entry(r, e, "its real size is no number");
	for (;;) {
		for (size_t i = 0; i < n && pair[i * 24]; i++) {
			int64_t offset, len;
			if (tar_number(pair + i * 24, 12, &offset) < 0 ||
				tar_number(pair + i * 24 + 12, 12, &len) < 0 ||
				tar_map_add(&r->map, offset, len) < 0)
				return tar_bad_entry(r, e, "its map of holes is damaged");
		}
		if (!extended)
			return 0;
		const char *block;
		int ok = tar_block(r, &block);
		if (ok <= 0)
			return ok < 0 ? -1 : tar_truncated(r);
		pair = block;
		n = 21;
		extended = block[504];
	}
}

/* Version 0.1: "offset,length,offset,length…" in one record. */
static int
read_map_record(struct tar_reader *r, const char *s)
{
	int64_t pair[2];
	char number[24];
	for (int half = 0; *s; half = !half) {
		size_t n = strcspn(s, ",");
		if (n >= sizeof(number))
			return -1;
		memcpy(number, s, n);
		number[n] = '\0';
		if (tar_decimal(number, &pair[half]) < 0)
			return -1;
		s += n;
		if (half && tar_map_add(&r->map, pair[0], pair[1]) < 0)
			return -1;
		if (*s && (!*++s || (half && !*s)))
			return -1;
		if (!*s && !half)
			return -1;
	}
	return 0;
}

/* A line of the map that stands before the data in version 1.0: one number. Blocks are taken whole,
 * so the line may go on in the next. */
struct map_text {
	const char *block;
	size_t at;
	int64_t taken;
};

static int
map_number(struct tar_reader *r, struct map_text *t, int64_t *out)
{
	int64_t x = 0;
	for (int digits = 0; digits < 20; digits++) {
		if (t->at == TAR_BLOCK_SIZE) {
			int ok = tar_block(r, &t->block);
			if (ok <= 0)
				return ok < 0 ? -1 : tar_truncated(r);
			t->at = 0;
			t->taken += TAR_BLOCK_SIZE;
		}
		char c = t->block[t->at++];
		if (c == '\n' && digits) {
			*out = x;
			return 0;
		}
		if (c < '0' || c > '9' || x > (INT64_MAX - 9) / 10)
			break;
		x = x * 10 + (c - '0');
	}
	return tar_bad(r, "a map of holes is damaged");
}

static int
read_map_text(struct tar_reader *r)
{
	struct map_text t = {.at = TAR_BLOCK_SIZE};
	int64_t n = 0, offset = 0, len = 0;
	if (map_number(r, &t, &n) < 0)
		return -1;
	for (int64_t i = 0; i < n; i++) {
		if (map_number(r, &t, &offset) < 0 || map_number(r, &t, &len) < 0)
			return -1;
		if (tar_map_add(&r->map, offset, len) < 0)
			return tar_bad(r, "a map of holes has more than a million entries");
	}
	r->left -= t.taken;
	return r->left < 0 ? tar_bad(r, "a map of holes is longer than its entry") : 0;
}

static bool
is(const char *value, const char *what)
{
	return value && strcmp(value, what) == 0;
}

/* The map of a pax sparse file. Sets *sparse; the real size and name replace the header's. */
static int
read_pax_map(struct tar_reader *r, struct tar_entry *e, bool *sparse)
{
	const struct tar_pax *p = &r->pax;
	const char *size = p->sparse_realsize ? p->sparse_realsize : p->sparse_size;
	bool v1 = is(p->sparse_major, "1") && is(p->sparse_minor, "0");
	bool v0 = !v1 && (p->sparse_map || p->spans.n) &&
		(!p->sparse_major || is(p->sparse_major, "0"));
	int64_t blocks;
	*sparse = r->have_pax && (v0 || v1);
	if (!*sparse)
		return 0;
	e->name = p->sparse_name ? p->sparse_name : e->name;
	if (size && tar_decimal(size, &e->size) < 0)
		return tar_bad_entry(r, e, "its real size is no number");
	if (v1)
		return read_map_text(r);
	if (p->sparse_map && read_map_record(r, p->sparse_map) < 0)
		return tar_bad_entry(r, e, "its map of holes is damaged");
	for (size_t i = 0; !p->sparse_map && i < p->spans.n; i++)
		tar_map_add(&r->map, p->spans.v[i].offset, p->spans.v[i].len);
	if (!p->sparse_blocks || tar_decimal(p->sparse_blocks, &blocks) < 0 ||
		blocks != (int64_t)r->map.n)
		return tar_bad_entry(r, e, "its map of holes is damaged");
	return 0;
}

int
tar_read_map(struct tar_reader *r, struct tar_entry *e, char flag, bool *sparse)
{
	*sparse = flag == 'S';
	return *sparse ? read_gnu_map(r, e) : read_pax_map(r, e, sparse);
}
