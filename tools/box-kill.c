/* SPDX-License-Identifier: MIT
 * box-kill: sends a signal to the first process of a box.
 *
 *	box-kill -s HUP web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/each.h"
#include "box/stop.h"
#include "door/step.h"
#include "door/tool.h"

#include <signal.h>

static const char *signal_name = "KILL";

static const struct opt options[] = {
	{'s', "signal", "SIGNAL", opt_str, &signal_name, "send this (KILL)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-kill",
	.kind = TOOL_ACTS,
	.usage = "[-s SIGNAL] BOX...",
	.summary = "Sends a signal to each BOX, and prints what it is called.",
	.options = options,
	.example = "box-kill -s USR1 example",
	.rights = RIGHTS_ROOT,
};

/* As long as dockerd waits for the end of what it has killed. */
#define PATIENCE INT64_C(10000000000)

/* What has been killed may be removed next: so its end is waited for. */
static int
one(const struct box *b, const char *name)
{
	int no = box_signal(signal_name);
	(void)name;
	auto_json json_t *doc = no < 0 ? NULL : box_read(b, "box.json");
	if (!doc || box_kill(b, doc, no) < 0)
		return -1;
	return no != SIGKILL || step_dry() || box_wait(b, PATIENCE) >= 0 ? 0 : -1;
}

/* One that fails does not keep the others. */
int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return box_each_operand(&a, one);
}
