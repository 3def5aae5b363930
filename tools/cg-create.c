/* SPDX-License-Identifier: MIT
 * cg-create: makes a control group and sets its limits.
 *
 * A group is a directory: mkdir in the tree of control groups makes it, and the kernel fills it
 * with files. Writing a limit into one of them is all there is to limiting. On cgroup v1 every
 * controller has a tree of its own, so the same directory is made in each.
 *
 *	cg-create -m 10M dan && cg-exec dan -- ./hog
 */
#include "door/tool.h"
#include "mech/cgroup.h"

static struct cg_limits limits;

static const struct opt options[] = {
	CG_CREATE_OPTIONS(limits),
	OPT_END,
};

static const struct tool me = {
	.name = "cg-create",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME",
	.summary = "Makes the control group NAME (a, or a/b) and prints its directories.",
	.options = options,
	.example = "cg-create -m 10M -c 1.5 -p 100 web",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_cgroup struct cgroup g = {0};
	if (a.n != 1)
		tool_usage(a.n ? "more than one NAME" : "no NAME given");
	if (cg_create(a.operand[0], &limits, &g) < 0)
		tool_die();
	for (unsigned i = 0; i < g.host->n; i++)
		if (g.dir[i])
			tool_result("%s", g.dir[i]);
	return tool_finish();
}
