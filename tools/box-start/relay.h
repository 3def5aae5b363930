/* SPDX-License-Identifier: MIT
 * Between the caller's terminal, or pipes, and box-mon.
 */
#ifndef BOX_START_RELAY_H
#define BOX_START_RELAY_H

#include "box/box.h"

#include <stdbool.h>

/* Two ends of a channel that keeps packets whole. */
int relay_pair(int ends[2]);
/* Hands on input (if `in`), output, signals and the size of the terminal until the box ends.
 * Returns its exit status, or -1 with `err` set. */
int relay(const struct box *b, int sock, bool in, bool tty);

#endif
