/* SPDX-License-Identifier: MIT
 * SHA-256 of what is written meanwhile: hashing a large stream takes as long as reading and writing
 * it, and a second thread does it beside. For a short one none is started.
 */
#ifndef TACKLE_SHA256_BESIDE_H
#define TACKLE_SHA256_BESIDE_H

#include "image/digest.h"

#include <stddef.h>

struct sha256_beside;

/* Begins a sum. Never NULL. */
struct sha256_beside *sha256_beside_new(void);
/* Takes a copy of the bytes: they need not stay. Waits while the other thread is far behind. */
void sha256_beside_add(struct sha256_beside *b, const void *p, size_t n);
/* The digest of all that was added, and the end of b: waits for the thread, and frees. */
void sha256_beside_take(struct sha256_beside *b, char digest[DIGEST_SIZE]);

#endif
