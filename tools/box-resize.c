/* SPDX-License-Identifier: MIT
 * box-resize: how large the terminal of a box is. Who is attached with a terminal says so without
 * this tool.
 *
 *	box-resize web 50 132
 */
#include "base/err.h"
#include "base/parse.h"
#include "box/attach.h"
#include "door/tool.h"

#include <stdint.h>
#include <sys/ioctl.h>

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "box-resize",
	.kind = TOOL_ACTS,
	.usage = "BOX ROWS COLUMNS",
	.summary = "Makes the terminal of BOX so large.",
	.options = options,
	.example = "box-resize example 50 132",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct box b;
	int64_t rows, columns;
	if (a.n != 3)
		tool_usage("BOX, ROWS and COLUMNS are needed");
	if (parse_int(a.operand[1], 1, UINT16_MAX, &rows) < 0 ||
		parse_int(a.operand[2], 1, UINT16_MAX, &columns) < 0)
		tool_usage_err();
	const struct winsize size = {.ws_row = (uint16_t)rows, .ws_col = (uint16_t)columns};
	if (box_find(a.operand[0], &b) < 0 || attach_resize(&b, &size) < 0)
		tool_die();
	return tool_finish();
}
