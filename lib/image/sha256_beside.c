/* SPDX-License-Identifier: MIT */
#include "image/sha256_beside.h"

#include "base/queue.h"
#include "image/sha256.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* Less than that is hashed sooner than a thread is started. */
#define WORTH_A_THREAD ((size_t)512 << 10)
/* Between the threads: small enough to stay in the processor's cache. */
#define QUEUE_SIZE ((size_t)512 << 10)

struct sha256_beside {
	struct sha256 *sum;
	size_t total; /* so far, while there is no thread */
	bool alone; /* no thread could be started: it goes without */
	struct queue *queue; /* NULL: there is no thread */
	pthread_t thread;
};

static void *
hash_all(void *self)
{
	struct sha256_beside *b = self;
	const void *data;
	ssize_t n;
	while ((n = queue_get(b->queue, &data)) > 0)
		sha256_add(b->sum, data, (size_t)n);
	return NULL;
}

struct sha256_beside *
sha256_beside_new(void)
{
	struct sha256_beside *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->sum = sha256_new();
	return b;
}

static void
start(struct sha256_beside *b)
{
	b->queue = queue_new(QUEUE_SIZE);
	b->alone = pthread_create(&b->thread, NULL, hash_all, b) != 0;
	if (!b->alone)
		return;
	queue_free(b->queue);
	b->queue = NULL;
}

void
sha256_beside_add(struct sha256_beside *b, const void *p, size_t n)
{
	b->total += n;
	if (!b->queue && !b->alone && b->total >= WORTH_A_THREAD)
		start(b);
	if (b->queue)
		queue_put(b->queue, p, n);
	else
		sha256_add(b->sum, p, n);
}

void
sha256_beside_take(struct sha256_beside *b, char digest[DIGEST_SIZE])
{
	if (b->queue) {
		queue_end(b->queue);
		pthread_join(b->thread, NULL);
		queue_free(b->queue);
	}
	sha256_take(b->sum, digest);
	sha256_free(b->sum);
	free(b);
}
