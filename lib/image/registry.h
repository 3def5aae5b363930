/* SPDX-License-Identifier: MIT
 * One repository of a registry: the OCI distribution specification (v2 API). Which of http and
 * https is spoken, and whether a token or a password is needed, is found out by the first request.
 *
 * Plain HTTP is spoken only to this machine itself (localhost, 127.0.0.0/8, ::1), or where
 * `insecure` or a mirror's URL allows it; everything else is https with a certificate that somebody
 * vouches for. Passwords and tokens go to the registry's own host, and passwords to the token
 * server that it names, if that one may have them (host_may_authorize()); nowhere else.
 */
#ifndef TACKLE_REGISTRY_H
#define TACKLE_REGISTRY_H

#include "base/buf.h"
#include "image/creds.h"
#include "image/fetch.h"
#include "image/ref.h"

#include <stdint.h>

/* Told before another try, `ms` from now. */
typedef void registry_retry_fn(void *self, const char *what, unsigned ms);

struct registry_options {
	bool insecure; /* any certificate will do, and plain HTTP too, wherever the registry is */
	const char *cacert; /* NULL, or a file of certificates to trust besides the system's */
	int64_t patience; /* ns to wait for an answer */
	int64_t retries; /* how often a request is tried again that got nowhere */
	const struct creds *creds; /* for the registry itself; NULL: what `docker login` keeps */
	const char *realm; /* a host that may have the password as well; NULL */
	registry_retry_fn *retrying; /* NULL: nobody cares */
	void *self;
};

struct registry;

/* The repository of a reference, or what a mirror of its registry has of it: mirror is a URL, NULL
 * for the registry itself. Options stay the caller's. NULL with `err` set. */
struct registry *registry_open(
	const struct ref *r, const char *mirror, const struct registry_options *o);
void registry_close(struct registry *g);
/* The registry itself, of a mirror of it: for what the mirror lacks. Its requests go with the
 * mirror's, and it ends with it. NULL where g is no mirror, or with `err` set. */
struct registry *registry_origin(struct registry *g);
struct fetcher *registry_fetcher(struct registry *g);
/* How to say in a script that we are known: " -H \"Authorization: …\"" with a variable; "". */
const char *registry_tell_auth(const struct registry *g);

/* Fetches a small document of the repository: `tail` is "manifests/latest", "blobs/sha256:…". One
 * step. `what` names it in messages; `accept` are header lines, NULL-terminated. Appends at most
 * `max` bytes to body. In a dry run tells it and appends nothing. */
int registry_get(struct registry *g, const char *why, const char *what, const char *tail,
	const char *const *accept, int64_t max, struct buf *body, char content_type[128]);
/* Asks whether the registry answers us at all (`GET /v2/`): of a reference without a path. One
 * step. -1 with `err` set, denied when it does not know us. */
int registry_ping(struct registry *g, const char *why);
/* Sends a small document there. One step. When the registry says what it took it for, that must be
 * `digest`. */
int registry_put(struct registry *g, const char *why, const char *what, const char *tail,
	const char *type, const char *digest, const char *text, size_t len);

/* Begins a transfer of `tail`; r->max, write and self, or method and body, are set by the caller.
 */
int registry_start(struct registry *g, const char *tail, struct fetch *r);
/* The same, `ms` from now, of a whole URL as registry_place() gives it. It goes without token and
 * password if it leads to another host. */
int registry_start_at(struct registry *g, const char *url, unsigned ms, struct fetch *r);
/* Looks at a transfer that is done. 1: there is an answer, see r->status. 0: it was begun again:
 * with another token (once a transfer), or because it broke or the server was at a loss (bounded by
 * options and r->once). -1 with `err` set. `what` names it. */
int registry_settle(struct registry *g, const char *what, struct fetch *r);
/* The same where nothing but 200 will do. */
int registry_check(struct registry *g, const char *what, struct fetch *r);
/* Sets `err` for an answer of another status than was hoped for. Returns -1. */
int registry_refused(const struct registry *g, const char *what, const struct fetch *r);
/* How long to wait before the try after `tries` failed ones, in ms. */
unsigned registry_pause(const struct fetch *r, unsigned tries);
/* Ends a transfer, done or not. */
void registry_end(struct registry *g, struct fetch *r);
/* Where an answer says to go on (its Location), as a whole URL. -1 with `err` set when it says
 * nothing, or leads from https to http. */
int registry_place(
	const struct registry *g, const char *what, const struct fetch *r, struct buf *url);

/* Appends the URL of `tail`. */
void registry_url(const struct registry *g, const char *tail, struct buf *out);
/* Whether plain HTTP may be spoken to a host, for what a manifest says to get from there. */
bool registry_allows_url(const struct registry *g, const char *url);

/* How many layers travel at once: `wanted`, or for 0 as many as there are processors, 2 to 4. One
 * when steps are told or made to fail: threads and steps do not mix there, nor in the count of
 * faults. */
unsigned registry_side_by_side(unsigned wanted);

#endif
