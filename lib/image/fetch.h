/* SPDX-License-Identifier: MIT
 * HTTP requests, several at a time in one thread: the one place that knows libcurl.
 *
 *	struct fetcher *f = fetcher_new(&options);
 *	struct fetch get = {.url = "https://…", .write = take, .self = &it, .max = 4 << 20};
 *	if (fetch_now(f, &get) < 0) …
 *
 * Only http and https, also behind redirects, and never from https to http. Bodies are bounded by
 * `max`. An Authorization header is not passed on when a redirect leads to another host
 * (CURLOPT_UNRESTRICTED_AUTH stays off), and what is sent to a server is never sent on behind a
 * redirect. HTTP/1.1 only: a paused HTTP/2 stream would pile up in memory what the other side keeps
 * sending; a paused connection holds it back.
 */
#ifndef TACKLE_FETCH_H
#define TACKLE_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "image/certs.h"
#include "image/fetch_head.h"

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
	const char *shown; /* what it is, for messages; NULL: the URL */
	const char *method; /* NULL: GET; HEAD, POST, PUT, PATCH */
	const char *const *headers; /* "Accept: x", NULL-terminated; may be NULL */
	const char *bearer; /* token, NULL for none; never told */
	const char *basic; /* "user:password", NULL for none; never told */
	const struct certs *certs; /* whom to trust besides; NULL */
	bool may_sign; /* the certificate of ours among them may be shown */
	int64_t max; /* a longer body is an error */
	fetch_write_fn *write;
	void *self;
	/* The first `from` bytes of the body are here already, from a try before: only the rest is
	 * asked for, and given to write. */
	int64_t from;

	/* What is sent: body_len bytes, from memory, or with body NULL from body_fd at body_at. */
	const void *body;
	int body_fd;
	int64_t body_at, body_len;

	/* What came of it, once `done`. */
	bool done;
	bool ok; /* an answer came, whole; its status may be any */
	bool passing; /* when not ok: may well go better the next time */
	struct err why; /* when not ok */
	long status; /* of HTTP */
	char content_type[128]; /* without parameters, lower case */
	struct fetch_head head;
	int64_t got; /* bytes of body, those of `from` among them */
	int64_t sent; /* bytes of our body */
	struct buf refusal; /* the body of an answer that was not asked for, its first 8 KiB */
	bool spoke_tls; /* plain HTTP was asked of a server that speaks TLS, or the reverse */

	struct fetch_state *state; /* fetch.c's own */
	struct fetch *later;
	int64_t due; /* ms */
	bool begun; /* the first piece of the body was looked at */
	int64_t skip; /* bytes that come again, and are here already */
	/* registry.c's own. */
	char *tail, *made_url;
	bool resumes; /* what a broken try brought is kept */
	bool once; /* not to be tried again by itself */
	unsigned tries; /* that failed */
	int64_t got_before; /* when the last try failed */
	unsigned auth_age; /* which token or password it was sent with */
	bool renewed; /* sent again with another one already */
};

/* What a request is called in messages. */
static inline const char *
fetch_shown(const struct fetch *r)
{
	return r->shown ? r->shown : r->url;
}

/* NULL with `err` set when libcurl cannot be set up. */
struct fetcher *fetcher_new(const struct fetch_options *o);
/* All requests are over or stopped. NULL is fine. */
void fetcher_free(struct fetcher *f);
/* Makes the waiting fetcher_poll() return. From any thread. A `wake` of queue_on_room(). */
void fetcher_wake(void *fetcher);
/* Moves all requests on; waits at most `ms` for something to happen. */
int fetcher_poll(struct fetcher *f, int ms);

/* Begins a request, `ms` from now; it goes on in fetcher_poll(). The struct stays where it is until
 * it is done and given back by fetch_free(). */
int fetch_start(struct fetcher *f, struct fetch *r, unsigned ms);
/* One that could not give its bytes away tries again. */
void fetch_resume(struct fetch *r);
/* Whether it waits for fetch_resume(). */
bool fetch_paused(const struct fetch *r);
/* Ends a request, done or not, and frees what it holds. A result stays readable, but for `refusal`
 * and head.location. */
void fetch_free(struct fetcher *f, struct fetch *r);

/* Begins a request and waits until it is done, while others go on as well. Returns 0 when an answer
 * came (of any status), or -1 with `err` set. */
int fetch_now(struct fetcher *f, struct fetch *r);

#endif
