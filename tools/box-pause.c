/* SPDX-License-Identifier: MIT
 * box-pause: makes all processes of a box stand still.
 *
 *	box-pause web
 */
#include "base/err.h"
#include "box/each.h"
#include "box/stop.h"
#include "door/tool.h"

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "box-pause",
	.kind = TOOL_ACTS,
	.usage = "BOX...",
	.summary = "Freezes each BOX, and prints what it is called.",
	.options = options,
	.example = "box-pause example",
	.rights = RIGHTS_ROOT,
};

static int
one(const struct box *b, const char *name)
{
	(void)name;
	return box_freeze(b, true);
}

/* One that fails does not keep the others. */
int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return box_each_operand(&a, one);
}
