/* SPDX-License-Identifier: MIT
 * box-restart: stops a box, if it runs, and starts it.
 *
 *	box-restart web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/each.h"
#include "box/event.h"
#include "box/stop.h"
#include "door/spawn.h"
#include "door/tool.h"

#include <stdint.h>

static int64_t seconds = -2;

static const struct opt options[] = {
	{'t', "time", "SECONDS", opt_int, &seconds,
		"wait so long before KILL (default: the box's own, or 10)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-restart",
	.kind = TOOL_ACTS,
	.usage = "[-t SECONDS] BOX...",
	.summary = "Stops and starts each BOX, and prints what it is called.",
	.options = options,
	.example = "box-restart -t 1 example",
};

static int
one(const struct box *b, const char *name)
{
	(void)name;
	auto_json json_t *doc = box_read(b, "box.json");
	if (!doc || box_stop(b, 0, seconds) < 0 ||
		run_tool("and again", (const char *[]){"box-start", b->id, NULL}, NULL) < 0)
		return -1;
	event_box(doc, "restart", NULL);
	return 0;
}

/* One that fails does not keep the others. */
int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return box_each_operand(&a, one);
}
