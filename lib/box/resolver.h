/* SPDX-License-Identifier: MIT
 * Names of boxes in networks of one's own.
 *
 * The resolver is aardvark-dns(8), one process for all networks: it listens at their gateways and
 * answers by the address that asks, from all networks which that box is in, and from no other. It
 * reads one file a network, $TACKLEBOX_RUN/resolver/NAME: the gateway, then a line for each box:
 *
 *	ID ADDRESS ADDRESS6 NAME,ALIAS,… [SERVER,…]
 *
 * SIGHUP makes it read them again, at once; it ends when there are none left. (Files below /etc
 * would need no process, but Go keeps what it read there for five seconds, and the C libraries
 * differ in how many addresses of one name they take from it.)
 */
#ifndef TACKLE_BOX_RESOLVER_H
#define TACKLE_BOX_RESOLVER_H

#include "base/buf.h"
#include "box/box.h"
#include "box/network.h"

/* Whether the program is there. Without it names are not resolved, and boxes work otherwise. */
bool resolver_there(void);
/* What the box (its box.json, and network.json) is called in the network from now on; net NULL: it
 * is not in it any more. Returns 0, or -1 with `err` set. */
int resolver_set(
	const struct network *n, const struct box *b, const json_t *doc, const json_t *net);
/* The directory of the files above. */
int resolver_place(char path[PATH_MAX]);

#endif
