/* SPDX-License-Identifier: MIT
 * @TOOL@ DIR: what it does in one sentence.
 *
 * What the kernel does, in a few more. One example:
 *
 *	@TOOL@ --private /tmp/example
 */
#include "base/err.h"
#include "door/sys.h"
#include "door/tool.h"

static struct {
	bool private;
} opts;

static const struct opt options[] = {
	{0, "private", NULL, opt_flag, &opts.private, "only its owner may look inside", false},
	OPT_END,
};

static const struct tool me = {
	.name = "@TOOL@",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... DIR",
	.summary = "Makes a directory and prints its name.",
	.options = options,
	.example = "@TOOL@ --private example",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (a.n != 1)
		tool_usage("one directory is wanted, not %d", a.n);
	if (sys_mkdir("the directory", a.operand[0], opts.private ? 0700 : 0755) < 0)
		tool_die();
	tool_result("%s", a.operand[0]);
	return tool_finish();
}
