/* SPDX-License-Identifier: MIT
 * One repository of a registry: the pull side of the OCI distribution specification (v2 API), with
 * anonymous tokens. Which of http and https is spoken, and whether a token is needed, is found out
 * by the first request.
 *
 * Plain HTTP is spoken only to this machine itself (localhost, 127.0.0.0/8, ::1), or where
 * `insecure` allows it; everything else is https with a certificate that somebody vouches for.
 */
#ifndef TACKLE_REGISTRY_H
#define TACKLE_REGISTRY_H

#include "base/buf.h"
#include "image/fetch.h"
#include "image/ref.h"

#include <stdint.h>

struct registry_options {
	bool insecure; /* any certificate will do, and plain HTTP too, wherever the registry is */
	const char *cacert; /* NULL, or a file of certificates to trust besides the system's */
	int64_t patience; /* ns to wait for an answer */
};

struct registry;

/* The repository of a reference. Options stay the caller's. NULL with `err` set. */
struct registry *registry_open(const struct ref *r, const struct registry_options *o);
void registry_close(struct registry *g);
struct fetcher *registry_fetcher(struct registry *g);

/* Fetches a small document of the repository: `tail` is "manifests/latest", "blobs/sha256:…". One
 * step. `what` names it in messages; `accept` are header lines, NULL-terminated. Appends at most
 * `max` bytes to body. In a dry run tells it and appends nothing. */
int registry_get(struct registry *g, const char *why, const char *what, const char *tail,
	const char *const *accept, int64_t max, struct buf *body, char content_type[128]);

/* Begins a transfer of `tail`; r->max, write and self are set by the caller. */
int registry_start(struct registry *g, const char *tail, struct fetch *r);
/* Looks at a transfer that is done. 1: the answer was 200 and is whole. 0: it was begun again, with
 * a new token (once a transfer). -1 with `err` set: it failed, or was refused; `what` names it. */
int registry_check(struct registry *g, const char *what, struct fetch *r);
/* Ends a transfer of registry_start(). */
void registry_end(struct registry *g, struct fetch *r);
/* The URL of `tail`, as far as it is known before anybody was asked. Appends it. */
void registry_url(const struct registry *g, const char *tail, struct buf *out);

/* What a WWW-Authenticate header asks for (RFC 6750 section 3; distribution's token specification).
 */
struct challenge {
	char realm[512]; /* "" when it is not a Bearer challenge */
	char service[256];
	char scope[512];
	bool basic;
};
/* Reads the header's value; what is too long or malformed is left empty. Pure. */
void challenge_parse(const char *header, struct challenge *c);
/* Whether "host:port" is this machine itself. Pure: names but localhost are not looked up. */
bool host_is_loopback(const char *host);

#endif
