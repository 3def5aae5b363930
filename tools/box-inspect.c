/* SPDX-License-Identifier: MIT
 * box-inspect: all that is known of a box, in the words of the Docker Engine API.
 *
 *	box-inspect web | jq .State
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/show.h"
#include "door/tool.h"

static struct {
	bool size, json;
} o;

static const struct opt options[] = {
	{'s', "size", NULL, opt_flag, &o.size, "how much it has written as well", false},
	{'j', "json", NULL, opt_flag, &o.json, "one JSON object a line, not indented", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-inspect",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... BOX...",
	.summary = "Shows each BOX as a JSON document.",
	.options = options,
	.example = "box-inspect example",
};

static int
show(const char *name, void *self)
{
	struct box b;
	struct box_look l;
	auto_buf struct buf out = BUF_INIT;
	(void)self;
	if (box_find(name, &b) < 0 || box_look(&b, &l) < 0)
		return -1;
	auto_json json_t *doc = show_document(&l, o.size);
	json_decref(l.doc);
	json_visible(doc, o.json ? JSON_COMPACT : JSON_INDENT(2), &out);
	tool_result("%s", buf_str(&out));
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return tool_each(&a, "BOX", show, NULL);
}
