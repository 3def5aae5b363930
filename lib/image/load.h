/* SPDX-License-Identifier: MIT
 * Images out of an archive into the store: what `docker save` writes, with and without an OCI
 * layout inside, and OCI archives.
 *
 * The archive is read once, from a pipe if need be. Nobody knows in what order its members come, so
 * each that looks like a layer is kept, unpacked and hashed as it goes by, and what describes is
 * kept in memory; at the end the images are put together, by the digests that were seen and not
 * those that were said. A layer's member that the store has already, by name and size, is passed
 * over.
 */
#ifndef TACKLE_LOAD_H
#define TACKLE_LOAD_H

#include "image/digest.h"
#include "image/platform.h"
#include "image/store.h"

struct load {
	int fd; /* the archive, in any compression; stays the caller's */
	const char *shown; /* its name in messages */
	const struct platform *platform; /* of an image for several machines; NULL: this machine */
};

/* One image that was loaded. */
struct loaded {
	char id[DIGEST_SIZE];
	char digest[DIGEST_SIZE]; /* of its manifest */
	char **names; /* full form */
	size_t n_names; /* 0: the archive gives it no name */
};

struct loads {
	struct loaded *v;
	size_t n;
	char warning[512]; /* the first thing that was left out, "" for none */
};

/* Does it. All images of the archive or, after an error, none is entered by name, but for an error
 * while entering: then those before it are. In a dry run tells what can be told without reading.
 * The store is prepared already. Free the result either way. */
int images_load(struct store *s, const struct load *how, struct loads *out);
void loads_free(struct loads *l);

#endif
