/* SPDX-License-Identifier: MIT */
#include "base/queue.h"

#include "base/err.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t size;
	size_t head; /* next byte to get */
	size_t len; /* bytes inside, those that were handed out last among them */
	size_t out; /* handed out by the last queue_get() */
	bool ended, failed, left;
	unsigned waiting;
	bool wanted; /* queue_try_put() found no room */
	void (*wake)(void *self);
	void *wake_self;
	struct err why;
	char bytes[];
};

struct queue *
queue_new(size_t size)
{
	struct queue *q = malloc(sizeof(*q) + size);
	if (!q)
		abort();
	memset(q, 0, sizeof(*q));
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	q->size = size;
	return q;
}

void
queue_free(struct queue *q)
{
	if (!q)
		return;
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* One side waits at most, so one wake-up is enough; none is made when nobody waits, for it would
 * be a system call. */
static void
wait_change(struct queue *q)
{
	q->waiting++;
	pthread_cond_wait(&q->changed, &q->lock);
	q->waiting--;
}

static void
tell_change(struct queue *q)
{
	if (q->waiting)
		pthread_cond_signal(&q->changed);
}

/* Copies as much as there is room for. The room is ours until `len` grows, so the copying is done
 * without the lock. Returns how much. */
static size_t
copy_in(struct queue *q, const char *data, size_t len)
{
	size_t room = q->size - q->len, tail = (q->head + q->len) % q->size;
	size_t n = len < room ? len : room;
	size_t first = n < q->size - tail ? n : q->size - tail;
	pthread_mutex_unlock(&q->lock);
	memcpy(q->bytes + tail, data, first);
	memcpy(q->bytes, data + first, n - first);
	pthread_mutex_lock(&q->lock);
	q->len += n;
	tell_change(q);
	return n;
}

bool
queue_put(struct queue *q, const void *data, size_t len)
{
	const char *p = data;
	pthread_mutex_lock(&q->lock);
	while (len > 0 && !q->left) {
		if (q->len == q->size) {
			wait_change(q);
			continue;
		}
		size_t n = copy_in(q, p, len);
		p += n;
		len -= n;
	}
	bool taken = !q->left;
	pthread_mutex_unlock(&q->lock);
	return taken;
}

int
queue_try_put(struct queue *q, const void *data, size_t len)
{
	pthread_mutex_lock(&q->lock);
	int r = q->left ? -1 : q->size - q->len >= len;
	if (r > 0)
		copy_in(q, data, len);
	else
		q->wanted = r == 0;
	pthread_mutex_unlock(&q->lock);
	return r;
}

void
queue_on_room(struct queue *q, void (*wake)(void *self), void *self)
{
	q->wake = wake;
	q->wake_self = self;
}

static void
end(struct queue *q, bool failed)
{
	pthread_mutex_lock(&q->lock);
	if (failed)
		q->why = err;
	q->failed = failed;
	q->ended = true;
	tell_change(q);
	pthread_mutex_unlock(&q->lock);
}

void
queue_end(struct queue *q)
{
	end(q, false);
}

void
queue_fail(struct queue *q)
{
	end(q, true);
}

/* Gives back what the last call handed out. A source that ran into a full queue is woken once half
 * of it is free, not for every piece. */
static void
give_back(struct queue *q)
{
	q->head = (q->head + q->out) % q->size;
	q->len -= q->out;
	if (q->out)
		tell_change(q);
	q->out = 0;
	if (q->wanted && q->wake && q->len <= q->size / 2) {
		q->wanted = false;
		q->wake(q->wake_self);
	}
}

ssize_t
queue_get(void *self, const void **data)
{
	struct queue *q = self;
	pthread_mutex_lock(&q->lock);
	give_back(q);
	while (q->len == 0 && !q->ended)
		wait_change(q);
	/* A quarter at most: what is handed out is no room for the other side. */
	size_t n = q->len < q->size / 4 ? q->len : q->size / 4;
	if (n > q->size - q->head)
		n = q->size - q->head;
	*data = q->bytes + q->head;
	q->out = n;
	bool failed = n == 0 && q->failed;
	pthread_mutex_unlock(&q->lock);
	if (failed)
		err = q->why;
	return failed ? -1 : (ssize_t)n;
}

void
queue_leave(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->left = true;
	tell_change(q);
	if (q->wake)
		q->wake(q->wake_self);
	pthread_mutex_unlock(&q->lock);
}
