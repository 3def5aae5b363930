/* SPDX-License-Identifier: MIT
 * cg-freeze: stops all processes of a control group where they stand, or lets them go on.
 *
 * No signal is sent, and nothing is lost: a frozen process keeps its memory, files and connections
 * and is never given the processor. This is how docker pause works.
 *
 *	cg-freeze web; cg-freeze --thaw web
 */
#include "door/tool.h"
#include "mech/cgroup.h"

static bool thaw;
static int64_t timeout = (int64_t)5 * 1000000000;

static const struct opt options[] = {
	{0, "thaw", NULL, opt_flag, &thaw, "let the processes go on", false},
	{'t', "timeout", "TIME", opt_duration, &timeout,
		"wait so long at most until all have stopped (5s)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "cg-freeze",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME",
	.summary = "Freezes the processes of the control group NAME and of the groups below it.",
	.options = options,
	.example = "cg-freeze web && cg-freeze --thaw web",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_cgroup struct cgroup g = {0};
	if (a.n != 1)
		tool_usage(a.n ? "more than one NAME" : "no NAME given");
	if (cg_open(a.operand[0], &g) < 0 || cg_freeze(&g, !thaw, timeout) < 0)
		tool_die();
	return tool_finish();
}
