/* SPDX-License-Identifier: MIT
 * A root file system's tar becomes an image of one layer.
 */
#ifndef TACKLE_IMPORT_H
#define TACKLE_IMPORT_H

#include "image/config.h"
#include "image/digest.h"
#include "image/store.h"

struct import {
	int fd; /* the tar, in any compression; stays the caller's */
	const char *shown; /* its name in messages */
	const char *name; /* full reference, NULL: none */
	const char *comment; /* for the history */
	struct platform platform;
	struct config_changes changes;
	const struct strlist *words; /* further ones, see config_words() */
};

/* What came of it. */
struct imported {
	char id[DIGEST_SIZE]; /* of the image: the digest of its config; "" in a dry run */
	char digest[DIGEST_SIZE]; /* of its manifest */
	char warning[512]; /* the first thing of the tar that was left out, "" for none */
};

/* Reads the tar once: the blob is kept, unpacked and hashed while it goes by. Then config, manifest
 * and name are entered. In a dry run tells what can be told without reading. The store is prepared
 * already. */
int image_import(struct store *s, const struct import *im, struct imported *out);

#endif
