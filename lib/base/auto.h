/* SPDX-License-Identifier: MIT
 * Cleanup at the end of the scope, so that every return path frees what it owns.
 */
#ifndef TACKLE_AUTO_H
#define TACKLE_AUTO_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
auto_free_(void *p)
{
	free(*(void **)p);
}

static inline void
auto_close_(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void
auto_closedir_(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void
auto_fclose_(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define auto_free __attribute__((cleanup(auto_free_)))
#define auto_fd __attribute__((cleanup(auto_close_)))
#define auto_dir __attribute__((cleanup(auto_closedir_)))
#define auto_file __attribute__((cleanup(auto_fclose_)))

/* Hands an auto_fd on: the caller owns it now, the scope no longer closes it. */
static inline int
take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* The same for an auto_free pointer. */
static inline void *
take_ptr_(void *p)
{
	void *taken = *(void **)p;
	*(void **)p = NULL;
	return taken;
}
#define take_ptr(p) ((__typeof__(*(p)))take_ptr_(p))

#endif
