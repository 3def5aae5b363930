/* SPDX-License-Identifier: MIT
 * The one file that sees libmicrohttpd: a request in, an answer out.
 */
#include "http.h"

#include "apid.h"
#include "base/err.h"
#include "door/tell.h"
#include "door/tool.h"
#include "job.h"
#include "thread.h"
#include "upgrade.h"

#include <malloc.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Request line and headers, and the piece of an answer that is sent at once. More than some use. */
#define CONNECTION_MEMORY ((size_t)256 << 10)
#define PIECE ((size_t)64 << 10)
/* Documents, which are read whole; jansson needs several times as much. */
#define BODY_MAX ((size_t)4 << 20)
#define HEADERS_MAX 6
/* Of connections: fewer than that are none. */
#define CROWD 8

struct http_server {
	pthread_mutex_t lock;
	struct MHD_Daemon *daemon; /* NULL: stopped. `lock` keeps it while one is added */
	struct listener at;
};

struct exchange {
	struct MHD_Connection *conn;
	const struct listener *at;
	struct {
		const char *name;
		char *value;
	} header[HEADERS_MAX];
	unsigned n_headers;
	bool replied, too_large;
	enum MHD_Result queued;
	struct upgrade *upgrade; /* that is to come */
	struct err failed; /* before the body was read; class and message, if `refused` */
	bool refused;
};

static atomic_bool stopping;

bool
http_stopping(void)
{
	return stopping;
}

/* ---- what is asked ---- */

const char *
request_query(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->http->conn, MHD_GET_ARGUMENT_KIND, name);
}

struct each {
	const char *name;
	void (*fn)(void *self, const char *value);
	void *self;
};

static enum MHD_Result
one_value(void *self, enum MHD_ValueKind kind, const char *key, const char *value)
{
	const struct each *e = self;
	(void)kind;
	if (strcmp(key, e->name) == 0)
		e->fn(e->self, value ? value : "");
	return MHD_YES;
}

void
request_each(const struct request *r, const char *name, void (*fn)(void *self, const char *value),
	void *self)
{
	struct each e = {name, fn, self};
	MHD_get_connection_values(r->http->conn, MHD_GET_ARGUMENT_KIND, one_value, &e);
}

const char *
request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->http->conn, MHD_HEADER_KIND, name);
}

static int
socket_of(struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	return i ? i->connect_fd : -1;
}

struct pollfd
request_gone(const struct request *r)
{
	/* Over TCP the end of what it sends is all that is ever seen of a client that left; on a
	 * unix socket, and behind TLS, it may only mean that it asks nothing more. */
	short events = r->http->at->tcp && !r->http->at->cert ? POLLRDHUP : 0;
	return (struct pollfd){socket_of(r->http->conn), events, 0};
}

/* ---- what is answered ---- */

void
reply_header(struct request *r, const char *name, const char *value)
{
	struct exchange *x = r->http;
	if (x->n_headers < HEADERS_MAX) {
		x->header[x->n_headers].name = name;
		x->header[x->n_headers++].value = str_new(value);
	}
}

static int
queue(struct request *r, unsigned status, const char *type, struct MHD_Response *m)
{
	struct exchange *x = r->http;
	if (status != MHD_HTTP_SWITCHING_PROTOCOLS) {
		MHD_add_response_header(m, "Api-Version", API_VERSION);
		MHD_add_response_header(m, "Docker-Experimental", "false");
		MHD_add_response_header(m, "Ostype", "linux");
		MHD_add_response_header(m, "Server", "tacklebox/" TACKLEBOX_VERSION " (linux)");
	}
	if (type)
		MHD_add_response_header(m, "Content-Type", type);
	for (unsigned i = 0; i < x->n_headers; i++)
		MHD_add_response_header(m, x->header[i].name, x->header[i].value);
	x->queued = MHD_queue_response(x->conn, status, m);
	MHD_destroy_response(m);
	x->replied = true;
	return 0;
}

int
reply_bytes(struct request *r, unsigned status, const char *type, const void *p, size_t n)
{
	union {
		const void *in;
		void *out;
	} data = {p};
	return queue(r, status, type,
		MHD_create_response_from_buffer(n, data.out, MHD_RESPMEM_MUST_COPY));
}

/* A source whose next bytes were asked for may have let much time pass. */
static ssize_t
read_source(void *self, uint64_t at, char *p, size_t n)
{
	const struct source *s = self;
	(void)at;
	ssize_t got = s->read(s->self, p, n);
	return got > 0	   ? got
		: got == 0 ? (ssize_t)MHD_CONTENT_READER_END_OF_STREAM
			   : (ssize_t)MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
end_source(void *self)
{
	struct source *s = self;
	s->end(s->self);
	free(s);
}

int
reply_stream(struct request *r, unsigned status, const char *type, const struct source *s)
{
	struct source *copy = malloc(sizeof(*copy));
	if (!copy)
		abort();
	*copy = *s;
	MHD_set_connection_option(r->http->conn, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
	return queue(r, status, type,
		MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, PIECE, read_source, copy, end_source));
}

/* ---- connections that are no longer HTTP ---- */

static void
hang_up(void *handle)
{
	MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

static void
on_upgrade(void *self, struct MHD_Connection *conn, void *state, const char *first, size_t n,
	MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	const struct request *r = state;
	(void)conn;
	r->http->upgrade = NULL;
	upgrade_begin(self, fd, first, n, hang_up, handle);
}

int
reply_upgrade(struct request *r, const char *to, upgrade_fn *fn, void *self)
{
	struct upgrade *u = r->http->upgrade = upgrade_new(fn, self);
	struct MHD_Response *m = MHD_create_response_for_upgrade(on_upgrade, u);
	MHD_add_response_header(m, "Upgrade", to);
	return queue(
		r, MHD_HTTP_SWITCHING_PROTOCOLS, strcmp(to, "tcp") == 0 ? STREAM_TYPE : NULL, m);
}

/* ---- one exchange ---- */

static void
refuse(struct exchange *x)
{
	if (x->refused)
		return;
	x->failed = err;
	x->refused = true;
}

/* What comes for a request that is refused already is read and forgotten: a client that writes does
 * not listen. */
static void
take_body(struct request *r, const char *p, size_t n)
{
	struct exchange *x = r->http;
	if (x->refused)
		return;
	if (r->job && job_feed(r->job, p, n) < 0)
		refuse(x);
	else if (!r->job && r->body.len + n > BODY_MAX)
		x->too_large = true;
	else if (!r->job && r->route->body == BODY_WHOLE)
		buf_add(&r->body, p, n);
}

static int
answer(struct request *r)
{
	struct exchange *x = r->http;
	if (x->refused) {
		err = x->failed;
		return -1;
	}
	if (x->too_large) {
		err_set(ERR_INVALID, NULL, "the body is larger than %zu bytes", BODY_MAX);
		return reply_error(r, 413);
	}
	err_clear();
	return r->route->handle(r);
}

static struct request *
request_new(const struct listener *at, struct MHD_Connection *conn, const char *method)
{
	struct request *r = calloc(1, sizeof(*r));
	struct exchange *x = calloc(1, sizeof(*x));
	if (!r || !x)
		abort();
	*r = (struct request){.method = method, .http = x};
	*x = (struct exchange){.conn = conn, .at = at, .queued = MHD_NO};
	return r;
}

static enum MHD_Result
on_request(void *self, struct MHD_Connection *conn, const char *url, const char *method,
	const char *http, const char *data, size_t *n, void **state)
{
	struct request *r = *state;
	(void)http;
	if (!r) {
		*state = r = request_new(self, conn, method);
		if (request_begin(r, url, self) < 0)
			refuse(r->http);
		return MHD_YES;
	}
	if (*n) {
		take_body(r, data, *n);
		*n = 0;
		return MHD_YES;
	}
	if (r->http->replied)
		return r->http->queued;
	if (answer(r) < 0 && !r->http->replied)
		reply_error(r, 0);
	return r->http->queued;
}

static void
on_end(void *self, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode how)
{
	struct request *r = *state;
	(void)self;
	(void)conn;
	(void)how;
	*state = NULL;
	if (!r)
		return;
	for (unsigned i = 0; i < r->http->n_headers; i++)
		free(r->http->header[i].value);
	if (r->http->upgrade)
		upgrade_to_nobody(r->http->upgrade);
	job_free(r->job);
	if (r->kept && r->free_kept)
		r->free_kept(r->kept);
	route_free(r);
	buf_free(&r->body);
	free(r->http);
	free(r);
}

/* ---- the server ---- */

/* What threads have freed stays with the allocator (malloc_trim(3)): when most of a crowd has gone,
 * it goes back. */
static void
on_connection(void *self, struct MHD_Connection *conn, void **state,
	enum MHD_ConnectionNotificationCode what)
{
	static atomic_uint now, most;
	(void)self;
	(void)conn;
	(void)state;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		unsigned n = ++now;
		if (n > most)
			most = n;
	} else if (--now <= most / CROWD && most >= CROWD) {
		most = 0;
		malloc_trim(0);
	}
}

static void
on_log(void *self, const char *fmt, va_list ap)
{
	char line[512];
	(void)self;
	/* Clients that leave are no news. */
	if (!tell_on())
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	tool_warn("%s", line);
}

static size_t
unescape(void *self, struct MHD_Connection *conn, char *s)
{
	(void)self;
	(void)conn;
	return url_unescape(s);
}

struct http_server *
http_start(const struct listener *l)
{
	struct http_server *s = calloc(1, sizeof(*s));
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
		MHD_USE_POLL | MHD_ALLOW_UPGRADE | MHD_USE_ITC | MHD_USE_ERROR_LOG |
		(l->cert ? MHD_USE_NO_LISTEN_SOCKET : 0);
	if (!s)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	s->at = *l;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, &s->at,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_UNESCAPE_CALLBACK,
		unescape, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PATIENCE, MHD_OPTION_CONNECTION_LIMIT,
		8192U, MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK,
		l->cert ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, l->fd, MHD_OPTION_END);
	if (s->daemon)
		return s;
	free(s);
	err_set(ERR_INTERNAL, l->name, "cannot serve at %s", l->name);
	return NULL;
}

int
http_add(struct http_server *s, int fd)
{
	/* It is only counted by, and nobody is limited. */
	const struct sockaddr from = {.sa_family = AF_UNIX};
	pthread_mutex_lock(&s->lock);
	bool ok = s->daemon && MHD_add_connection(s->daemon, fd, &from, sizeof(from)) == MHD_YES;
	if (!s->daemon)
		close(fd);
	pthread_mutex_unlock(&s->lock);
	return ok ? 0 : -1;
}

void
http_stop(struct http_server *s)
{
	stopping = true;
	for (unsigned i = 0; i < 200 && upgrades_now(); i++)
		poll(NULL, 0, 10);
	pthread_mutex_lock(&s->lock);
	struct MHD_Daemon *daemon = s->daemon;
	s->daemon = NULL;
	pthread_mutex_unlock(&s->lock);
	MHD_stop_daemon(daemon);
}
