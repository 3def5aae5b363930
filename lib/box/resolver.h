/* SPDX-License-Identifier: MIT
 * Names of boxes in networks of one's own.
 *
 * net-resolve answers them, one process for all networks. It reads one file a network,
 * $TACKLEBOX_RUN/resolver/NAME: the gateway, where it listens, then a line for each box,
 *
 *	ID ADDRESS ADDRESS6 NAME,ALIAS,… SERVER,…
 *
 * in which ADDRESS6 is "-" when it has none, and SERVER is whom to ask for other names: an address,
 * "host" for those of the host, "none" for a box that is shut in. It sees when a file is replaced,
 * and ends when there are none left.
 *
 * Why not another's: an answer depends on who asks (from all networks that he is in, from no other,
 * and of the outer world only to whom may reach it), and a change must neither lose a question nor
 * leave a wrong answer. dnsmasq answers everybody alike: it would take a process for each set of
 * networks. unbound and knot-resolver know views, but those of a configuration, read again as a
 * whole. aardvark-dns 1.4 answers by who asks, and closes its sockets at each change. Files below
 * /etc would need no process, but Go keeps what it read there for five seconds, and the C libraries
 * differ in how many addresses of one name they take from it.
 */
#ifndef TACKLE_BOX_RESOLVER_H
#define TACKLE_BOX_RESOLVER_H

#include "base/buf.h"
#include "box/box.h"
#include "box/network.h"

/* What the box (its box.json, and network.json) is called in the network from now on; net NULL: it
 * is not in it any more. When it returns, whoever asks is answered so. Returns 0, or -1 with `err`
 * set; that nobody answers is only warned of. */
int resolver_set(
	const struct network *n, const struct box *b, const json_t *doc, const json_t *net);
/* The directory of the files above. */
int resolver_place(char path[PATH_MAX]);
/* What follows its name in that of the file that net-resolve has a lock on as long as it runs. */
#define RESOLVER_ALIVE ".alive.lock"

#endif
