/* SPDX-License-Identifier: MIT
 * One pass over a layer as it comes in: hash it as it is, keep it as a blob, unpack it, hash the
 * plain tar. Nothing is read twice and nothing is held but a piece at a time.
 *
 * Decompressing and unpacking run in two threads. Makes no step of its own, so several may run side
 * by side; what they make lies in places that the caller made through the door, as one step.
 */
#ifndef TACKLE_INTAKE_H
#define TACKLE_INTAKE_H

#include "image/digest.h"
#include "image/layer.h"
#include "image/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct intake {
	/* To be filled in: where the layer comes from, and how it is unpacked (all but read and
	 * plain). */
	stream_read_fn *read;
	void *self;
	struct layer_apply apply;
	/* With apply.dir -1 nothing is unpacked: the blob is only kept, and hashed both ways. */
	/* Where the blob is written, or -1. What is PACKED_OTHER is kept as a plain tar, unless
	 * `as_is`. */
	bool as_is;
	int blob;
	const char *blob_shown;

	/* What came out. */
	enum packing packing;
	char digest[DIGEST_SIZE]; /* of the blob */
	int64_t size; /* of the blob */
	char diff_id[DIGEST_SIZE]; /* of the plain tar */
	struct layer_result result;
};

/* Does it. Returns 0, or -1 with `err` set. The caller frees in->result either way. */
int intake_run(struct intake *in);
/* The media type of a layer packed so (OCI image-spec, layer.md). */
const char *packing_media_type(enum packing p);
/* Sets what an unpacking by this process must leave out: owners where it may set none, and
 * trusted.* attributes in a user namespace. */
void intake_rights(struct layer_apply *how);

#endif
