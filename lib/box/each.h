/* SPDX-License-Identifier: MIT
 * The frame of a tool that does one thing to each box it is given.
 */
#ifndef TACKLE_BOX_EACH_H
#define TACKLE_BOX_EACH_H

#include "base/opt.h"
#include "box/box.h"

/* tool_each() with one(b, name) for each operand, and prints the name when that is 0. */
typedef int box_each_fn(const struct box *b, const char *name);
int box_each_operand(const struct args *a, box_each_fn *one);

#endif
