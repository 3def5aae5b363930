/* SPDX-License-Identifier: MIT
 * A published port: "[HOSTIP:]HPORT:CPORT[/tcp|/udp]" in Docker's vocabulary.
 */
#ifndef TACKLE_PUBLISH_H
#define TACKLE_PUBLISH_H

#include "mech/bridge.h"
#include "mech/lease.h"

#include <stdint.h>

struct publish {
	struct ipaddr at; /* family 0: all addresses of the host, IPv4 and IPv6 */
	uint16_t hport; /* 0: the next free one, chosen by publish_claim() */
	uint16_t cport;
	bool udp;
};

#define PUBLISH_TEXT (IPADDR_TEXT + 24)

/* "8080:80", "127.0.0.1:8080:80/udp", "[fd00::1]:80:80", "0:80". Returns 0, or -1 with `err` set
 * (invalid). [::1] is refused: no NAT leads from it to a bridge. */
int publish_parse(const char *s, struct publish *out);
/* The form that publish_parse() reads, always with address ("0.0.0.0" for all) and protocol. */
const char *publish_text(const struct publish *p, char out[PUBLISH_TEXT]);
/* "0.0.0.0:8080" for people; valid until the next call. */
const char *publish_where(const struct publish *p);
/* Tries to bind the port, as a server would: refuses one in use (in-use), and chooses one for hport
 * 0. The socket is closed again; rules hold the port from then on. Not a step. */
int publish_claim(struct publish *p);
/* The nft script that adds (or takes away) the map elements. An element that exists makes it fail
 * with EEXIST. */
void publish_script(const struct publish *p, const struct bridge *b, const struct lease *l,
	bool add, struct buf *out);

#endif
