/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "relay.h"
#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 16384 /* a record of TLS holds no more */
#define HANDSHAKE_MS 15000

struct front {
	const struct listener *at;
	struct http_server *server;
	gnutls_certificate_credentials_t creds;
};

/* One connection. */
struct wire {
	const struct front *front;
	gnutls_session_t tls;
	int fd; /* of TLS */
	int plain; /* our end of the pair */
	char up[CHUNK], down[CHUNK]; /* from the client, and for it */
	size_t n_up, at_up, n_down, at_down;
	bool up_done; /* the client sends no more */
	bool down_done; /* there is no more for it */
	bool bye; /* which it is to be told yet */
};

/* ---- the beginning ---- */

static gnutls_datum_t
datum(const char *pem)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
}

static int
read_certificates(struct front *f)
{
	const gnutls_datum_t cert = datum(f->at->cert), key = datum(f->at->key);
	int r = gnutls_certificate_allocate_credentials(&f->creds);
	if (r == 0)
		r = gnutls_certificate_set_x509_key_mem(f->creds, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (r < 0)
		return err_set(ERR_INVALID, f->at->name,
			"cannot use the certificate and its key: %s", gnutls_strerror(r));
	if (!f->at->ca)
		return 0;
	const gnutls_datum_t ca = datum(f->at->ca);
	r = gnutls_certificate_set_x509_trust_mem(f->creds, &ca, GNUTLS_X509_FMT_PEM);
	if (r > 0)
		return 0;
	return err_set(ERR_INVALID, f->at->name, "cannot use the certificates of --tlscacert: %s",
		r < 0 ? gnutls_strerror(r) : "there are none");
}

/* Whoever shows no certificate, or one that nobody vouches for, is refused here already. */
static int
shake_hands(struct wire *w)
{
	int r = gnutls_init(&w->tls, GNUTLS_SERVER);
	if (r < 0)
		return -1;
	gnutls_set_default_priority(w->tls);
	gnutls_credentials_set(w->tls, GNUTLS_CRD_CERTIFICATE, w->front->creds);
	gnutls_transport_set_int(w->tls, w->fd);
	gnutls_handshake_set_timeout(w->tls, HANDSHAKE_MS);
	if (w->front->at->ca) {
		gnutls_certificate_server_set_request(w->tls, GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert(w->tls, NULL, 0);
	}
	do
		r = gnutls_handshake(w->tls);
	while (r < 0 && !gnutls_error_is_fatal(r));
	if (r < 0)
		gnutls_alert_send_appropriate(w->tls, r);
	return r;
}

/* ---- both ways ---- */

static bool
transient(ssize_t r)
{
	return r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED || r == GNUTLS_E_REHANDSHAKE;
}

/* False: it is gone, without a word. */
static bool
take_from_client(struct wire *w)
{
	ssize_t n = gnutls_record_recv(w->tls, w->up, sizeof(w->up));
	if (n < 0)
		return transient(n);
	w->n_up = (size_t)n;
	w->at_up = 0;
	if (n == 0) {
		w->up_done = true;
		shutdown(w->plain, SHUT_WR);
	}
	return true;
}

static bool
give_plain(struct wire *w)
{
	ssize_t n = send(w->plain, w->up + w->at_up, w->n_up - w->at_up, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	w->at_up += (size_t)n;
	if (w->at_up == w->n_up)
		w->n_up = w->at_up = 0;
	return true;
}

/* What was not taken is to be given again just as it was (gnutls_record_send(3)). */
static bool
give_to_client(struct wire *w)
{
	ssize_t n = gnutls_record_send(w->tls, w->down + w->at_down, w->n_down - w->at_down);
	if (n < 0)
		return transient(n);
	w->at_down += (size_t)n;
	if (w->at_down == w->n_down)
		w->n_down = w->at_down = 0;
	return true;
}

static void
say_bye(struct wire *w)
{
	w->bye = transient(gnutls_bye(w->tls, GNUTLS_SHUT_WR));
}

static bool
take_plain(struct wire *w)
{
	ssize_t n = recv(w->plain, w->down, sizeof(w->down), 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	w->n_down = (size_t)n;
	w->at_down = 0;
	if (n > 0)
		return give_to_client(w);
	w->down_done = true;
	say_bye(w);
	return true;
}

/* Whether something is on its way to the client. */
static bool
gives(const struct wire *w)
{
	return w->n_down || w->bye;
}

/* Of a client that has said it sends no more, the end of its connection is to be seen yet. That who
 * speaks HTTP has hung up is told by poll(2) without being asked for: it is not listened to while
 * the client has not taken what came before. */
static void
ask(const struct wire *w, struct pollfd p[2])
{
	bool take = !w->up_done && !w->n_up;
	p[0] = (struct pollfd){w->fd,
		(short)((take ? POLLIN : 0) | (gives(w) ? POLLOUT : 0) |
			(w->up_done ? POLLRDHUP : 0)),
		0};
	p[1] = (struct pollfd){gives(w) && !w->n_up ? -1 : w->plain,
		(short)((w->n_down || w->down_done ? 0 : POLLIN) | (w->n_up ? POLLOUT : 0)), 0};
}

/* False: it is over. */
static bool
step(struct wire *w)
{
	struct pollfd p[2];
	bool take = !w->up_done && !w->n_up, waiting = take && gnutls_record_check_pending(w->tls);
	ask(w, p);
	if (poll(p, 2, waiting ? 0 : -1) < 0)
		return true;
	if (p[0].revents & POLLERR || (w->up_done && p[0].revents & (POLLHUP | POLLRDHUP)))
		return false;
	if (w->n_down && p[0].revents & (POLLOUT | POLLHUP) && !give_to_client(w))
		return false;
	if (w->bye && p[0].revents & (POLLOUT | POLLHUP))
		say_bye(w);
	if (take && (waiting || p[0].revents & (POLLIN | POLLHUP)) && !take_from_client(w))
		return false;
	if (w->n_up && !give_plain(w))
		return false;
	if (!w->n_down && !w->down_done && p[1].revents & (POLLIN | POLLHUP) && !take_plain(w))
		return false;
	/* Who speaks HTTP has hung up, and nothing of that is on its way any more. */
	return !(w->down_done && !w->bye && p[1].revents & POLLHUP);
}

/* ---- connections ---- */

static void
set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void
pass_on(struct wire *w)
{
	int pair[2];
	if (stream_pair(pair) < 0)
		return;
	w->plain = pair[0];
	if (http_add(w->front->server, pair[1]) < 0)
		return;
	set_nonblocking(w->fd);
	set_nonblocking(w->plain);
	while (step(w))
		;
	close(take_fd(&w->plain));
	if (w->down_done)
		relay_finish(w->fd);
}

static void *
serve(void *arg)
{
	struct wire *w = arg;
	if (shake_hands(w) == 0)
		pass_on(w);
	if (w->plain >= 0)
		close(w->plain);
	gnutls_deinit(w->tls);
	close(w->fd);
	free(w);
	return NULL;
}

static void
begin(const struct front *f, int fd)
{
	struct wire *w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	w->front = f;
	w->fd = fd;
	w->plain = -1;
	if (thread_start(serve, w, NULL) == 0)
		return;
	close(fd);
	free(w);
}

static void *
accept_all(void *arg)
{
	const struct front *f = arg;
	for (;;) {
		int fd = accept4(f->at->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			begin(f, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			poll(NULL, 0, 100); /* until somebody has left */
	}
	return NULL;
}

int
tls_start(const struct listener *l, struct http_server *s)
{
	struct front *f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->at = l;
	f->server = s;
	if (read_certificates(f) == 0 && thread_start(accept_all, f, NULL) == 0)
		return 0;
	free(f);
	return -1;
}

void
tls_sha1(const char *p, size_t n, unsigned char hash[TLS_SHA1_SIZE])
{
	gnutls_hash_fast(GNUTLS_DIG_SHA1, p, n, hash);
}
