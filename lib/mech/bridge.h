/* SPDX-License-Identifier: MIT
 * A bridge as br-setup makes it: what it is for stands in its alias, so the kernel itself keeps
 * the record, and it cannot outlive the bridge.
 */
#ifndef TACKLE_BRIDGE_H
#define TACKLE_BRIDGE_H

#include "base/buf.h"
#include "base/cidr.h"
#include "mech/net_link.h"

#include <stdbool.h>

struct bridge {
	char name[IFNAMSIZ];
	int index;
	unsigned mtu; /* 0: the kernel's default, 1500 */
	struct cidr v4, v6; /* address of the bridge in its subnets; family 0: none */
	bool internal, no_icc;
	/* How no_icc is kept: the kernel filters frames between ports as it does packets
	 * (br_netfilter), or, where it cannot, the ports are isolated. Isolation alone would do,
	 * were it not that with br_netfilter the answers of published ports are then lost, when the
	 * kernel takes a short cut from port to port behind the address translation. */
	bool isolate;
};

/* Whether a name can be a bridge's: letters, digits, _ . - and at most 15 bytes (IFNAMSIZ). */
int bridge_check_name(const char *name);
/* Reads the bridge called name. Returns 0, or -1 with `err` set: not-found, or invalid when it is
 * none of ours. */
int bridge_find(struct net *n, const char *name, struct bridge *out);
/* The alias that bridge_find() reads: "tacklebox:10.1.0.1/24,fd00::1/64,internal,no-icc". */
void bridge_alias(const struct bridge *b, char out[256]);

/* A subnet that no route of this namespace goes to, from 10.88.0.0/16 in steps of /24. -1 with
 * `err` set when all are taken (no-space). */
int bridge_choose_subnet(struct net *n, struct cidr *out);
/* Refuses a subnet that an existing route overlaps (conflict). */
int bridge_check_subnet(struct net *n, const struct cidr *c);

/* Address of an interface made from an IP address: 02:42 + the last four bytes. Locally
 * administered (IEEE 802), the same each time, so that no neighbour keeps a stale one when an
 * address comes back. */
void bridge_mac(const struct ipaddr *ip, uint8_t mac[6]);

/* The IPv6 address that goes with an IPv4 one of the bridge: the same host part, so that one lease
 * serves both. */
void bridge_v6_of(const struct bridge *b, const struct ipaddr *v4, struct cidr *out);

/* The nft script that sets up the table of b, all in one transaction; and its name. */
void bridge_rules(const struct bridge *b, struct buf *out);
void bridge_table(const char *name, struct buf *out);

#endif
