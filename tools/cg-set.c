/* SPDX-License-Identifier: MIT
 * cg-set: changes the limits of a control group.
 *
 * The kernel takes new limits at any time, and they hold for the processes that are in the group
 * already. Only what is given changes.
 *
 *	cg-set -m 20M -p max dan
 */
#include "door/tool.h"
#include "mech/cgroup.h"

static struct cg_limits limits;

static const struct opt options[] = {
	CG_LIMIT_OPTIONS(limits),
	OPT_END,
};

static const struct tool me = {
	.name = "cg-set",
	.kind = TOOL_ACTS,
	.usage = "OPTION... NAME",
	.summary = "Changes limits of the control group NAME; 'max' lifts one.",
	.options = options,
	.example = "cg-set -m 20M -p max web",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_cgroup struct cgroup g = {0};
	if (a.n != 1)
		tool_usage(a.n ? "more than one NAME" : "no NAME given");
	if (!limits.given)
		tool_usage("no limit given");
	if (cg_open(a.operand[0], &g) < 0 || cg_set(&g, &limits) < 0)
		tool_die();
	return tool_finish();
}
