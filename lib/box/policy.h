/* SPDX-License-Identifier: MIT
 * Restart policies, as Docker has them: no, on-failure[:N], always, unless-stopped. There is no
 * daemon: box-end of a box that is to run again leaves a box-restart behind, which waits a while
 * and becomes box-start.
 *
 * In the box, "stopped" says that somebody wanted it to end, "restarting" that it waits to run
 * again, and "restarts" how often it did since somebody started it, and after which pause.
 */
#ifndef TACKLE_BOX_POLICY_H
#define TACKLE_BOX_POLICY_H

#include "box/box.h"

/* Whether {"Name": …, "MaximumRetryCount": …} says one of them. 0, or -1 with `err` set (invalid).
 */
int policy_check(const json_t *policy);
/* Somebody wants it to end, or not to begin again: who waits to start it hears that. 0, or -1 with
 * `err` set. */
int policy_stop(const struct box *b);
bool policy_is_stopped(const struct box *b);
/* How often it was started again; *pause, in nanoseconds, is the last one (NULL: not wanted). */
int64_t policy_restarts(const struct box *b, int64_t *pause);
/* Whether a box that has ended is to run again. */
bool policy_wants(const struct box *b, const json_t *doc);
/* The same after the host has been down. */
bool policy_wants_at_boot(const struct box *b, const json_t *doc);
/* Waits: 100 ms at first, twice as long after each run shorter than 10 s, a minute at most. 1: run
 * it now, which is noted; 0: somebody wants otherwise; -1 with `err` set. */
int policy_wait(const struct box *b);
/* Somebody has started it: all of that is forgotten. 0, or -1 with `err` set. */
int policy_forget(const struct box *b);

#endif
