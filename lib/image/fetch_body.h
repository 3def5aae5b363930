/* SPDX-License-Identifier: MIT
 * The bodies of a request and of its answer: how much of them, and which part. No libcurl here;
 * fetch.c calls this with what passes.
 */
#ifndef TACKLE_FETCH_BODY_H
#define TACKLE_FETCH_BODY_H

#include "image/fetch.h"

#include <sys/types.h>

/* Whether the body of an answer with r->status is what was asked for, all of it or the rest; others
 * are kept as r->refusal. */
bool fetch_wanted(const struct fetch *r);
/* Hands bytes of such a body to r->write, those left out that are here already. As fetch_write_fn
 * returns. */
int fetch_take(struct fetch *r, const char *data, size_t len);
/* The next bytes to be sent, at most `room`: their number, 0 at the end, -1 with `err` set. */
ssize_t fetch_give(struct fetch *r, char *to, size_t room);

#endif
