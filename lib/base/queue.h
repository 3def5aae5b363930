/* SPDX-License-Identifier: MIT
 * A bounded run of bytes between two threads, one that puts and one that gets. Whoever is ahead
 * waits for the other, so a fast source never fills the memory.
 */
#ifndef TACKLE_QUEUE_H
#define TACKLE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct queue;

/* Room for `size` bytes. Never NULL. */
struct queue *queue_new(size_t size);
/* When both sides are done with it. NULL is fine. */
void queue_free(struct queue *q);

/* ---- the side that puts ---- */

/* Adds all bytes, waiting for room as often as need be. False: the other side has left, and nobody
 * wants them. */
bool queue_put(struct queue *q, const void *data, size_t len);
/* Adds all bytes or none, without waiting: 1 when added, 0 when there is no room (queue_get() will
 * call `wake` of queue_on_room() once there is some), -1 when the other side has left. */
int queue_try_put(struct queue *q, const void *data, size_t len);
/* Whom the getting thread calls, in its own context, when room appears that queue_try_put() lacked.
 */
void queue_on_room(struct queue *q, void (*wake)(void *self), void *self);
/* No more will come. */
void queue_end(struct queue *q);
/* No more will come, and why: this thread's `err` becomes the other's. */
void queue_fail(struct queue *q);

/* ---- the side that gets ---- */

/* The next bytes: *data points to them until the next call. Waits for some. Returns their number, 0
 * at the end, -1 with `err` set as the putting side had it. A stream_read_fn for self. */
ssize_t queue_get(void *self, const void **data);
/* Wants no more: the putting side is told so. */
void queue_leave(struct queue *q);

#endif
