/* SPDX-License-Identifier: MIT
 * threads N: one process of N threads that do nothing until it is killed.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *
idle(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	pthread_t t;
	for (int i = 1; i < (argc > 1 ? atoi(argv[1]) : 3); i++)
		if (pthread_create(&t, NULL, idle, NULL) != 0)
			return 1;
	idle(NULL);
	return 0;
}
