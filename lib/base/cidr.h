/* SPDX-License-Identifier: MIT
 * Internet addresses and subnets, IPv4 and IPv6, as bytes in network order. Pure.
 */
#ifndef TACKLE_CIDR_H
#define TACKLE_CIDR_H

#include <stdbool.h>
#include <stdint.h>

struct ipaddr {
	int family; /* AF_INET or AF_INET6; 0: none */
	uint8_t b[16]; /* the first 4 for IPv4 */
};

/* An address with the length of its network's prefix: "10.1.0.1/24". */
struct cidr {
	struct ipaddr ip;
	int prefix;
};

#define IPADDR_TEXT 46 /* INET6_ADDRSTRLEN */
#define CIDR_TEXT 50

/* "10.1.0.2", "fd00::2". Returns 0, or -1 with `err` set (class invalid). */
int ipaddr_parse(const char *s, struct ipaddr *out);
/* "10.1.0.0/24". A missing length, or one that leaves no room for two hosts, is an error. */
int cidr_parse(const char *s, struct cidr *out);
/* Writes the text to out (IPADDR_TEXT, CIDR_TEXT bytes) and returns out. */
const char *ipaddr_text(const struct ipaddr *ip, char out[IPADDR_TEXT]);
const char *cidr_text(const struct cidr *c, char out[CIDR_TEXT]);

/* Bytes of an address of this family: 4 or 16. */
int ipaddr_size(const struct ipaddr *ip);
bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);
/* The network of c: the same with all host bits 0. */
struct cidr cidr_network(const struct cidr *c);
/* Whether c's host bits are all 0: then it names a network, not a host in it. */
bool cidr_is_network(const struct cidr *c);
bool cidr_contains(const struct cidr *net, const struct ipaddr *ip);
bool cidr_overlaps(const struct cidr *a, const struct cidr *b);
/* The address n above the network's own (n = 1: the first host). False when that is outside, or is
 * the broadcast address of an IPv4 network (RFC 919: all host bits 1). */
bool cidr_host(const struct cidr *net, uint64_t n, struct ipaddr *out);

#endif
