/* SPDX-License-Identifier: MIT */
#include "image/decompress.h"

#include "base/err.h"

#include <archive.h>
#include <archive_entry.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of its binary interface, which all of its versions 3 have kept. */
#define SONAME "libarchive.so.13"

/* What we call of it. The header gives the types, so that a call is checked as if it were linked.
 */
#define FUNCTIONS(F) \
	F(archive_read_new) \
	F(archive_read_support_filter_gzip) \
	F(archive_read_support_filter_bzip2) \
	F(archive_read_support_filter_compress) \
	F(archive_read_support_filter_xz) \
	F(archive_read_support_filter_lzma) \
	F(archive_read_support_filter_lzip) \
	F(archive_read_support_filter_zstd) \
	F(archive_read_support_filter_lz4) \
	F(archive_read_support_format_raw) \
	F(archive_read_support_format_empty) \
	F(archive_read_open) \
	F(archive_read_next_header) \
	F(archive_read_data_block) \
	F(archive_filter_bytes) \
	F(archive_error_string) \
	F(archive_read_free)

#define DECLARE(name) __typeof__ (&(name))(name);
static struct {
	FUNCTIONS(DECLARE)
} la;
static char missing[256]; /* why there is none; "" when it was loaded */

struct decompress {
	stream_read_fn *read;
	void *self;
	struct archive *archive;
	bool failed; /* the source said so, and `err` is its word */
	bool ended;
	uint64_t given; /* to libarchive */
	/* The piece that it got last, for telling what follows the compressed stream. */
	const char *last;
	size_t n_last;
};

static bool
find(void *lib, const char *name, void *to)
{
	void *address = dlsym(lib, name);
	memcpy(to, &address, sizeof(address));
	return address;
}

static void
load(void)
{
	void *lib = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL);
	bool ok = lib;
#define FIND(name) ok = ok && find(lib, #name, &la.name);
	FUNCTIONS(FIND)
	if (!ok)
		snprintf(missing, sizeof(missing), "%s", dlerror());
}

static la_ssize_t
give_piece(struct archive *a, void *self, const void **data)
{
	struct decompress *d = self;
	ssize_t n = d->read(d->self, data);
	(void)a;
	d->failed = d->failed || n < 0;
	if (n < 0)
		return ARCHIVE_FATAL;
	d->given += (uint64_t)n;
	d->last = *data;
	d->n_last = (size_t)n;
	return n;
}

static int
failed(struct decompress *d)
{
	const char *why = la.archive_error_string(d->archive);
	if (d->failed)
		return -1;
	return err_set(ERR_INVALID, NULL,
		"cannot decompress the stream after %" PRIu64 " bytes: %s", d->given,
		why ? why : "it is damaged");
}

static int
begin(struct decompress *d)
{
	struct archive_entry *entry;
	struct archive *a = d->archive = la.archive_read_new();
	if (!a)
		abort();
	la.archive_read_support_filter_gzip(a);
	la.archive_read_support_filter_bzip2(a);
	la.archive_read_support_filter_compress(a);
	la.archive_read_support_filter_xz(a);
	la.archive_read_support_filter_lzma(a);
	la.archive_read_support_filter_lzip(a);
	la.archive_read_support_filter_zstd(a);
	la.archive_read_support_filter_lz4(a);
	la.archive_read_support_format_raw(a);
	la.archive_read_support_format_empty(a);
	if (la.archive_read_open(a, d, NULL, give_piece, NULL) != ARCHIVE_OK)
		return failed(d);
	int r = la.archive_read_next_header(a, &entry);
	d->ended = r == ARCHIVE_EOF;
	return r == ARCHIVE_EOF || r == ARCHIVE_OK ? 0 : failed(d);
}

struct decompress *
decompress_open(stream_read_fn *read, void *self)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	if (missing[0]) {
		err_set(ERR_UNSUPPORTED, NULL, "cannot decompress the stream: %s", missing);
		err_hint("gzip is known here; for other forms install libarchive 3");
		return NULL;
	}
	struct decompress *d = calloc(1, sizeof(*d));
	if (!d)
		abort();
	d->read = read;
	d->self = self;
	if (begin(d) == 0)
		return d;
	struct err why = err;
	decompress_close(d);
	err = why;
	return NULL;
}

static bool
all_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* The compressed stream is over; the source need not be, and whoever hashes it wants all of it. */
static int
read_to_end(struct decompress *d)
{
	const void *data;
	ssize_t n;
	uint64_t used = (uint64_t)la.archive_filter_bytes(d->archive, -1);
	size_t left = used < d->given ? (size_t)(d->given - used) : 0;
	if (left > d->n_last)
		left = d->n_last;
	bool zero = all_zero(d->last + d->n_last - left, left);
	while ((n = d->read(d->self, &data)) > 0)
		zero = zero && all_zero(data, (size_t)n);
	if (n < 0)
		return -1;
	if (!zero)
		return err_set(ERR_INVALID, NULL,
			"cannot decompress the stream: something else follows its end at byte %" PRIu64,
			used);
	return 0;
}

ssize_t
decompress_read(struct decompress *d, const void **data)
{
	size_t len;
	la_int64_t offset;
	while (!d->ended) {
		int r = la.archive_read_data_block(d->archive, data, &len, &offset);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK)
			return failed(d);
		if (len)
			return (ssize_t)len;
	}
	d->ended = true;
	return read_to_end(d);
}

void
decompress_close(struct decompress *d)
{
	if (!d)
		return;
	la.archive_read_free(d->archive);
	free(d);
}
