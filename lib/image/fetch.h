/* SPDX-License-Identifier: MIT
 * HTTP requests, several at a time in one thread: the one place that knows libcurl.
 *
 *	struct fetcher *f = fetcher_new(&options);
 *	struct fetch get = {.url = "https://…", .write = take, .self = &it, .max = 4 << 20};
 *	if (fetch_now(f, &get) < 0) …
 *
 * Only http and https, also behind redirects, and never from https to http. Bodies are bounded by
 * `max`. An Authorization header is not passed on when a redirect leads to another host
 * (CURLOPT_UNRESTRICTED_AUTH stays off). HTTP/1.1 only: a paused HTTP/2 stream would pile up in
 * memory what the other side keeps sending; a paused connection holds it back.
 */
#ifndef TACKLE_FETCH_H
#define TACKLE_FETCH_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetcher;

struct fetch_options {
	const char *cacert; /* file of more certificates to trust, PEM; NULL: only the system's */
	bool insecure; /* certificates are not looked at */
	int64_t patience; /* ns to wait for a connection, or for any byte to come */
};

/* Takes bytes of a body: 1 taken, 0 no room yet (fetch_resume() gives them again), -1 with `err`
 * set. */
typedef int fetch_write_fn(void *self, const void *data, size_t len);

struct fetch {
	const char *url;
	const char *const *headers; /* "Accept: x", NULL-terminated; may be NULL */
	const char *bearer; /* token, NULL for none; never told */
	int64_t max; /* a longer body is an error */
	fetch_write_fn *write;
	void *self;

	/* What came of it, once `done`. */
	bool done;
	bool ok; /* an answer came, whole; its status may be any */
	struct err why; /* when not ok */
	long status; /* of HTTP */
	char content_type[128]; /* without parameters, lower case */
	char challenge[1024]; /* WWW-Authenticate */
	int64_t got; /* bytes of body */
	struct buf refusal; /* the body of an answer other than 200, its first 8 KiB */
	bool spoke_tls; /* plain HTTP was asked of a server that speaks TLS, or the reverse */

	struct fetch_state *state; /* fetch.c's own */
	/* registry.c's own. */
	char *made_url;
	unsigned token_age; /* which token it was sent with */
	bool renewed; /* sent again with another one already */
};

/* NULL with `err` set when libcurl cannot be set up. */
struct fetcher *fetcher_new(const struct fetch_options *o);
/* All requests are over or stopped. NULL is fine. */
void fetcher_free(struct fetcher *f);
/* Makes the waiting fetcher_poll() return. From any thread. A `wake` of queue_on_room(). */
void fetcher_wake(void *fetcher);
/* Moves all requests on; waits at most `ms` for something to happen. */
int fetcher_poll(struct fetcher *f, int ms);

/* Begins a request; it goes on in fetcher_poll(). The struct stays where it is until it is done and
 * given back by fetch_free(). */
int fetch_start(struct fetcher *f, struct fetch *r);
/* One that could not give its bytes away tries again. */
void fetch_resume(struct fetch *r);
/* Whether it waits for fetch_resume(). */
bool fetch_paused(const struct fetch *r);
/* Ends a request, done or not, and frees what it holds. A result stays readable, but for `refusal`.
 */
void fetch_free(struct fetcher *f, struct fetch *r);

/* Begins a request and waits until it is done, while others go on as well. Returns 0 when an answer
 * came (of any status), or -1 with `err` set. */
int fetch_now(struct fetcher *f, struct fetch *r);

#endif
