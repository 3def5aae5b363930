/* SPDX-License-Identifier: MIT
 * Between the files of net-resolve.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/dns.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- who is called what (names.c) ---- */

/* A box in a network; all texts are part of the network's file. */
struct member {
	const char *id, *names, *servers;
	struct in_addr v4;
	struct in6_addr v6;
	bool has_v6;
};

struct network_names {
	char *name; /* of the network, and of its file */
	struct in_addr gateway;
	int udp, tcp; /* sockets there; -1 while they cannot be had */
	struct member *v;
	size_t n;
	char *text;
};

/* Reads all files of the directory (an absolute path), and watches it. Returns a descriptor that
 * can be read when something has changed, or -1 with `err` set. */
int names_open(const char *dir);
/* Takes in what has changed since. The kernel notes a change before the rename(2) that makes it
 * returns: so what is answered after this call is right for whoever asks after a change. */
void names_refresh(void);
/* Reads all files again and opens no sockets: for a child, which watches nothing. */
void names_reread(void);
/* Increased whenever sockets come or go. */
extern unsigned names_generation;
/* All networks, sorted by name. */
extern struct network_names *names_all;
extern size_t names_count;
/* The one with this gateway, or NULL. */
struct network_names *names_at(struct in_addr gateway);
/* Opens sockets that are missing; true when all are there. */
bool names_listen(void);

/* ---- an answer (answer.c) ---- */

#define SERVERS_MAX 3 /* as in resolv.conf(5) */

struct servers {
	struct sockaddr_storage at[SERVERS_MAX];
	size_t n;
};

enum verdict { ANSWERED, ASK_ON, SILENCE };

/* What becomes of a message that came to this network's gateway from this address: it is answered
 * in `out`, or the servers are to be asked in its name, or it is no question. By a stream there may
 * be any number of bytes. */
enum verdict answer(const struct network_names *asked, struct in_addr from, const void *message,
	size_t n, bool stream, struct buf *out, struct servers *on);
/* That nobody could be asked. */
void answer_failure(const void *message, size_t n, struct buf *out);

/* ---- what others are asked (forward.c, stream.c) ---- */

/* What is waited for is written down anew in each round. */
struct round {
	struct pollfd *v;
	size_t n, size;
};
size_t round_add(struct round *r, int fd);

/* Asks the servers, one after the other, by UDP; `who` gets the answer from the gateway that he has
 * asked. */
void forward_begin(const struct network_names *asked, const struct sockaddr_in *who,
	const void *message, size_t n, const struct servers *on);
void forward_wait(struct round *r);
void forward_go_on(const struct round *r);
/* Milliseconds until one has waited too long; -1: none waits. */
int forward_patience(void);

/* Takes a connection, and serves it in a child. */
void stream_take(const struct network_names *asked);
/* Waits for those that have ended; how many are left. */
unsigned stream_reap(void);

#endif
