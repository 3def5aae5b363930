/* SPDX-License-Identifier: MIT
 * box-wait: waits until boxes have ended.
 *
 *	box-wait web
 */
#include "box/wait.h"
#include "door/tool.h"

static const char *condition = "";

static const struct opt options[] = {
	{0, "condition", "WHICH", opt_str, &condition,
		"not-running, next-exit, or removed (not-running)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-wait",
	.kind = TOOL_ACTS,
	.usage = "[--condition WHICH] BOX...",
	.summary = "Waits until each BOX has ended, and prints its exit status.",
	.options = options,
	.example = "box-wait example",
};

static int
wait_for(const char *name, void *self)
{
	const enum wait_for *what = self;
	struct waiting w;
	struct box b;
	int status, r = -1;
	if (box_find(name, &b) < 0)
		return -1;
	if (waiting_begin(&b, *what, &w) == 0)
		r = waiting_run(&w, NULL, &status);
	waiting_end(&w);
	if (r > 0)
		tool_result("%d", status);
	return r < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	enum wait_for what;
	if (wait_parse(condition, &what) < 0)
		tool_usage("--condition %s: not-running, next-exit or removed", condition);
	return tool_each(&a, "BOX", wait_for, &what);
}
