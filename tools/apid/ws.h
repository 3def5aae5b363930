/* SPDX-License-Identifier: MIT
 * Streams in a web socket (RFC 6455), for clients that have no other. The library that knows its
 * frames, wslay, is seen by ws.c alone.
 */
#ifndef APID_WS_H
#define APID_WS_H

#include "http.h"

/* As reply_upgrade(): what fn writes becomes binary messages, and what comes in messages it reads.
 */
int reply_websocket(struct request *r, upgrade_fn *fn, void *self);

#endif
