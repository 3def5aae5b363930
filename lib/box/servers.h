/* SPDX-License-Identifier: MIT
 * The host's resolv.conf(5), as a program in a network of boxes is to see it.
 *
 * A server on the host's loopback, such as systemd-resolved's, is nobody's in there. An ordinary
 * user's boxes reach it nevertheless: what leads their network to the world, pasta(1) or
 * slirp4netns(1), hands on to the host's first server what is sent to SERVERS_USER. For root's,
 * what systemd-resolved itself asks stands in a file of its own (moby does so, too), and where
 * there is none, such servers are left out.
 */
#ifndef TACKLE_BOX_SERVERS_H
#define TACKLE_BOX_SERVERS_H

#include "base/buf.h"

#include <stdbool.h>

/* That of slirp4netns, which has no other; rootless-keep tells it to pasta. */
#define SERVERS_USER "10.0.2.3"

/* Appends its lines: as they are with `host`, for who is in the host's network. */
void servers_read(bool host, struct buf *out);

#endif
