/* SPDX-License-Identifier: MIT
 * cg-rm: removes control groups, and the groups below them.
 *
 * A group is removed as the directory it is, once no process is in it. With --kill all of them are
 * ended first: one write to cgroup.kill where the kernel has it, which no fork bomb outruns.
 *
 *	cg-rm --kill web
 */
#include "base/err.h"
#include "door/tool.h"
#include "mech/cgroup.h"

static bool kill_first;
static int64_t timeout = (int64_t)10 * 1000000000;

static const struct opt options[] = {
	{'k', "kill", NULL, opt_flag, &kill_first, "end all processes in it first", false},
	{'t', "timeout", "TIME", opt_duration, &timeout,
		"wait so long at most until they are gone (10s)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "cg-rm",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME...",
	.summary = "Removes the control groups NAME and all groups below them.",
	.options = options,
	.example = "cg-rm --kill web",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (a.n == 0)
		tool_usage("no NAME given");
	for (int i = 0; i < a.n; i++) {
		auto_cgroup struct cgroup g = {0};
		if (cg_open(a.operand[i], &g) < 0 || cg_remove(&g, kill_first, timeout) < 0)
			tool_die();
	}
	return tool_finish();
}
