/* SPDX-License-Identifier: MIT
 * img-rm: takes names, and with the last name images, out of the store's index.
 *
 * Blobs and layers may belong to several images, so they are not counted here: img-gc looks for
 *what nothing leads to any more.
 *
 *	img-rm alpine:3 && img-gc
 */
#include "door/tool.h"
#include "image/remove.h"

#include <string.h>

static struct {
	bool force;
} o;

static const struct opt options[] = {
	{'f', "force", NULL, opt_flag, &o.force,
		"remove an image that is named by its id, however many names it has", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-rm",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... IMAGE...",
	.summary = "Removes names of images, and the images that have no other.",
	.options = options,
	.example = "img-rm example",
	.rights = RIGHTS_OWNERS,
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = store_open();
	auto_buf struct buf told = BUF_INIT;
	if (a.n == 0)
		tool_usage("which IMAGE?");
	if (!s || images_remove(s, a.operand, (size_t)a.n, o.force, &told) < 0)
		tool_die();
	for (char *line = told.s, *end; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		tool_result("%s", line);
	}
	return tool_finish();
}
