/* SPDX-License-Identifier: MIT
 * Requests and replies of HTTP/1.1 (RFC 9112), as the rest of apid sees them. The library that
 * speaks it, libmicrohttpd, is seen by http.c alone: a thread per connection, so whoever handles a
 * request may wait.
 */
#ifndef APID_HTTP_H
#define APID_HTTP_H

#include "base/buf.h"
#include "base/json.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct route;
struct job;

#define PARTS_MAX 2

struct request {
	const char *method, *path; /* without "/v1.41", escapes undone */
	unsigned version; /* 141 for 1.41; the newest where the path says none */
	const struct route *route; /* NULL: there is none */
	char *part[PARTS_MAX]; /* what stands for {…} in the route */
	struct buf body; /* of routes that read it whole */
	struct job *job; /* of routes that hand it on as it comes */
	void *kept; /* what a route's begin() left for its handler */
	void (*free_kept)(void *kept);
	struct exchange *http; /* http.c's own */
};

/* A client that neither asks nor takes anything for so long is given up, in seconds. */
#define PATIENCE 120

/* Where requests come in, and what is asked of them. */
struct listener {
	int fd; /* listens already; http_start() takes it */
	bool tcp;
	char name[108]; /* path, or host:port, as it was asked for */
	/* PEM texts; NULL: no TLS (tls.h). With ca, clients must show a certificate of it. */
	const char *key, *cert, *ca;
};
struct http_server;
/* Serves from now on, in threads of its own; NULL with `err` set. What speaks TLS is not listened
 * to: its connections come by http_add(). */
struct http_server *http_start(const struct listener *l);
/* One more connection, from elsewhere: takes fd. -1 when there is no room, or it is stopped. */
int http_add(struct http_server *s, int fd);
/* Takes no more, ends what is being served, and returns when nobody is left. s stays valid, for
 * those who call http_add() in threads of their own. */
void http_stop(struct http_server *s);
/* Whether http_stop() was called: streams end then. */
bool http_stopping(void);

/* Undoes the escapes of a part of an URL, in place: its new length. "%00" stays as it is: otherwise
 * what follows it would not be seen, and "a%00b" be "a". So does what is no escape (request.c). */
size_t url_unescape(char *s);
/* Before the body is read: version, who asks, route. -1 with `err` set to refuse it (request.c). */
int request_begin(struct request *r, const char *url, const struct listener *at);

/* ---- what is asked ---- */

/* A parameter of the query, NULL when it is not there. */
const char *request_query(const struct request *r, const char *name);
/* As the API has flags: "", "0", "no", "false" and "none" are false, all else true; `otherwise`
 * when it is not there. */
bool request_flag(const struct request *r, const char *name, bool otherwise);
/* Each value of a parameter that may be there several times. */
void request_each(const struct request *r, const char *name,
	void (*fn)(void *self, const char *value), void *self);
const char *request_header(const struct request *r, const char *name);
/* Whether it wants the connection for itself, to speak that ("tcp", "websocket"). */
bool request_upgrades(const struct request *r, const char *to);
/* What to poll for besides other things: any event says that the client is gone, or we are to
 * stop. */
struct pollfd request_gone(const struct request *r);

/* ---- what is answered: each function once a request; they return 0 ---- */

/* A header of the answer to come. */
void reply_header(struct request *r, const char *name, const char *value);
/* n bytes of that type (NULL: none is said). */
int reply_bytes(struct request *r, unsigned status, const char *type, const void *p, size_t n);
/* Takes the document's reference. */
int reply_json(struct request *r, unsigned status, json_t *doc);
/* Only a status. */
int reply_empty(struct request *r, unsigned status);
/* {"message": …} for `err`, with the status of its class or of a route's own choice (0). */
int reply_error(struct request *r, unsigned status);

/* A body that is made while it is sent. */
struct source {
	/* Puts up to n bytes at p, and waits for some: how many, 0 at the end, -1 to break off. */
	ssize_t (*read)(void *self, char *p, size_t n);
	void (*end)(void *self); /* frees self */
	void *self;
};
int reply_stream(struct request *r, unsigned status, const char *type, const struct source *s);

#define STREAM_TYPE "application/vnd.docker.raw-stream"
/* What becomes of a connection that is no longer HTTP: fd is the caller's until it returns, then it
 * is closed; `first` came behind the request. Runs in a thread of its own. */
typedef void upgrade_fn(void *self, int fd, const char *first, size_t n);
int reply_upgrade(struct request *r, const char *to, upgrade_fn *fn, void *self);

#endif
