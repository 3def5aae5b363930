/* SPDX-License-Identifier: MIT
 * Inside the tar reader: its state, and what its three parts ask of each other. tar_read.c takes
 * blocks from the stream, tar_fields.c reads a header, tar_sparse.c the maps of sparse files.
 */
#ifndef TACKLE_TAR_READER_H
#define TACKLE_TAR_READER_H

#include "image/tar_format.h"

struct tar_reader {
	stream_read_fn *read;
	tar_skip_fn *pass_over; /* NULL: what is skipped is read */
	void *self;
	const char *p; /* what is left of the piece at hand */
	size_t n;
	uint64_t offset; /* of p in the tar */
	uint64_t header; /* offset of the header at hand, for messages */
	char block[TAR_BLOCK_SIZE]; /* a block that lies across two pieces */
	struct tar_header h;
	int64_t left; /* stored bytes of the entry that were not given yet */
	int64_t padding; /* after them */
	int64_t span_done; /* bytes given of map.v[span] */
	size_t span;
	struct tar_map map; /* where the stored bytes belong */
	struct buf pax_body, longname, longlink;
	bool have_pax, have_name, have_link;
	struct tar_pax pax;
	char name[sizeof(((struct tar_header *)0)->u.prefix) + 102];
	char link[101];
};

/* The tar is not one, or not one we may guess about: "cannot read the tar at byte N: WHAT". Both
 * always return -1. */
int tar_bad(const struct tar_reader *r, const char *what);
int tar_bad_entry(const struct tar_reader *r, const struct tar_entry *e, const char *what);
int tar_truncated(const struct tar_reader *r);
/* The next whole block, in place where it lies in one piece, until the next call. Returns 1, 0 at
 * the end of the stream (before its first byte), -1. */
int tar_block(struct tar_reader *r, const char **block);

enum tar_dialect { TAR_V7, TAR_USTAR, TAR_STAR, TAR_GNU };
enum tar_dialect tar_dialect_of(const struct tar_header *h);
/* Reads r->h with what special headers said before it, all but sparse maps. 0 or -1. */
int tar_read_fields(struct tar_reader *r, struct tar_entry *e);
/* Reads the map of a sparse file into r->map, and its real size and name, where the entry is one;
 * *sparse says so. `flag` is the type in the header. 0 or -1. */
int tar_read_map(struct tar_reader *r, struct tar_entry *e, char flag, bool *sparse);

#endif
