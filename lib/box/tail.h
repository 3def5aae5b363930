/* SPDX-License-Identifier: MIT
 * Reading a file of lines that grows, and that is set aside now and then for a new one of the same
 * name: logs of boxes, events.
 */
#ifndef TACKLE_TAIL_H
#define TACKLE_TAIL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct tail {
	const char *path; /* the caller's, as long as this is open */
	int fd; /* -1: there is no file yet */
	int watch; /* inotify(7) of its directory; -1: nobody waits */
	struct buf rest; /* the beginning of a line whose end is not there yet */
};

/* A line without its newline. */
typedef int tail_fn(void *self, const char *line, size_t n);

/* Opens t->path, which need not be there. With `wait`, tail_wait() may be called: what is written
 * from now on ends it. Returns 0, or -1 with `err` set. */
int tail_open(struct tail *t, bool wait);
/* Calls fn for each line that there is now, also of a file that has come in the place of this one,
 * until it returns non-zero, and returns that; -1 with `err` set. */
int tail_read(struct tail *t, tail_fn *fn, void *self);
/* Waits for a change beside the file, at most so many nanoseconds. */
void tail_wait(const struct tail *t, int64_t timeout);
void tail_close(struct tail *t);
#define auto_tail __attribute__((cleanup(tail_close)))

#endif
