/* SPDX-License-Identifier: MIT
 * Decompression of whatever form, by libarchive: the one place that knows it.
 *
 * It is asked for decompression only (its "raw" format). Its tar reader is not used: it folds the
 * names of pax headers to Unicode's form C, cuts them at a NUL, and takes unknown entries for
 * files; a layer's names are bytes, and its digest covers all of them. See tar_read.h.
 *
 * Nearly all layers are gzip, and do without it (inflate.h). With all that it needs (XML, Unicode,
 * a C++ library) it takes 2 MB and a millisecond of every start, so it is loaded when the first
 * stream wants it (dlopen(3)).
 */
#ifndef TACKLE_DECOMPRESS_H
#define TACKLE_DECOMPRESS_H

#include "image/stream.h"

struct decompress;

/* Decompresses what the source gives, a form that its first bytes show. NULL with `err` set:
 * libarchive is not there (unsupported), or the stream is damaged (invalid). */
struct decompress *decompress_open(stream_read_fn *read, void *self);
/* The next plain piece, valid until the next call. Its length; 0 at the end, when the source was
 * read to its end, too; -1 with `err` set. */
ssize_t decompress_read(struct decompress *d, const void **data);
/* NULL is fine. */
void decompress_close(struct decompress *d);

#endif
