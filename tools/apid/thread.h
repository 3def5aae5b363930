/* SPDX-License-Identifier: MIT
 * Threads, each with a connection or a program of its own to look after.
 */
#ifndef APID_THREAD_H
#define APID_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* Paths and small buffers are all that stands on a stack here. */
#define THREAD_STACK ((size_t)256 << 10)

typedef void *thread_fn(void *arg);
/* Starts one. Nobody waits for it, unless `joined` is not NULL and gets its name for
 * pthread_join(3). -1 with `err` set. */
int thread_start(thread_fn *fn, void *arg, pthread_t *joined);

#endif
