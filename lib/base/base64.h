/* SPDX-License-Identifier: MIT
 * Base64 (RFC 4648). Pure.
 */
#ifndef TACKLE_BASE64_H
#define TACKLE_BASE64_H

#include "base/buf.h"

/* Appends n bytes in the standard alphabet, with padding. */
void base64_encode(const void *p, size_t n, struct buf *out);
/* Appends what the text stands for; the standard alphabet and the one for URLs, with padding or
 * without. -1 for anything else; `err` is not set. */
int base64_decode(const char *s, struct buf *out);

#endif
