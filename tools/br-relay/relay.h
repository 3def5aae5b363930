/* SPDX-License-Identifier: MIT
 * br-relay: what hands on streams, and what hands on packets.
 */
#ifndef BR_RELAY_H
#define BR_RELAY_H

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* A port: a socket that is bound, and where what comes to it goes. */
struct port {
	int fd;
	bool udp;
	struct sockaddr_storage to;
	socklen_t to_size;
};

/* What is waited for is written down anew in each round. */
struct round {
	struct pollfd *v;
	size_t n, size;
};
/* The place of the new one. */
size_t round_add(struct round *r, int fd, short events);

/* Takes a connection, and begins one to where the port leads. */
void streams_take(const struct port *p);
/* What the streams wait for, and what came of it. */
void streams_wait(struct round *r);
void streams_go_on(const struct round *r);

/* Hands on what has come to a port; each sender has a socket of its own to the other side, and
 * what comes back there goes to him. */
void packets_take(const struct port *p);
void packets_wait(struct round *r);
void packets_go_on(const struct round *r);
/* How long until one of them has been silent for too long, in milliseconds; -1: there is none. */
int packets_expire(void);

#endif
