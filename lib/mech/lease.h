/* SPDX-License-Identifier: MIT
 * Who has which address on a bridge: $TACKLEBOX_RUN/leases/BRIDGE/ADDRESS, a file of KEY=VALUE
 * lines. A lease whose network namespace is gone is free again.
 */
#ifndef TACKLE_LEASE_H
#define TACKLE_LEASE_H

#include "base/opt.h"
#include "mech/bridge.h"
#include "mech/netns.h"

struct lease {
	char bridge[IFNAMSIZ];
	char path[PATH_MAX]; /* of the file */
	struct ipaddr ip; /* IPv4 */
	char netns[PATH_MAX];
	ino_t ino;
	char name[IFNAMSIZ]; /* of the link inside the namespace */
	char port[IFNAMSIZ]; /* of its other end, at the bridge */
	char ifb[IFNAMSIZ]; /* "" without --rate */
	struct strlist published; /* "0.0.0.0:8080:80/tcp" */
};

/* Makes the empty place for the leases of a new bridge; what a former bridge of that name left
 * goes. */
int lease_prepare_bridge(const char *bridge);
/* Takes the lock on a bridge's leases; it lasts as long as the descriptor *fd, which the caller
 * closes. NULL: that on the ports which are published at any bridge; it is taken first. */
int lease_lock(const char *bridge, int *fd);

/* Under the lock: the address `wanted`, or with family 0 the lowest free one, of b's subnet. Fills
 * l->ip, bridge and path; nothing is written yet. Returns 0, or -1 with `err` set: invalid (outside
 * the subnet), conflict (taken; the hint says by whom), no-space (all taken). */
int lease_choose(const struct bridge *b, const struct ipaddr *wanted, struct lease *l);
/* Writes the file (undone by removing it). */
int lease_write(const struct lease *l);
/* Replaces the file of a lease that is there already. */
int lease_rewrite(const struct lease *l);
int lease_remove(const struct lease *l);

/* Calls each(l, arg) for every lease of one bridge, or of all (NULL), until it returns non-zero,
 * and returns that; -1 with `err` set on failure. */
int lease_each(const char *bridge, int (*each)(struct lease *l, void *arg), void *arg);
/* Whether the namespace that holds it still lives, and is no other one of the same name and number.
 * (A namespace just ended may have its cable for a while yet.) */
bool lease_alive(const struct lease *l);
/* Whether its cable is plugged in: it goes when the namespace ends, or is taken out by hand. */
bool lease_has_cable(const struct lease *l);
/* Whether it is a lease of this namespace. */
bool lease_is_of(const struct lease *l, const struct netns *ns);
/* Removes the place for the leases of a bridge. */
int lease_forget_bridge(const char *bridge);

#endif
