/* SPDX-License-Identifier: MIT
 * Between the files of box-start.
 */
#ifndef BOX_START_H
#define BOX_START_H

#include "base/opt.h"
#include "box/box.h"

#include <stddef.h>

struct start {
	struct box b;
	json_t *doc; /* box.json */
	json_t *config; /* config.json; what is known only now is filled in here */
	char group[96];
	struct strlist hold; /* descriptors that keep the published ports */
};

/* The network it is to have: namespace, cable, published ports, network.json. -1 with `err` set. */
int start_network(struct start *s);
/* Namespaces of other boxes, links, and the files below /etc. -1 with `err` set. */
int start_neighbours(struct start *s);
/* Runs a tool of ours; words end in NULL. */
int start_run(const char *why, struct strlist *l, struct buf *out);

#endif
