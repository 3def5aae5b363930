/* SPDX-License-Identifier: MIT
 * What people call images, read as Docker reads it (distribution/reference):
 *
 *	alpine                     docker.io/library/alpine:latest
 *	user/app:3                 docker.io/user/app:3
 *	localhost:5000/a/b         localhost:5000/a/b:latest
 *	host/x@sha256:HEX          one manifest for ever, whatever the tags do
 *	sha256:HEX, HEX, 4b31      the image with that id, or the one whose id begins so
 *
 * Pure: what a name means in a store is looked up elsewhere (image.h).
 */
#ifndef TACKLE_REF_H
#define TACKLE_REF_H

#include "base/buf.h"
#include "image/digest.h"

/* Longest name (host and path), and longest tag, as the distribution specification has them. */
#define REF_NAME_MAX 255
#define REF_TAG_MAX 128

struct ref {
	char host[REF_NAME_MAX + 1]; /* "docker.io" where none was given; "" for an id alone */
	char path[REF_NAME_MAX + 1]; /* "library/alpine" */
	char tag[REF_TAG_MAX + 1]; /* "latest" where neither tag nor digest was given */
	char digest[DIGEST_SIZE]; /* "" unless given with a name */
	/* Hex digits of an id or of its beginning, when the text may mean one. A text such as
	 * "beef" may be both: the name is meant where there is one. */
	char id[DIGEST_HEX + 1];
};

/* Reads s. Returns 0, or -1 with `err` set (invalid) saying which part is wrong. */
int ref_parse(const char *s, struct ref *r);
/* The same for a place where a name is needed, not an id: for pulling and tagging. */
int ref_parse_name(const char *s, struct ref *r);
/* Appends the full form of a name that is to be given to an image: a digest cannot be. NULL:
 * appends nothing. Returns 0, or -1 with `err` set. */
int ref_given_name(const char *s, struct buf *out);
/* Appends the full form: "docker.io/library/alpine:3", "host/x@sha256:…". Needs a host. A tag
 * beside a digest is left out: it says nothing once the digest is given. */
void ref_full(const struct ref *r, struct buf *out);
/* Appends the repository as people know it: "alpine", "user/app", "localhost:5000/a/b". */
void ref_familiar_name(const struct ref *r, struct buf *out);
/* Appends the familiar form with tag or digest: "alpine:latest". */
void ref_familiar(const struct ref *r, struct buf *out);

#endif
