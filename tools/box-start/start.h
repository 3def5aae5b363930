/* SPDX-License-Identifier: MIT
 * Between the files of box-start.
 */
#ifndef BOX_START_H
#define BOX_START_H

#include "base/opt.h"
#include "box/box.h"
#include "mech/ct.h"

#include <stddef.h>

struct start {
	struct box b;
	json_t *doc; /* box.json */
	json_t *config; /* config.json; what is known only now is filled in here */
	char group[96];
	struct ct_id_maps uid, gid; /* of its user namespace; empty: the host's */
	char user[PATH_MAX]; /* the file that is it; "" without one */
	int user_fd; /* the same, open; -1 in a dry run too */
	struct strlist hold; /* descriptors that keep the published ports */
	struct strlist relay; /* without root: "FD=ADDRESS:PORT", what br-relay is to hand on */
};

/* Its user namespace, if it is to have one of its own. -1 with `err` set. */
int start_user(struct start *s);
/* A network namespace under that name, with nothing in it, which belongs to its user namespace. */
int start_empty_net(const struct start *s, const char *ns);
/* Its control group, with its limits; where an ordinary user can have none, s->group becomes empty.
 * -1 with `err` set. */
int start_group(struct start *s);
/* Without root: a port of the host that leads to an address of the box; *got is what it became.
 * start_relay() then runs who hands on what comes, until the box has ended. -1 with `err` set. */
int start_publish(struct start *s, const char *address, const char *key, const char *ip,
	const char *port, char got[16]);
int start_relay(struct start *s);
/* The network it is to have: namespace, cable, published ports, network.json. -1 with `err` set. */
int start_network(struct start *s);
/* Namespaces of other boxes, links, and the files below /etc. -1 with `err` set. */
int start_neighbours(struct start *s);
/* Whether it has a filter of its own. The built-in one is quicker than the same read from the
 * bundle.
 */
bool start_own_filter(const struct start *s);
/* Runs box-mon, with the lock and the socket of who stays (-1: nobody), and the chain below it. Its
 * pid, or -1 with `err` set: then it has ended again. */
pid_t start_chain(struct start *s, int lock, int sock);

#endif
