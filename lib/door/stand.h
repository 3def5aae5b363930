/* SPDX-License-Identifier: MIT
 * A child that goes where there is no way back from, and stands there while its parent, who has
 * more rights, deals with where it is: by /proc/PID. Within the door only.
 */
#ifndef TACKLE_STAND_H
#define TACKLE_STAND_H

#include <sys/types.h>

struct stand {
	pid_t pid;
	int until; /* closed: the child ends */
};
/* enter(arg) is called in the child: 0, or -1 with errno set. Returns 0 when it is there, or -1
 * with its errno and no child left. */
int stand_start(struct stand *s, int (*enter)(const void *arg), const void *arg);
/* Ends it; errno stays. */
void stand_end(struct stand *s);

#endif
