/* SPDX-License-Identifier: MIT
 * The files below /etc that a box has of its own: hosts, hostname, resolv.conf. They are mounted on
 * those of its image, so what changes while it runs is written into the same file.
 */
#ifndef TACKLE_BOX_ETC_H
#define TACKLE_BOX_ETC_H

#include "base/buf.h"
#include "box/box.h"

/* Makes all three, as they are while it is connected to nothing. -1 with `err` set: invalid for
 * ExtraHosts that are none. */
int etc_make(const struct box *b, const json_t *doc);
/* Writes hosts and resolv.conf as its networks (network.json) want them: its own addresses, the
 * lines of linked boxes (Links), the resolver of its networks. */
int etc_connected(const struct box *b, const json_t *doc, const json_t *net);

#endif
