/* SPDX-License-Identifier: MIT
 * cg-exec: runs a program in a control group.
 *
 * The process moves itself into the group and then becomes the program: whatever the program does
 * is counted from its first page on. Memory that was used before a move stays charged to the group
 * it came from, so moving a program that runs already limits only what it takes from then on.
 *
 *	cg-exec web -- ns-exec --all -- sh
 */
#include "door/chain.h"
#include "door/tool.h"
#include "mech/cgroup.h"

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "cg-exec",
	.kind = TOOL_CHAIN,
	.usage = "[OPTION]... NAME -- COMMAND [ARG]...",
	.summary = "Joins the control group NAME, then becomes COMMAND.",
	.options = options,
	.example = "cg-exec web -- sh -c 'cat /proc/self/cgroup'",
	.operands = 1,
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct cgroup g;
	if (a.n != 1)
		tool_usage("no NAME given");
	if (!a.command)
		tool_usage("no COMMAND given");
	if (cg_open(a.operand[0], &g) < 0 || cg_join_self(&g, CG_JOIN_ALL) < 0)
		tool_die();
	chain_exec(a.command, false);
	tool_die();
}
