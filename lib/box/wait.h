/* SPDX-License-Identifier: MIT
 * Waiting for the end of a box: box-wait, and `POST /containers/ID/wait`.
 */
#ifndef TACKLE_BOX_WAIT_H
#define TACKLE_BOX_WAIT_H

#include "box/attach.h"

#include <poll.h>

enum wait_for {
	WAIT_NOT_RUNNING, /* at once if it does not run */
	WAIT_NEXT_EXIT, /* it may have to start first */
	WAIT_REMOVED,
};
/* "not-running", "next-exit", "removed"; "" is the first. -1 with `err` set (invalid). */
int wait_parse(const char *text, enum wait_for *what);

struct waiting {
	struct box b;
	enum wait_for what;
	struct attach_wait start; /* it calls when it starts */
	int sock; /* to box-mon, which tells the end; -1 */
	int known; /* its exit status, as far as is known */
};
/* From this call on no end is missed. To be ended by waiting_end(). 0, or -1 with `err` set. */
int waiting_begin(const struct box *b, enum wait_for what, struct waiting *w);
/* Waits: 1 with *status (255: nobody knows), 0 when there was an event of `stop` before (NULL:
 * none), -1 with `err` set: not-found for one that was removed before it had a next end. */
int waiting_run(struct waiting *w, const struct pollfd *stop, int *status);
void waiting_end(struct waiting *w);

#endif
