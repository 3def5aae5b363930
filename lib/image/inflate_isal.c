/* SPDX-License-Identifier: MIT
 * The one file that sees ISA-L.
 */
#include "image/inflate.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>

/* Given out at once. What follows (hashing, copying to a file) finds it in the second-level cache.
 */
#define PIECE ((size_t)128 * 1024)

struct inflate {
	inflate_source_fn *read;
	void *self;
	uint64_t taken; /* from the source */
	bool dry; /* the source has ended */
	bool between; /* before a member: at its magic, or at the end of all */
	bool over;
	struct inflate_state state;
	uint8_t piece[PIECE];
};

struct inflate *
inflate_open(inflate_source_fn *read, void *self)
{
	struct inflate *f = malloc(sizeof(*f));
	if (!f)
		abort();
	f->read = read;
	f->self = self;
	f->taken = 0;
	f->dry = f->over = false;
	f->between = true;
	isal_inflate_init(&f->state);
	f->state.avail_in = 0;
	return f;
}

void
inflate_close(struct inflate *f)
{
	free(f);
}

static int
damaged(const struct inflate *f, const char *why)
{
	return err_set(ERR_INVALID, NULL,
		"cannot decompress the stream after %" PRIu64 " bytes: %s",
		f->taken - f->state.avail_in, why);
}

/* More input. ISA-L takes what it was given before into its state, so the old piece may go. */
static int
refill(struct inflate *f)
{
	const void *data;
	ssize_t n = f->dry ? 0 : f->read(f->self, &data);
	if (n < 0)
		return -1;
	if (n == 0) {
		f->dry = true;
		return 0;
	}
	f->state.next_in = (uint8_t *)(uintptr_t)data; /* only read, though it is not const */
	f->state.avail_in = (uint32_t)n;
	f->taken += (uint64_t)n;
	return 0;
}

/* Behind a member there may be another; or zeros, which tapes and padding leave; nothing else. */
static int
skip_zeros(struct inflate *f)
{
	while (!f->over) {
		if (f->state.avail_in == 0 && refill(f) < 0)
			return -1;
		if (f->dry && f->state.avail_in == 0)
			f->over = true;
		else if (*f->state.next_in != 0)
			return damaged(f, "something else follows its end");
		else {
			f->state.next_in++;
			f->state.avail_in--;
		}
	}
	return 0;
}

/* At the place where a member may begin. */
static int
next_member(struct inflate *f)
{
	bool first = f->taken == 0;
	if (f->state.avail_in == 0 && refill(f) < 0)
		return -1;
	if (!first && (f->state.avail_in == 0 || *f->state.next_in != 0x1f))
		return skip_zeros(f);
	isal_inflate_reset(&f->state);
	f->state.crc_flag = ISAL_GZIP; /* header and trailer are its business: length and CRC */
	f->between = false;
	return 0;
}

static const char *
reason(int code)
{
	switch (code) {
	case ISAL_INCORRECT_CHECKSUM:
		return "its checksum is wrong";
	case ISAL_INVALID_WRAPPER:
	case ISAL_UNSUPPORTED_METHOD:
		return "this is no gzip header";
	default:
		return "it is damaged";
	}
}

/* Decompresses until the piece is full, the input is used up, or the member ends. */
static int
inflate_some(struct inflate *f)
{
	int code = isal_inflate(&f->state);
	if (code < 0)
		return damaged(f, reason(code));
	if (f->state.block_state == ISAL_BLOCK_FINISH) {
		f->between = true;
		return 0;
	}
	/* Room left, and nothing in hand: it wants more. */
	if (f->state.avail_out > 0 && f->state.avail_in == 0) {
		if (refill(f) < 0)
			return -1;
		if (f->dry)
			return damaged(f, "it ends in the middle");
	}
	return 0;
}

ssize_t
inflate_read(struct inflate *f, const void **data)
{
	*data = f->piece;
	f->state.next_out = f->piece;
	f->state.avail_out = PIECE;
	while (!f->over && f->state.avail_out > 0) {
		int r = f->between ? next_member(f) : inflate_some(f);
		if (r < 0)
			return -1;
	}
	return (ssize_t)(PIECE - f->state.avail_out);
}

#else

struct inflate *
inflate_open(inflate_source_fn *read, void *self)
{
	(void)read;
	(void)self;
	return NULL;
}

ssize_t
inflate_read(struct inflate *f, const void **data)
{
	(void)f;
	(void)data;
	return 0;
}

void
inflate_close(struct inflate *f)
{
	(void)f;
}

#endif
