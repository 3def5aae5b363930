/* SPDX-License-Identifier: MIT
 * Published ports of a box, as rules of the bridge that is its way out. Those of an ordinary user's
 * box are br-relay's.
 */
#ifndef TACKLE_BOX_EXPOSE_H
#define TACKLE_BOX_EXPOSE_H

#include "box/box.h"

#include <stdbool.h>

/* Where a box is connected, and so what its ports lead to. */
struct expose_at {
	const char *bridge, *ns;
};

/* Publishes by br-publish: `key` is "80/tcp", ip "" for all addresses, port that of the host, ""
 * for any free one; bound: the box holds it already. *got is what it became. -1 with `err` set. */
int expose(const struct expose_at *at, const char *key, const char *ip, const char *port,
	bool bound, char got[16]);

/* The box (its network.json) was connected or disconnected: if the network by which its ports came
 * ("Published") is none of its networks any more, they come by the first one that has a way out,
 * where there is one. Writes network.json when that is another. -1 with `err` set. */
int expose_follow(const struct box *b, json_t *net);

#endif
