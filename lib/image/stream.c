/* SPDX-License-Identifier: MIT */
#include "image/stream.h"

#include "base/err.h"
#include "image/decompress.h"
#include "image/inflate.h"

#include <errno.h>
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

struct stream {
	stream_read_fn *read;
	void *self;
	/* At most one of them, NULL where the bytes come out as they went in. */
	struct inflate *inflate; /* gzip, by ISA-L */
	struct decompress *decompress; /* all else, and gzip where there is no ISA-L */
	bool looked; /* at the head: both are decided */
	bool dry; /* the source has ended: it is not asked again */
	/* The first bytes, which were looked at before anything else was done. */
	char head[PACKING_HEAD];
	size_t n_head;
	/* What was left of the piece that the head's end came from. */
	const char *rest;
	size_t n_rest;
};

/* The next piece that nobody has seen. */
static ssize_t
fresh_piece(struct stream *s, const void **data)
{
	ssize_t n = s->dry ? 0 : s->read(s->self, data);
	s->dry = s->dry || n == 0;
	return n;
}

/* The next piece of the source: first the head, then what was left of its piece, then the others.
 */
static ssize_t
source_piece(void *self, const void **data)
{
	struct stream *s = self;
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
	while (s->n_head < PACKING_HEAD) {
		const void *data;
		ssize_t n = fresh_piece(s, &data);
		if (n <= 0)
			return (int)n;
		size_t want = PACKING_HEAD - s->n_head;
		size_t take = (size_t)n < want ? (size_t)n : want;
		memcpy(s->head + s->n_head, data, take);
		s->n_head += take;
		s->rest = (const char *)data + take;
		s->n_rest = (size_t)n - take;
	}
	return 0;
}

enum packing
packing_of(const void *head, size_t len)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum packing packing;
	} magics[] = {
		{"\x1f\x8b", 2, PACKED_GZIP}, /* RFC 1952 */
		{"\x28\xb5\x2f\xfd", 4, PACKED_ZSTD}, /* RFC 8878 */
		{"\x1f\x9d", 2, PACKED_OTHER}, /* compress */
		{"BZh", 3, PACKED_OTHER},
		{"\xfd"
		 "7zXZ",
			6, PACKED_OTHER}, /* with its NUL */
		/* lzma alone has no magic: its usual properties */
		{"\x5d\x00\x00", 3, PACKED_OTHER}, {"LZIP", 4, PACKED_OTHER},
		{"\x04\x22\x4d\x18", 4, PACKED_OTHER}, /* lz4 */
		{"\x02\x21\x4c\x18", 4, PACKED_OTHER}, /* its older frames */
	};
	const char *p = head;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (len >= magics[i].len && memcmp(p, magics[i].bytes, magics[i].len) == 0)
			return magics[i].packing;
	/* A skippable frame may come first. Zstd and lz4 have the same sixteen, so it is not known
	 * which of the two follows. */
	bool skippable = len >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0;
	return skippable ? PACKED_OTHER : PACKED_NOT;
}

bool
stream_packed(const void *head, size_t len)
{
	return packing_of(head, len) != PACKED_NOT;
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

/* Chooses by the first bytes who decompresses, if anybody. */
static int
look(struct stream *s)
{
	if (read_head(s) < 0)
		return -1;
	s->looked = true;
	if (packing_of(s->head, s->n_head) == PACKED_GZIP)
		s->inflate = inflate_open(source_piece, s);
	if (s->inflate || !stream_packed(s->head, s->n_head))
		return 0;
	s->decompress = decompress_open(source_piece, s);
	return s->decompress ? 0 : -1;
}

ssize_t
stream_read(void *self, const void **data)
{
	struct stream *s = self;
	if (!s->looked && look(s) < 0)
		return -1;
	if (s->inflate)
		return inflate_read(s->inflate, data);
	return s->decompress ? decompress_read(s->decompress, data) : source_piece(s, data);
}

void
stream_close(struct stream *s)
{
	if (!s)
		return;
	decompress_close(s->decompress);
	inflate_close(s->inflate);
	free(s);
}
