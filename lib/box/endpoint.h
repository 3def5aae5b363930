/* SPDX-License-Identifier: MIT
 * The place of a box in a network: what it asks for stands in NetworkingConfig.EndpointsConfig of
 * box.json, what it has while it runs in network.json:
 *
 *	{"Netns": "tb-<12 digits>", "Ports": {…}, "Published": "NAME",
 *	 "Networks": {"NAME": {NetworkID EndpointID Bridge Interface Internal Aliases
 *	   Gateway IPAddress IPPrefixLen MacAddress GlobalIPv6Address GlobalIPv6PrefixLen}}}
 */
#ifndef TACKLE_BOX_ENDPOINT_H
#define TACKLE_BOX_ENDPOINT_H

#include "box/box.h"
#include "box/network.h"

#include <stdbool.h>

/* What network.json is before the box is connected to anything. New reference. */
json_t *endpoint_none(const struct box *b);
/* Connects the box to the network, by br-attach, and adds that to `net`; `doc` is box.json. -1 with
 * `err` set. */
int endpoint_add(const struct box *b, const json_t *doc, const struct network *n, json_t *net);
/* Takes the cable and the name away again, and its place in `net`. */
int endpoint_remove(const struct box *b, const json_t *doc, const struct network *n, json_t *net);
/* Takes away what a box that has ended is called in its networks (the cables are br-detach's). */
void endpoint_forget(const struct box *b, const json_t *doc);
/* Whether it runs, or is about to: then network.json, if it is there, is what it has, as long as
 * the lock on networks is held. Who starts a box or ends one has that lock, shared, while it comes
 * into being or goes. */
bool endpoint_is_up(const struct box *b);
/* Writes anew what it is called in all of its networks, if it is up: its name has changed, or
 * whether it may ask the world for names. */
int endpoint_names(const struct box *b, const json_t *doc);
int endpoint_write(const struct box *b, const json_t *net);

/* An address of the box (network.json) in a network that both are to be in; "" when there is none.
 */
const char *endpoint_address(const json_t *net, const json_t *doc);

#endif
