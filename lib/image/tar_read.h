/* SPDX-License-Identifier: MIT
 * Reading a tar: ustar (POSIX 1003.1-1988), pax (2001), GNU (long names, sparse files, large
 * numbers), star and v7, as Go's archive/tar reads them, because that is what other container
 * engines see in the same bytes. What is damaged or cannot be told is an error that names the
 * offset, never a guess. Pure: makes nothing, asks the stream for bytes only.
 *
 * Memory is bounded whatever the tar says: a header's extensions by 1 MiB, a sparse file's map by
 * a million entries.
 */
#ifndef TACKLE_TAR_READ_H
#define TACKLE_TAR_READ_H

#include "image/stream.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct tar_map;

/* An attribute; its value may hold any bytes. */
struct tar_xattr {
	const char *name;
	const void *value;
	size_t len;
};

/* What an entry is: the type flags of ustar. Others are given as one of these, or refused. */
enum tar_type {
	TAR_FILE = '0',
	TAR_LINK = '1',
	TAR_SYMLINK = '2',
	TAR_CHAR = '3',
	TAR_BLOCK = '4',
	TAR_DIR = '5',
	TAR_FIFO = '6',
};

/* One entry. The strings are the reader's, valid until the next tar_next(). */
struct tar_entry {
	enum tar_type type;
	const char *name; /* as it stands in the tar: "./a", "/a", "a/../b" */
	const char *link; /* target of a symlink or hard link */
	mode_t mode; /* permission bits only: 07777 */
	int64_t uid, gid;
	struct timespec mtime;
	int64_t size; /* of the file, with its holes */
	int64_t major, minor;
	const struct tar_xattr *xattr;
	size_t n_xattr;
	uint64_t offset; /* of its header in the tar */
};

/* Begins to read. Never NULL. */
struct tar_reader *tar_open(stream_read_fn *read, void *self);
/* For a stream that can be sought in: passes over n bytes beyond the last piece that was read.
 * False when there are not so many. `self` is that of tar_open(). */
typedef bool tar_skip_fn(void *self, int64_t n);
void tar_set_skip(struct tar_reader *r, tar_skip_fn *pass_over);
/* The next entry. Returns 1, 0 at the end (the stream has then been read to its end, and nothing
 * but zeros follows the archive), -1 with `err` set. */
int tar_next(struct tar_reader *r, struct tar_entry *e);
/* The next piece of a file's content, and where in the file it belongs; holes are skipped. Returns
 * its length, 0 at the end, -1 with `err` set. What is not asked for is skipped by tar_next(). */
ssize_t tar_data(struct tar_reader *r, const void **data, int64_t *offset);
/* Where the content of the entry at hand belongs, if it is a file with holes; NULL otherwise. Valid
 * until the next tar_next(). */
const struct tar_map *tar_sparse_map(const struct tar_reader *r, const struct tar_entry *e);
/* Bytes of the tar taken so far. */
uint64_t tar_offset(const struct tar_reader *r);
/* NULL is fine. */
void tar_close(struct tar_reader *r);

#endif
