/* SPDX-License-Identifier: MIT
 * Writing a tar: ustar, with a pax header before an entry that ustar cannot say. The same entries
 * give the same bytes, always and everywhere: no names of users, no times but the files', records
 * in the order of their keys. Sparse files are written in GNU's pax form 1.0, which Go, GNU tar and
 * libarchive read.
 */
#ifndef TACKLE_TAR_WRITE_H
#define TACKLE_TAR_WRITE_H

#include "image/tar_format.h"

/* Start from {0} with write and self set. */
struct tar_writer {
	stream_write_fn *write;
	void *self;
	uint64_t total; /* bytes so far */
	int64_t padding; /* after the content at hand */
	struct buf out, scratch;
};

/* Begins an entry. With `map`, only those spans of a file follow as data (their sum, in order),
 * otherwise e->size bytes for a file and nothing for the others. e->offset is not used. Returns 0,
 * or -1 with `err` set. */
int tar_write_entry(struct tar_writer *w, const struct tar_entry *e, const struct tar_map *map);
/* Content of a file: any number of pieces, in all as long as was said. */
int tar_write_data(struct tar_writer *w, const void *data, size_t len);
/* Writes what was gathered: the caller puts the next `len` bytes of content there itself. */
int tar_write_around(struct tar_writer *w, uint64_t len);
/* Fills the content up to a whole block: after the last piece of every file. */
int tar_write_padding(struct tar_writer *w);
/* The two blocks of zeros at the end; what was gathered is written. */
int tar_write_end(struct tar_writer *w);
void tar_writer_free(struct tar_writer *w);

#endif
