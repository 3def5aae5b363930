/* SPDX-License-Identifier: MIT
 * box-unpause: lets the processes of a paused box go on.
 *
 *	box-unpause web
 */
#include "base/err.h"
#include "box/each.h"
#include "box/stop.h"
#include "door/tool.h"

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "box-unpause",
	.kind = TOOL_ACTS,
	.usage = "BOX...",
	.summary = "Thaws each BOX, and prints what it is called.",
	.options = options,
	.example = "box-unpause example",
	.rights = RIGHTS_ROOT,
};

static int
one(const struct box *b, const char *name)
{
	(void)name;
	return box_freeze(b, false);
}

/* One that fails does not keep the others. */
int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return box_each_operand(&a, one);
}
