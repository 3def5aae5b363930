/* SPDX-License-Identifier: MIT
 * Links, addresses and routes over rtnetlink(7): the one file that sees libnl. A struct net speaks
 * to the network namespace in which it was opened, wherever the process goes afterwards.
 */
#ifndef TACKLE_NET_LINK_H
#define TACKLE_NET_LINK_H

#include "base/cidr.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net;

/* Opens a netlink socket in the current network namespace. NULL with `err` set on failure. */
struct net *net_open(void);
void net_close(struct net *n);

/* A link as the kernel describes it. */
struct net_link_info {
	int index;
	char kind[16]; /* "bridge", "veth" …; "" for hardware */
	char alias[256];
	unsigned mtu;
	uint8_t mac[6];
};
/* Looks one up by name. Returns 0, or -1 with `err` set (not-found). Not a step. */
int net_link_get(struct net *n, const char *name, struct net_link_info *out);
/* Addresses of a link, at most max; returns how many, or -1 with `err` set. */
int net_link_addrs(struct net *n, int index, struct cidr *out, int max);
/* Destinations of all IPv4 and IPv6 routes of the main table, default routes left out: what a new
 * subnet must not overlap. Allocated; the caller frees *out. */
int net_routes(struct net *n, struct cidr **out, int *count);

/* Whether the namespace has a default route of this family. */
bool net_has_default(struct net *n, int family);

/* Each of these is one step (and is undone on failure if it made something). */

/* filter: packet rules see also what goes from port to port (ip-link(8), nf_call_iptables). */
int net_bridge_add(struct net *n, const char *why, const char *name, const uint8_t mac[6],
	unsigned mtu, bool filter);
/* The name of a link for people and for tb-ledger: "tacklebox:…", at most 255 bytes. */
int net_link_alias(struct net *n, const char *why, const char *name, const char *alias);
int net_link_up(struct net *n, const char *why, const char *name);
int net_link_delete(struct net *n, const char *why, const char *name);
int net_addr_add(struct net *n, const char *why, const char *name, const struct cidr *addr);
/* A default route through `gateway`. */
int net_route_default(struct net *n, const char *why, const struct ipaddr *gateway);

/* A cable between bridge and namespace: its one end a port of the bridge here, the other called
 * peer_name inside the namespace behind peer_fd. */
struct net_veth {
	const char *name, *bridge, *peer_name;
	const char *netns; /* for the script: what `ip link … netns` takes */
	uint8_t mac[6], peer_mac[6];
	unsigned mtu;
	int bridge_index, peer_fd;
};
int net_veth_add(struct net *n, const char *why, const struct net_veth *v);
/* Flags of a bridge's port. hairpin: frames may go out by the port they came in by (a published
 * port reached from its own container); isolated: never to another isolated port (no-icc).
 * bridge(8). */
int net_port_flags(struct net *n, const char *why, const char *name, bool hairpin, bool isolated);

/* An ifb link, up. */
int net_ifb_add(struct net *n, const char *why, const char *name);
/* At most bits_per_s out of the link's queue (tc-tbf(8)). */
int net_rate_out(struct net *n, const char *why, const char *name, uint64_t bits_per_s);
/* The same for what comes in by the link: it is turned to an ifb link first, which has a queue. */
int net_rate_in(
	struct net *n, const char *why, const char *name, const char *ifb, uint64_t bits_per_s);

/* Removes a link (a veth takes its other end along) without waiting until the kernel has freed it,
 * which takes a grace period of up to 30 ms: a child asks and waits, and we only until the name is
 * gone. A link that is not there any more is fine. */
int net_link_discard(struct net *n, const char *why, const char *name);

#endif
