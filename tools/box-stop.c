/* SPDX-License-Identifier: MIT
 * box-stop: asks the program of a box to end, and after a while no longer asks.
 *
 *	box-stop -t 3 web
 */
#include "base/err.h"
#include "box/each.h"
#include "box/stop.h"
#include "door/tool.h"

#include <stdint.h>
#include <string.h>

static int64_t seconds = -2;
static const char *signal_name;

/* "-1" waits for ever. */
static int
parse_seconds(void *to, const char *value)
{
	if (strcmp(value, "-1") == 0) {
		*(int64_t *)to = -1;
		return 0;
	}
	return opt_int(to, value);
}

static const struct opt options[] = {
	{'t', "time", "SECONDS", parse_seconds, &seconds,
		"wait so long before KILL (-1: for ever; default: the box's own, or 10)", false},
	{'s', "signal", "SIGNAL", opt_str, &signal_name,
		"send this (default: the box's own, or TERM)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-stop",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... BOX...",
	.summary = "Stops each BOX, and prints what it was called.",
	.options = options,
	.example = "box-stop -t 1 example",
	.rights = RIGHTS_ROOT,
};

static int
one(const struct box *b, const char *name)
{
	int no = signal_name ? box_signal(signal_name) : 0;
	(void)name;
	return no < 0 || box_stop(b, no, seconds) < 0 ? -1 : 0;
}

/* One that fails does not keep the others. */
int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return box_each_operand(&a, one);
}
