/* SPDX-License-Identifier: MIT */
#include "image/stream.h"

#include "base/err.h"
#include "image/inflate.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Large enough that system calls do not count, small enough for the second-level cache, out of
 * which the data is then written. */
#define PIECE (256 * 1024)

ssize_t
stream_fd_read(void *self, const void **data)
{
	struct stream_fd *f = self;
	ssize_t n;
	if (!f->buffer && !(f->buffer = malloc(PIECE)))
		abort();
	do
		n = read(f->fd, f->buffer, PIECE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("read", f->shown, "cannot read %s", f->shown);
	f->total += (uint64_t)n;
	*data = f->buffer;
	return n;
}

int
stream_fd_write(void *self, const void *data, size_t len)
{
	struct stream_fd *f = self;
	for (size_t done = 0; done < len;) {
		ssize_t n = write(f->fd, (const char *)data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("write", f->shown, "cannot write to %s", f->shown);
		done += (size_t)n;
	}
	f->total += len;
	return 0;
}

void
stream_fd_free(struct stream_fd *f)
{
	free(f->buffer);
	f->buffer = NULL;
}

ssize_t
stream_memory_read(void *self, const void **data)
{
	struct stream_memory *m = self;
	size_t n = m->len;
	*data = m->data;
	m->len = 0;
	return (ssize_t)n;
}

#define MAGIC_MAX 8

struct stream {
	stream_read_fn *read;
	void *self;
	struct archive *archive; /* NULL: not compressed, or gzip and `inflate` does it */
	struct inflate *inflate; /* NULL: no gzip, or no ISA-L */
	bool looked; /* at the head: both are decided */
	bool dry; /* the source has ended: it is not asked again */
	bool failed; /* the source said so, and `err` is its word */
	bool ended; /* the decompressor has */
	uint64_t given; /* to libarchive */
	/* The first bytes, which were looked at before anything else was done. */
	char head[MAGIC_MAX];
	size_t n_head;
	/* What was left of the piece that the head's end came from. */
	const char *rest;
	size_t n_rest;
	/* The piece that libarchive got last, for telling what follows the compressed stream. */
	const char *last;
	size_t n_last;
};

/* The next piece that nobody has seen. */
static ssize_t
fresh_piece(struct stream *s, const void **data)
{
	ssize_t n = s->dry ? 0 : s->read(s->self, data);
	s->dry = s->dry || n == 0;
	s->failed = s->failed || n < 0;
	return n;
}

/* The next piece of the source: first the head, then what was left of its piece, then the others.
 */
static ssize_t
source_piece(struct stream *s, const void **data)
{
	size_t n;
	if (s->n_head) {
		*data = s->head;
		n = s->n_head;
		s->n_head = 0;
		return (ssize_t)n;
	}
	if (s->n_rest) {
		*data = s->rest;
		n = s->n_rest;
		s->n_rest = 0;
		return (ssize_t)n;
	}
	return fresh_piece(s, data);
}

/* Collects the first bytes, however small the pieces are. */
static int
read_head(struct stream *s)
{
	while (s->n_head < MAGIC_MAX) {
		const void *data;
		ssize_t n = fresh_piece(s, &data);
		if (n <= 0)
			return (int)n;
		size_t want = MAGIC_MAX - s->n_head;
		size_t take = (size_t)n < want ? (size_t)n : want;
		memcpy(s->head + s->n_head, data, take);
		s->n_head += take;
		s->rest = (const char *)data + take;
		s->n_rest = (size_t)n - take;
	}
	return 0;
}

bool
stream_packed(const void *data, size_t n)
{
	const char *head = data;
	static const struct {
		const char *bytes;
		size_t len;
	} magics[] = {
		{"\x1f\x8b", 2}, /* gzip, RFC 1952 */
		{"\x1f\x9d", 2}, /* compress */
		{"BZh", 3},
		{"\xfd"
		 "7zXZ",
			6}, /* with its NUL */
		{"\x5d\x00\x00", 3}, /* lzma alone has no magic: its usual properties */
		{"LZIP", 4}, {"\x28\xb5\x2f\xfd", 4}, /* zstd, RFC 8878 */
		{"\x04\x22\x4d\x18", 4}, /* lz4 */
	};
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (n >= magics[i].len && memcmp(head, magics[i].bytes, magics[i].len) == 0)
			return true;
	/* A skippable frame may come first: zstd and lz4 have the same sixteen. */
	return n >= 4 && (head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0;
}

static la_ssize_t
give_piece(struct archive *a, void *self, const void **data)
{
	struct stream *s = self;
	ssize_t n = source_piece(s, data);
	(void)a;
	if (n < 0)
		return ARCHIVE_FATAL;
	s->given += (uint64_t)n;
	s->last = *data;
	s->n_last = (size_t)n;
	return n;
}

static int
decompressor_failed(struct stream *s)
{
	const char *why = archive_error_string(s->archive);
	if (s->failed)
		return -1;
	return err_set(ERR_INVALID, NULL,
		"cannot decompress the stream after %" PRIu64 " bytes: %s", s->given,
		why ? why : "it is damaged");
}

static int
open_decompressor(struct stream *s)
{
	struct archive_entry *entry;
	struct archive *a = s->archive = archive_read_new();
	if (!a)
		abort();
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_compress(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_lzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	if (archive_read_open(a, s, NULL, give_piece, NULL) != ARCHIVE_OK)
		return decompressor_failed(s);
	int r = archive_read_next_header(a, &entry);
	if (r == ARCHIVE_EOF)
		s->ended = true;
	else if (r != ARCHIVE_OK)
		return decompressor_failed(s);
	return 0;
}

static bool
all_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* The compressed stream is over; the source need not be, and whoever hashes it wants all of it. */
static int
read_to_end(struct stream *s)
{
	const void *data;
	ssize_t n;
	uint64_t used = (uint64_t)archive_filter_bytes(s->archive, -1);
	size_t left = used < s->given ? (size_t)(s->given - used) : 0;
	if (left > s->n_last)
		left = s->n_last;
	bool zero = all_zero(s->last + s->n_last - left, left);
	while ((n = source_piece(s, &data)) > 0)
		zero = zero && all_zero(data, (size_t)n);
	if (n < 0)
		return -1;
	if (!zero)
		return err_set(ERR_INVALID, NULL,
			"cannot decompress the stream: something else follows its end at byte %" PRIu64,
			used);
	return 0;
}

static ssize_t
decompressed_piece(struct stream *s, const void **data)
{
	size_t len;
	la_int64_t offset;
	while (!s->ended) {
		int r = archive_read_data_block(s->archive, data, &len, &offset);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return decompressor_failed(s);
		if (len)
			return (ssize_t)len;
	}
	s->ended = true;
	return read_to_end(s);
}

struct stream *
stream_open(stream_read_fn *read, void *self)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->read = read;
	s->self = self;
	return s;
}

static ssize_t
inflate_source(void *self, const void **data)
{
	return source_piece(self, data);
}

/* Chooses by the first bytes who decompresses, if anybody. */
static int
look(struct stream *s)
{
	if (read_head(s) < 0)
		return -1;
	s->looked = true;
	if (s->n_head >= 2 && memcmp(s->head, "\x1f\x8b", 2) == 0)
		s->inflate = inflate_open(inflate_source, s);
	if (!s->inflate && stream_packed(s->head, s->n_head))
		return open_decompressor(s);
	return 0;
}

ssize_t
stream_read(void *self, const void **data)
{
	struct stream *s = self;
	if (!s->looked && look(s) < 0)
		return -1;
	if (s->inflate)
		return inflate_read(s->inflate, data);
	return s->archive ? decompressed_piece(s, data) : source_piece(s, data);
}

void
stream_close(struct stream *s)
{
	if (!s)
		return;
	archive_read_free(s->archive);
	inflate_close(s->inflate);
	free(s);
}
