/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include "base/err.h"

#include <errno.h>

int
thread_start(thread_fn *fn, void *arg, pthread_t *joined)
{
	pthread_t own;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	if (!joined)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(joined ? joined : &own, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return errno ? err_sys("pthread_create", NULL, "cannot make a thread") : 0;
}
