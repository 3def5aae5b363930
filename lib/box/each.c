/* SPDX-License-Identifier: MIT */
#include "box/each.h"

#include "base/err.h"
#include "door/tool.h"

struct frame {
	box_each_fn *one;
};

static int
find_and_do(const char *name, void *self)
{
	const struct frame *f = self;
	struct box b;
	if (box_find(name, &b) < 0 || f->one(&b, name) < 0)
		return -1;
	tool_result("%s", name);
	return 0;
}

int
box_each_operand(const struct args *a, box_each_fn *one)
{
	struct frame f = {one};
	return tool_each(a, "BOX", find_and_do, &f);
}
