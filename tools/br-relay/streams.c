/* SPDX-License-Identifier: MIT
 * Streams: two sockets, and a buffer for each direction. The end of one direction is handed on as
 * such (shutdown(2)), for who has sent all may still be listening.
 */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

struct way {
	size_t from, to; /* what is in the buffer */
	bool ended; /* no more comes */
	bool closed; /* and that has been handed on */
	char data[CHUNK];
};

static struct stream {
	struct stream *next;
	int fd[2]; /* who came, and where it leads */
	bool connecting, dead;
	size_t at; /* of the first in the round, and the second behind it; 0: not in it yet */
	struct way way[2]; /* [0] is read from fd[0] */
} * streams;

void
streams_take(const struct port *p)
{
	int in = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (in < 0) {
		/* Out of descriptors: who waits keeps waiting, and we do not spin. */
		if (errno == EMFILE || errno == ENFILE)
			usleep(10000);
		return;
	}
	struct stream *s = calloc(1, sizeof(*s));
	int out = socket(p->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!s || out < 0 ||
		(connect(out, (const struct sockaddr *)&p->to, p->to_size) < 0 &&
			errno != EINPROGRESS)) {
		if (out >= 0)
			close(out);
		close(in);
		free(s);
		return;
	}
	s->fd[0] = in;
	s->fd[1] = out;
	s->connecting = true;
	s->next = streams;
	streams = s;
}

/* Side i is read as long as there is room for it, and written to what came from the other. */
static short
wanted(const struct stream *s, int i)
{
	const struct way *in = &s->way[i], *out = &s->way[!i];
	if (s->connecting)
		return i ? POLLOUT : 0;
	return (short)((!in->ended && in->to < CHUNK ? POLLIN : 0) |
		(out->to > out->from ? POLLOUT : 0));
}

void
streams_wait(struct round *r)
{
	for (struct stream *s = streams; s; s = s->next)
		for (int i = 0; i < 2; i++) {
			short events = wanted(s, i);
			/* That the other side is gone is told again and again, asked for or not. */
			size_t at = round_add(r, events ? s->fd[i] : -1, events);
			if (i == 0)
				s->at = at;
		}
}

static bool
again(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
read_side(struct stream *s, int i)
{
	struct way *w = &s->way[i];
	ssize_t n = recv(s->fd[i], w->data + w->to, CHUNK - w->to, 0);
	if (n > 0)
		w->to += (size_t)n;
	else if (n == 0)
		w->ended = true;
	else if (!again(n))
		s->dead = true;
}

static void
write_side(struct stream *s, int i)
{
	struct way *w = &s->way[!i];
	if (w->to > w->from) {
		ssize_t n = send(s->fd[i], w->data + w->from, w->to - w->from, MSG_NOSIGNAL);
		if (n > 0)
			w->from += (size_t)n;
		else if (!again(n))
			s->dead = true;
		if (w->from == w->to)
			w->from = w->to = 0;
	}
	if (w->ended && w->from == w->to && !w->closed) {
		shutdown(s->fd[i], SHUT_WR);
		w->closed = true;
	}
}

static void
connected(struct stream *s)
{
	int no = 0;
	socklen_t size = sizeof(no);
	s->connecting = false;
	if (getsockopt(s->fd[1], SOL_SOCKET, SO_ERROR, &no, &size) < 0 || no)
		s->dead = true;
}

static void
go_on(struct stream *s, const struct pollfd *p)
{
	if (s->connecting) {
		if (p[1].revents)
			connected(s);
		return;
	}
	for (int i = 0; i < 2; i++) {
		/* Both directions are done with, or nobody is there any more. */
		if (p[i].revents & POLLERR || (p[i].revents & POLLHUP && s->way[i].ended))
			s->dead = true;
		else if (p[i].revents & (POLLIN | POLLHUP) && s->way[i].to < CHUNK)
			read_side(s, i);
	}
	for (int i = 0; i < 2 && !s->dead; i++)
		write_side(s, i);
	s->dead = s->dead || (s->way[0].closed && s->way[1].closed);
}

void
streams_go_on(const struct round *r)
{
	for (struct stream **link = &streams, *s; (s = *link);) {
		/* Those who came in this round are not in it. */
		if (s->at)
			go_on(s, &r->v[s->at]);
		if (!s->dead) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		close(s->fd[0]);
		close(s->fd[1]);
		free(s);
	}
}
