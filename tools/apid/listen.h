/* SPDX-License-Identifier: MIT
 * Where requests come in: sockets of our own, or those that systemd hands over.
 */
#ifndef APID_LISTEN_H
#define APID_LISTEN_H

#include "http.h"

struct where {
	const char *mode, *group; /* of a unix socket; NULL: 0660, and the one we have */
};
/* Opens what "unix:///PATH", "tcp://HOST:PORT" or "fd://" says, and appends to l, which has room
 * for LISTEN_MAX. 0, or -1 with `err` set. */
#define LISTEN_MAX 16
int listen_at(const char *host, const struct where *w, struct listener *l, unsigned *n);
/* unix://$TACKLEBOX_RUN/apid.sock. */
int listen_default(char text[4200]);
/* Removes a socket that is ours. */
void listen_end(const struct listener *l);

#endif
