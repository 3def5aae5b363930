/* SPDX-License-Identifier: MIT
 * Ending a running box.
 */
#ifndef TACKLE_BOX_STOP_H
#define TACKLE_BOX_STOP_H

#include "box/box.h"

/* Sends a signal to its first process, a paused one too. -1 with `err` set: conflict when it does
 * not run. */
int box_kill(const struct box *b, const json_t *doc, int signal);
/* Its stop signal, then after `seconds` (negative: its own StopTimeout, or 10) KILL; returns when
 * all is taken away. `signal` 0: its own. 1 when it did not run; -1 with `err` set. */
int box_stop(const struct box *b, int signal, int64_t seconds);
/* Freezes it, or lets it go on. conflict when that is so already, or it does not run. */
int box_freeze(const struct box *b, bool freeze);

#endif
