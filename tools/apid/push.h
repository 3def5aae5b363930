/* SPDX-License-Identifier: MIT
 * A body that somebody writes into a descriptor, in a thread of its own, while it is sent.
 */
#ifndef APID_PUSH_H
#define APID_PUSH_H

#include "http.h"

/* Writes to fd until there is no more, or nobody reads (write(2) fails), or push_over(). Frees
 * self. */
typedef void push_fn(void *self, int fd);
int reply_push(struct request *r, const char *type, push_fn *fn, void *self);
/* Whether nobody reads any more. */
bool push_over(int fd);
/* Writes all: 0, or -1 when nobody reads. */
int push_write(int fd, const void *p, size_t n);
/* The eight bytes at the head of a frame of n bytes (stream 1: output, 2: errors). */
void push_head(char head[8], unsigned char stream, size_t n);
/* The same with the head of a frame before it (stream 1: output, 2: errors). */
int push_frame(int fd, unsigned char stream, const void *p, size_t n);

/* reply_upgrade() where the client asked for it; otherwise what fn writes is the body. */
int reply_relayed(struct request *r, upgrade_fn *fn, void *self);

#endif
