/* SPDX-License-Identifier: MIT
 * Packets: nobody says when a conversation is over. One that has been silent for a while is, as
 * moby's proxy has it (cmd/docker-proxy, "UDPConnTrackTimeout").
 */
#include "relay.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SILENCE (90 * INT64_C(1000000000))
#define TALKS_MAX 1024

static struct talk {
	int fd; /* to where the port leads */
	const struct port *port;
	struct sockaddr_storage who;
	socklen_t who_size;
	int64_t last;
	size_t at;
} talks[TALKS_MAX];
static size_t n_talks;

static void
drop(size_t i)
{
	close(talks[i].fd);
	talks[i] = talks[--n_talks];
}

/* The one that has been silent for the longest. */
static size_t
oldest(void)
{
	size_t first = 0;
	for (size_t i = 1; i < n_talks; i++)
		if (talks[i].last < talks[first].last)
			first = i;
	return first;
}

static struct talk *
begin(const struct port *p, const struct sockaddr_storage *who, socklen_t size)
{
	int fd = socket(p->to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&p->to, p->to_size) < 0) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (n_talks == TALKS_MAX)
		drop(oldest());
	talks[n_talks] = (struct talk){.fd = fd, .port = p, .who = *who, .who_size = size};
	return &talks[n_talks++];
}

void
packets_take(const struct port *p)
{
	static char data[65536];
	struct sockaddr_storage who;
	struct talk *t = NULL;
	socklen_t size = sizeof(who);
	memset(&who, 0, sizeof(who));
	ssize_t n =
		recvfrom(p->fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&who, &size);
	if (n < 0)
		return;
	for (size_t i = 0; i < n_talks && !t; i++)
		if (talks[i].port == p && talks[i].who_size == size &&
			memcmp(&talks[i].who, &who, size) == 0)
			t = &talks[i];
	if (!t && !(t = begin(p, &who, size)))
		return;
	t->last = clock_ns(CLOCK_MONOTONIC);
	/* A packet may be lost anywhere: here, too. */
	if (send(t->fd, data, (size_t)n, MSG_NOSIGNAL) < 0)
		return;
}

void
packets_wait(struct round *r)
{
	for (size_t i = 0; i < n_talks; i++)
		talks[i].at = round_add(r, talks[i].fd, POLLIN);
}

void
packets_go_on(const struct round *r)
{
	static char data[65536];
	for (size_t i = n_talks; i-- > 0;) {
		struct talk *t = &talks[i];
		if (!t->at || !r->v[t->at].revents)
			continue;
		ssize_t n = recv(t->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN) {
			drop(i);
			continue;
		}
		t->last = clock_ns(CLOCK_MONOTONIC);
		if (n >= 0 &&
			sendto(t->port->fd, data, (size_t)n, MSG_NOSIGNAL,
				(const struct sockaddr *)&t->who, t->who_size) < 0)
			continue;
	}
}

int
packets_expire(void)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	for (size_t i = n_talks; i-- > 0;)
		if (now - talks[i].last > SILENCE)
			drop(i);
	return n_talks ? (int)((talks[oldest()].last + SILENCE - now) / 1000000 + 1) : -1;
}
