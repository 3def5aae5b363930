/* SPDX-License-Identifier: MIT
 * gzip (RFC 1952) at twice zlib's speed, by ISA-L, where it is there to build with. Most layers are
 * gzip, and inflating is the largest part of a pull. stream.c uses it, and decompress.h where there
 * is none.
 */
#ifndef TACKLE_INFLATE_H
#define TACKLE_INFLATE_H

#include <sys/types.h>

struct inflate;
/* As stream.h has it: the next piece of the source. */
typedef ssize_t inflate_source_fn(void *self, const void **data);

/* Decompresses what the source gives: one gzip member or several, then nothing but zeros. NULL
 * where this build has no ISA-L. */
struct inflate *inflate_open(inflate_source_fn *read, void *self);
/* The next plain piece, valid until the next call. Its length; 0 at the end, when the source was
 * read to its end, too; -1 with `err` set. */
ssize_t inflate_read(struct inflate *f, const void **data);
/* NULL is fine. */
void inflate_close(struct inflate *f);

#endif
