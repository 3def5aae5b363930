/* SPDX-License-Identifier: MIT
 * Published ports: "[HOSTIP:]HPORT[-LAST]:CPORT[-LAST][/tcp|/udp]" in Docker's vocabulary. Two
 * ranges of a length lead port by port; a range to one port means any free one of it.
 */
#ifndef TACKLE_PUBLISH_H
#define TACKLE_PUBLISH_H

#include "mech/bridge.h"
#include "mech/lease.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct publish {
	struct ipaddr at; /* family 0: all addresses of the host, IPv4 and IPv6 */
	uint16_t hport; /* the first; 0: the next free one, chosen by publish_claim() */
	uint16_t cport; /* the first */
	uint16_t more; /* how many follow them, each leading to its own */
	uint16_t spare; /* how many others may be chosen in place of hport; 0 after publish_claim()
			 */
	bool udp;
};

#define PUBLISH_TEXT (IPADDR_TEXT + 40)

/* "8080:80", "127.0.0.1:8080:80/udp", "[fd00::1]:80:80", "0:80", "8000-8010:80-90",
 * "8000-8010:80". Returns 0, or -1 with `err` set (invalid). [::1] is refused: no NAT leads from it
 * to a bridge. */
int publish_parse(const char *s, struct publish *out);
/* The form that publish_parse() reads, always with address ("0.0.0.0" for all) and protocol. */
const char *publish_text(const struct publish *p, char out[PUBLISH_TEXT]);
/* "0.0.0.0:8080" or "0.0.0.0:8000-8010" for people; valid until the next call. */
const char *publish_where(const struct publish *p);
/* Whether both want a port of the same address. */
bool publish_meets(const struct publish *a, const struct publish *b);
/* Tries to bind the ports, as servers would: refuses what is in use, or published already (`taken`,
 * all that is), both in-use, and chooses one where there is a choice. The sockets are closed again;
 * rules hold the ports from then on. With `bound` whoever they are for has bound them, and only
 * what is published counts. Not a step. */
int publish_claim(struct publish *p, bool bound, const struct publish *taken, size_t n_taken);
/* The nft script for the map elements: "create" fails with EEXIST where one exists, "add" is
 * content with those that are as they should be, and "delete" with as many as there are, or none.
 */
void publish_script(const struct publish *p, const struct bridge *b, const struct lease *l,
	const char *verb, struct buf *out);

/* Takes back all that a lease has published, by way of br-publish: packet rules need a library
 * that takes time to load, and seldom is there something published. The lease's lock is not held.
 * Returns 0, or -1 with `err` set. */
int publish_drop(const struct lease *l);

#endif
