/* SPDX-License-Identifier: MIT
 * Messages of the Domain Name System (RFC 1035, section 4): questions are read, and answers are
 * made, as far as a server of local names needs it. The C library's ns_initparse(3) checks the
 * bounds. Pure.
 */
#ifndef TACKLE_DNS_H
#define TACKLE_DNS_H

#include "base/buf.h"

#include <arpa/nameser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message by UDP of who has not said more (RFC 1035, 2.3.4), and the most that we say at once,
 * which no path on the way divides (DNS flag day 2020). */
#define DNS_SMALL 512
#define DNS_ROOM 1232

struct dns_question {
	char name[NS_MAXDNAME]; /* without the dot at its end; "." is the root */
	unsigned type, class;
	size_t end; /* of the question in its message */
	size_t room; /* for an answer by UDP, in bytes */
	bool edns; /* RFC 6891: the answer says so as well */
};

/* Reads the one question of a message. Returns ns_r_noerror, the code that such a message is to be
 * answered with (ns_r_formerr, ns_r_notimpl), or -1 when it is no question at all. */
int dns_question(const void *message, size_t n, struct dns_question *q);

/* Begins the answer to it in `out`, which is empty: its number, its question (unless the code is
 * ns_r_formerr), and no record yet. The message has 12 bytes at least. */
void dns_answer(const void *message, const struct dns_question *q, int code, struct buf *out);
/* One record more of the name that was asked for. It is not to be kept (its time to live is 0):
 * names of boxes change. */
void dns_add(struct buf *out, unsigned type, const void *data, size_t n);
/* The same for one that is a name (PTR); nothing for what is none. */
void dns_add_name(struct buf *out, unsigned type, const char *name);
/* Ends it. What is longer than `limit` loses its records and says that it was cut. */
void dns_end(const struct dns_question *q, size_t limit, struct buf *out);

/* The code of an answer with that number; -1 when it is none. */
int dns_code(const void *message, size_t n, uint16_t id);

/* The address in the name of a reverse question ("1.0.0.10.in-addr.arpa", "….ip6.arpa"): 4 or 16
 * bytes, how many is returned; 0 when it is no such name. */
size_t dns_reverse(const char *name, uint8_t address[16]);

#endif
