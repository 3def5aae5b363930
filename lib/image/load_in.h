/* SPDX-License-Identifier: MIT
 * Inside of load*.c: the members of an archive as they were found (load_read.c), the images made of
 * them (load_image.c), and how these get into the store (load.c).
 */
#ifndef TACKLE_LOAD_IN_H
#define TACKLE_LOAD_IN_H

#include "image/archive.h"
#include "image/arrive.h"
#include "image/image.h"
#include "image/load.h"
#include "image/names.h"

struct member {
	enum {
		MEMBER_NONE,
		MEMBER_TEXT, /* JSON, in memory */
		MEMBER_LAYER, /* taken in: `layer` */
		MEMBER_HERE, /* a layer that the store has: its content was not looked at */
		MEMBER_LINK, /* the same as another member */
		MEMBER_OTHER, /* passed over */
	} kind;
	char digest[DIGEST_SIZE]; /* of text, layer and what is here */
	int64_t size;
	enum packing packing;
	struct buf text;
	char *link; /* name of the other member */
	struct arrival *layer;
};

struct haul {
	struct store *s;
	const struct load *how;
	struct names names; /* of the members, in the order of v */
	struct member *v;
	size_t n, cap;
	size_t text_bytes;
	struct loads *out;
};

/* Reads the whole archive. */
int haul_read(struct haul *h);
/* Frees; what was not used of the store's temporaries is removed first by haul_drop(). */
int haul_drop(struct haul *h);
void haul_free(struct haul *h);

/* The member of a name, through links; NULL when there is none. */
struct member *haul_member(struct haul *h, const char *name);
/* The member with that content, a text or a layer as said; NULL when there is none. */
struct member *haul_digest(struct haul *h, const char *digest, bool text);

/* An image on its way. */
struct load_image {
	struct image img;
	struct buf config, manifest;
	char **names; /* full form */
	size_t n_names;
};
struct load_images {
	struct load_image *v;
	size_t n, cap;
};
/* Puts the images of the archive together. Layers are only named yet. */
int load_images_find(struct haul *h, struct load_images *out);
void load_images_free(struct load_images *l);

#endif
