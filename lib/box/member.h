/* SPDX-License-Identifier: MIT
 * A box that joins a network, or leaves one: the frame of net-connect and net-disconnect.
 */
#ifndef TACKLE_BOX_MEMBER_H
#define TACKLE_BOX_MEMBER_H

#include "base/opt.h"
#include "box/box.h"
#include "box/network.h"

struct member {
	struct network n;
	struct box b;
	json_t *doc; /* box.json */
	json_t *asked; /* borrowed: the EndpointsConfig of it */
	json_t *net; /* network.json of a box that runs; NULL for another */
	int lock; /* on all networks, exclusive */
};

/* Finds both, of the operands NETWORK and BOX (a usage mistake when they are others), and locks
 * networks. To be closed in any case. -1 with `err` set: n.doc is NULL unless it is the box that
 * was not found. */
int member_open(const struct args *a, struct member *m);
/* Everything that is written of a box that runs, once m->net has changed: network.json, its names,
 * its files below /etc, and those of boxes that are linked to it. */
int member_settle(const struct member *m);
void member_close(struct member *m);

#endif
