/* SPDX-License-Identifier: MIT */
#include "ws.h"

#include "base/auto.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "door/channel.h"
#include "relay.h"
#include "thread.h"
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define CHUNK 16384
/* How long a client may take to say goodbye, in ms. */
#define GOODBYE 5000

struct web {
	upgrade_fn *fn;
	void *self;
	wslay_event_context_ptr ctx;
	int fd; /* the client */
	int plain, theirs; /* a pair: our end, and that of fn */
	const char *first; /* came behind the request */
	size_t n_first;
	char up[2 * CHUNK]; /* of messages, for fn */
	size_t n_up, at_up;
	bool data; /* the frame that comes holds some */
	bool over; /* fn has no more to say */
	int64_t end; /* by when the client has said goodbye then (CLOCK_MONOTONIC) */
};

/* ---- what wslay asks for ---- */

static ssize_t
nothing_now(wslay_event_context_ptr ctx, ssize_t n)
{
	bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
	wslay_event_set_error(ctx, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

/* No more than what fn has room for. */
static ssize_t
take(wslay_event_context_ptr ctx, uint8_t *to, size_t n, int flags, void *self)
{
	struct web *w = self;
	(void)flags;
	errno = EAGAIN;
	if (w->n_up > CHUNK)
		return nothing_now(ctx, -1);
	n = n < CHUNK ? n : CHUNK;
	if (w->n_first) {
		n = n < w->n_first ? n : w->n_first;
		memcpy(to, w->first, n);
		w->first += n;
		w->n_first -= n;
		return (ssize_t)n;
	}
	ssize_t got = recv(w->fd, to, n, MSG_DONTWAIT);
	return got > 0 ? got : nothing_now(ctx, got);
}

static ssize_t
give(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags, void *self)
{
	const struct web *w = self;
	(void)flags;
	ssize_t done = send(w->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	return done >= 0 ? done : nothing_now(ctx, done);
}

static void
on_frame(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *a,
	void *self)
{
	struct web *w = self;
	(void)ctx;
	w->data = !wslay_is_ctrl_frame(a->opcode);
}

static void
on_piece(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_chunk_arg *a,
	void *self)
{
	struct web *w = self;
	(void)ctx;
	if (!w->data || w->n_up + a->data_length > sizeof(w->up))
		return;
	memcpy(w->up + w->n_up, a->data, a->data_length);
	w->n_up += a->data_length;
}

static const struct wslay_event_callbacks callbacks = {.recv_callback = take,
	.send_callback = give,
	.on_frame_recv_start_callback = on_frame,
	.on_frame_recv_chunk_callback = on_piece};

/* ---- both ways ---- */

static void
give_plain(struct web *w)
{
	ssize_t n =
		send(w->plain, w->up + w->at_up, w->n_up - w->at_up, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	w->at_up += n > 0 ? (size_t)n : w->n_up - w->at_up; /* nobody reads: it is lost */
	if (w->at_up == w->n_up)
		w->n_up = w->at_up = 0;
}

static void
take_plain(struct web *w)
{
	uint8_t data[CHUNK];
	ssize_t n = recv(w->plain, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		const struct wslay_event_msg m = {WSLAY_BINARY_FRAME, data, (size_t)n};
		wslay_event_queue_msg(w->ctx, &m);
		return;
	}
	w->over = true;
	w->end = clock_ns(CLOCK_MONOTONIC) + (int64_t)GOODBYE * 1000000;
	wslay_event_queue_close(w->ctx, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
}

/* In ms, as poll(2) has it. */
static int
left(const struct web *w)
{
	int64_t ns = w->over ? w->end - clock_ns(CLOCK_MONOTONIC) : -1;
	return !w->over ? -1 : ns > 0 ? (int)(ns / 1000000) : 0;
}

/* False: it is over, on either side. */
static bool
step(struct web *w)
{
	bool reads = wslay_event_want_read(w->ctx) && w->n_up <= CHUNK;
	bool writes = wslay_event_want_write(w->ctx), takes = !writes && !w->over;
	/* That fn has hung up is told without being asked for: only who takes it listens. */
	struct pollfd p[] = {{w->fd, (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0},
		{takes || w->n_up ? w->plain : -1,
			(short)((takes ? POLLIN : 0) | (w->n_up ? POLLOUT : 0)), 0}};
	poll(p, 2, w->n_first && reads ? 0 : left(w));
	if (left(w) == 0)
		return false;
	if (p[0].revents & (POLLERR | POLLHUP))
		return false;
	if (((p[0].revents & POLLIN) || (w->n_first && reads)) && wslay_event_recv(w->ctx) != 0)
		return false;
	if (p[0].revents & POLLOUT && wslay_event_send(w->ctx) != 0)
		return false;
	if (w->n_up)
		give_plain(w);
	if (takes && p[1].revents & (POLLIN | POLLHUP))
		take_plain(w);
	return wslay_event_want_read(w->ctx) || wslay_event_want_write(w->ctx);
}

/* The client has left: what it sent before is for fn yet, which has some time to take it. */
static void
hand_over_rest(struct web *w)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + (int64_t)GOODBYE * 1000000;
	bool more = true;
	while (!w->over && (more || w->n_up) && clock_ns(CLOCK_MONOTONIC) < end) {
		struct pollfd p = {w->plain, POLLOUT, 0};
		if (more && w->n_up <= CHUNK) {
			size_t before = w->n_up;
			more = wslay_event_want_read(w->ctx) && wslay_event_recv(w->ctx) == 0 &&
				w->n_up > before;
		}
		if (w->n_up && poll(&p, 1, 100) > 0)
			give_plain(w);
	}
}

static void *
run(void *arg)
{
	struct web *w = arg;
	w->fn(w->self, w->theirs, "", 0);
	close(w->theirs);
	return NULL;
}

/* fn has a thread of its own, and ours knows its frames. */
static void
serve(void *self, int fd, const char *first, size_t n)
{
	struct web *w = self;
	pthread_t thread;
	w->fd = fd;
	w->first = first;
	w->n_first = n;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	bool runs = thread_start(run, w, &thread) == 0;
	if (!runs) {
		shutdown(w->plain, SHUT_RDWR); /* to fn nobody is there, and it ends */
		run(w);
	}
	while (step(w))
		;
	hand_over_rest(w);
	close(take_fd(&w->plain)); /* whereupon fn ends */
	if (runs)
		pthread_join(thread, NULL);
	wslay_event_context_free(w->ctx);
	free(w);
}

/* ---- the beginning ---- */

/* RFC 6455 section 4.2.2: a hash says that we have understood. */
static void
greet(struct request *r, const char *key)
{
	unsigned char hash[TLS_SHA1_SIZE];
	auto_buf struct buf packed = BUF_INIT;
	auto_free char *text = fmt_new("%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	tls_sha1(text, strlen(text), hash);
	base64_encode((const char *)hash, sizeof(hash), &packed);
	reply_header(r, "Sec-WebSocket-Accept", packed.s);
}

int
reply_websocket(struct request *r, upgrade_fn *fn, void *self)
{
	const char *key = request_header(r, "Sec-WebSocket-Key"),
		   *version = request_header(r, "Sec-WebSocket-Version");
	struct web *w = calloc(1, sizeof(*w));
	int pair[2];
	if (!w)
		abort();
	if (!key || !request_upgrades(r, "websocket") || !version || strcmp(version, "13") != 0) {
		free(w);
		reply_header(r, "Sec-WebSocket-Version", "13");
		return err_set(ERR_INVALID, NULL, "this is for web sockets of RFC 6455 only");
	}
	if (stream_pair(pair) < 0 || wslay_event_context_server_init(&w->ctx, &callbacks, w) != 0) {
		free(w);
		return err_set(ERR_INTERNAL, NULL, "cannot make a web socket");
	}
	wslay_event_config_set_no_buffering(w->ctx, 1);
	w->fn = fn;
	w->self = self;
	w->plain = pair[0];
	w->theirs = pair[1];
	greet(r, key);
	return reply_upgrade(r, "websocket", serve, w);
}
