/* SPDX-License-Identifier: MIT
 * Several layers of an image in an archive become one, without unpacking any of them.
 *
 * What a container sees stays the same. For each path the topmost layer that says something of it
 * wins, which is decided from the headers alone; then the winners' bytes go into the new layer. A
 * whiteout stays as long as a layer below has what it hides (OCI image-spec, layer.md).
 */
#ifndef TACKLE_SQUASH_H
#define TACKLE_SQUASH_H

#include "image/digest.h"
#include "image/stream.h"

#include <stdbool.h>
#include <stdint.h>

struct squash {
	int fd; /* the archive; stays the caller's */
	const char *shown; /* its name in messages */
	const char *from; /* the last layer that stays, as squash(1) has it; NULL: the first */
	const char *name; /* of the new image, in full form; NULL: it gets none */
	bool keep_history;
};

struct squashed {
	char id[DIGEST_SIZE]; /* of the new image */
	size_t layers_before, layers_after;
	int64_t before, after; /* bytes of the layers as they stand in the archives */
};

/* Reads the archive and writes the new one to `to`. A file is read where it lies, what comes by a
 * pipe or compressed is first put into a file without a name (sys_spool()). The new layer comes
 * last, after the hashes of all merged layers were found to be what the image says; so an archive
 * that was cut short by an error is one that nobody loads. In a dry run tells what it would do.
 * Returns 0, or -1 with `err` set. */
int squash(const struct squash *how, struct stream_fd *to, struct squashed *r);

#endif
