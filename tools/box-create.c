/* SPDX-License-Identifier: MIT
 * box-create: makes a box of an image.
 *
 * A box is a directory: config.json says how it runs, in the words of the OCI runtime
 *specification, so that other runtimes can run it too. Nothing runs yet, and nothing is mounted.
 *
 *	box-start "$(box-create --name web alpine sleep 100)"
 */
#include "base/err.h"
#include "box/create.h"
#include "door/tool.h"

static struct box_options o;

static const struct opt options[] = {
	BOX_OPTIONS(o),
	OPT_END,
};

static const struct tool me = {
	.name = "box-create",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... IMAGE [COMMAND [ARG]...]",
	.summary = "Makes a box of IMAGE, and prints its id.",
	.options = options,
	.example = "box-create --name example -m 64m example echo hello",
	.operands = 1,
	.takes_command = true,
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = NULL;
	auto_image struct image img = {0};
	struct box b;
	if (a.n != 1)
		tool_usage("no IMAGE given");
	if (!(s = store_open()) || store_hold(s) < 0 || image_find(s, a.operand[0], &img) < 0 ||
		box_create(s, a.operand[0], &img, &o, a.command, &b) < 0)
		tool_die();
	tool_result("%s", b.id);
	return tool_finish();
}
