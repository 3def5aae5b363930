/* SPDX-License-Identifier: MIT
 * Questions that are handed on, each by a socket of its own: its port, which the kernel chooses,
 * and the number in it are what a forged answer would have to guess (RFC 5452).
 */
#include "resolve.h"

#include "base/auto.h"
#include "base/clock.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAITING_MAX 512
#define WAITING_EACH 128 /* one who asks without end does not keep the others from it */
#define PATIENCE (2 * INT64_C(1000000000))

static struct waiting {
	int fd; /* to the server that is asked now */
	struct in_addr gateway;
	struct sockaddr_in who;
	struct servers on;
	size_t turn;
	int64_t end;
	size_t at; /* in the round, 0: not */
	size_t n;
	uint8_t message[DNS_ROOM];
} all[WAITING_MAX];
static size_t n_all;

static void
reply(const struct waiting *w, const void *message, size_t n)
{
	const struct network_names *asked = names_at(w->gateway);
	/* A packet may be lost anywhere: here, too. */
	if (asked && asked->udp >= 0 &&
		sendto(asked->udp, message, n, MSG_NOSIGNAL, (const struct sockaddr *)&w->who,
			sizeof(w->who)) < 0)
		return;
}

static void
drop(struct waiting *w)
{
	if (w->fd >= 0)
		close(w->fd);
	*w = all[--n_all];
}

static void
give_up(struct waiting *w)
{
	auto_buf struct buf out = BUF_INIT;
	answer_failure(w->message, w->n, &out);
	if (out.len)
		reply(w, out.s, out.len);
	drop(w);
}

static int
ask(const struct sockaddr_storage *at, const void *message, size_t n)
{
	socklen_t size = at->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						   : sizeof(struct sockaddr_in);
	auto_fd int fd = socket(at->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)at, size) < 0 ||
		send(fd, message, n, MSG_NOSIGNAL) < 0)
		return -1;
	return take_fd(&fd);
}

/* The next server that can be reached at all. */
static void
ask_next(struct waiting *w)
{
	if (w->fd >= 0)
		close(take_fd(&w->fd));
	while (w->fd < 0 && w->turn < w->on.n)
		w->fd = ask(&w->on.at[w->turn++], w->message, w->n);
	w->at = 0;
	w->end = clock_ns(CLOCK_MONOTONIC) + PATIENCE;
	if (w->fd < 0)
		give_up(w);
}

static size_t
waiting_for(const struct sockaddr_in *who)
{
	size_t n = 0;
	for (size_t i = 0; i < n_all; i++)
		n += all[i].who.sin_addr.s_addr == who->sin_addr.s_addr;
	return n;
}

void
forward_begin(const struct network_names *asked, const struct sockaddr_in *who, const void *message,
	size_t n, const struct servers *on)
{
	if (n > DNS_ROOM || n_all == WAITING_MAX || waiting_for(who) >= WAITING_EACH)
		return;
	struct waiting *w = &all[n_all++];
	*w = (struct waiting){.fd = -1, .gateway = asked->gateway, .who = *who, .on = *on, .n = n};
	memcpy(w->message, message, n);
	ask_next(w);
}

void
forward_wait(struct round *r)
{
	for (size_t i = 0; i < n_all; i++)
		all[i].at = round_add(r, all[i].fd);
}

/* Whether it has been answered. What is no answer to it is taken for nothing. */
static bool
take_answer(struct waiting *w)
{
	static uint8_t data[NS_MAXMSG];
	ssize_t n = recv(w->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0) {
		/* Nobody listens there (ICMP). */
		w->end = 0;
		return false;
	}
	if (dns_code(data, (size_t)n, (uint16_t)(w->message[0] << 8 | w->message[1])) < 0)
		return false;
	reply(w, data, (size_t)n);
	return true;
}

void
forward_go_on(const struct round *r)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = n_all; i-- > 0;) {
		struct waiting *w = &all[i];
		if (w->at && r->v[w->at].revents && take_answer(w))
			drop(w);
		else if (w->end <= now)
			ask_next(w);
	}
}

int
forward_patience(void)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < n_all; i++)
		if (all[i].end < first)
			first = all[i].end;
	int64_t left = n_all ? first - clock_ns(CLOCK_MONOTONIC) : -1;
	return n_all ? (int)((left > 0 ? left : 0) / 1000000) + 1 : -1;
}
