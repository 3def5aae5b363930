/* SPDX-License-Identifier: MIT
 * The frame of a tool that does one thing to each box it is given.
 */
#ifndef TACKLE_BOX_EACH_H
#define TACKLE_BOX_EACH_H

#include "base/opt.h"
#include "box/box.h"

/* Calls one(b, name) for each operand, prints the name when that is 0, complains when it is -1 and
 * goes on. Returns the exit status. A usage mistake when there is no operand. */
int box_each_operand(const struct args *a, int (*one)(const struct box *b, const char *name));

#endif
