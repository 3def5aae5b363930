/* SPDX-License-Identifier: MIT
 * What a tar is made of: blocks of 512 bytes, numbers in them, and pax records. Shared by the
 * reader and the writer.
 */
#ifndef TACKLE_TAR_FORMAT_H
#define TACKLE_TAR_FORMAT_H

#include "base/buf.h"
#include "image/tar_read.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK_SIZE 512

/* The header block. Fields are text: octal numbers, names that end in NUL or at the field's end. */
struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8]; /* "ustar\0" "00", or GNU's "ustar  \0" */
	char uname[32];
	char gname[32];
	char major[8];
	char minor[8];
	union {
		char prefix[155]; /* ustar: what stands before the name and a slash */
		struct {
			char prefix[131];
			char atime[12];
			char ctime[12];
		} star;
		struct {
			char atime[12];
			char ctime[12];
			char offset[12];
			char longnames[4];
			char unused;
			char sparse[4][2][12]; /* offset and length, four times */
			char extended;
			char realsize[12];
		} gnu;
	} u;
	char rest[8];
	char star_trailer[4]; /* "tar\0" */
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK_SIZE, "a tar header is one block");

/* Sum of the block's bytes, the checksum field taken as blanks; as_signed for the sum that some old
 * writers made of signed characters. */
int64_t tar_checksum(const void *block, bool as_signed);
/* A number field: octal text, blanks and NULs around it, empty is 0; or GNU's base 256 when the
 * first bit is set. Returns 0, or -1 when it is neither. */
int tar_number(const char *field, size_t n, int64_t *out);
/* A decimal integer with nothing around it. Returns 0 or -1. */
int tar_decimal(const char *s, int64_t *out);
/* "123.456" with a fraction of any length, cut to nanoseconds. Returns 0 or -1. */
int tar_time(const char *s, struct timespec *out);

/* One span of a sparse file that has data. */
struct tar_span {
	int64_t offset;
	int64_t len;
};
struct tar_map {
	struct tar_span *v;
	size_t n, cap;
};
/* Adds a span. Returns 0, or -1 when there are more than a million. */
int tar_map_add(struct tar_map *m, int64_t offset, int64_t len);
/* Whether the spans are in order, do not overlap and lie inside size; *stored is their sum. */
bool tar_map_valid(const struct tar_map *m, int64_t size, int64_t *stored);
void tar_map_free(struct tar_map *m);

/* What the pax records of one header say. Strings point into the body that was parsed. */
struct tar_pax {
	const char *path, *linkpath, *uid, *gid, *size, *mtime; /* NULL: not said */
	const char *sparse_major, *sparse_minor, *sparse_name, *sparse_size, *sparse_realsize;
	const char *sparse_blocks, *sparse_map; /* versions 0.0 and 0.1 */
	struct tar_map spans; /* version 0.0, record by record */
	struct tar_xattr *xattr;
	size_t n_xattr, cap_xattr;
	int64_t half; /* an offset of version 0.0 that waits for its length, -1 for none */
};
/* Parses a body in place: ends of keys and values become NUL. Returns 0, or -1 when a record is
 * malformed (GNU tar manual, "Storing Sparse Files"; POSIX pax, "pax Extended Header"). */
int tar_pax_parse(struct tar_pax *p, char *body, size_t len);
/* Forgets all, keeps the memory. */
void tar_pax_reset(struct tar_pax *p);
void tar_pax_free(struct tar_pax *p);

/* Appends one record: its length, key, value, newline. */
void tar_pax_add(struct buf *out, const char *key, const void *value, size_t len);

#endif
