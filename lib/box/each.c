/* SPDX-License-Identifier: MIT */
#include "box/each.h"

#include "base/err.h"
#include "door/tool.h"

int
box_each_operand(const struct args *a, int (*one)(const struct box *b, const char *name))
{
	bool failed = false;
	struct box b;
	if (!a->n)
		tool_usage("no BOX given");
	for (int i = 0; i < a->n; i++)
		if (box_find(a->operand[i], &b) < 0 || one(&b, a->operand[i]) < 0) {
			tool_complain();
			failed = true;
		} else {
			tool_result("%s", a->operand[i]);
		}
	int status = tool_finish();
	return status ? status : failed ? tool_failure_status() : 0;
}
