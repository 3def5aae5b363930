/* SPDX-License-Identifier: MIT
 * Bytes that come in pieces, and their decompression.
 */
#ifndef TACKLE_STREAM_H
#define TACKLE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Gives the next piece of a stream: *data points to it until the next call. Returns its length,
 * 0 at the end, -1 with `err` set (the stream is then given up, and the message is passed on). */
typedef ssize_t stream_read_fn(void *self, const void **data);
/* Takes a piece: all of it. Returns 0, or -1 with `err` set. */
typedef int stream_write_fn(void *self, const void *data, size_t len);

/* A descriptor as a stream. Zero it, set fd and shown. */
struct stream_fd {
	int fd;
	const char *shown; /* its name in messages: "standard input" */
	uint64_t total; /* bytes read or written so far */
	void *buffer; /* made by the first read, freed by stream_fd_free() */
};
stream_read_fn stream_fd_read;
stream_write_fn stream_fd_write;
void stream_fd_free(struct stream_fd *f);

/* Memory as a stream: all of it is the one piece. */
struct stream_memory {
	const void *data;
	size_t len;
};
stream_read_fn stream_memory_read;

/* How a stream is packed, by its first bytes; what it is said to be is not believed. */
enum packing {
	PACKED_NOT, /* a plain tar, we suppose */
	PACKED_GZIP,
	PACKED_ZSTD,
	PACKED_OTHER, /* bzip2, xz, lz4 …: no media type of OCI's for it */
};

/* As many bytes as tell one from the other. */
#define PACKING_HEAD 8

/* How what begins with these bytes is packed: the first PACKING_HEAD, or all that there is. */
enum packing packing_of(const void *head, size_t len);
/* Whether it is compressed at all. */
bool stream_packed(const void *head, size_t len);

/* Opens a stream that may be compressed: gzip, bzip2, xz, lzma, lzip, zstd, lz4 and compress are
 * known by their first bytes; everything else comes out as it went in. Never runs a program, as
 * libarchive would for rarer forms: what decompresses a stranger's image is never looked up in
 * PATH. The source is read to its end; what follows a compressed stream other than zeros is an
 * error. Never NULL. */
struct stream *stream_open(stream_read_fn *read, void *self);
/* The next plain piece; self is the struct stream. */
stream_read_fn stream_read;
/* NULL is fine. */
void stream_close(struct stream *s);

#endif
