/* SPDX-License-Identifier: MIT
 * img-inspect: all that is known of an image, in the words of Docker's API.
 *
 *	img-inspect alpine | jq -r '.[0].Config.Env[]'
 */
#include "door/tool.h"
#include "image/inspect.h"

#include <stdio.h>

static struct {
	bool json;
} o;

static const struct opt options[] = {
	{0, "json", NULL, opt_flag, &o.json, "one object an image, each on one line", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-inspect",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... IMAGE...",
	.summary = "Prints images as Docker's API describes them: a JSON list.",
	.options = options,
	.example = "img-inspect example",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = store_open();
	struct image_list all;
	auto_buf struct buf out = BUF_INIT, left_out = BUF_INIT;
	auto_json json_t *list = json_array();
	if (a.n == 0)
		tool_usage("which IMAGE?");
	if (!s || images_list(s, &all, &left_out) < 0)
		tool_die();
	/* All or nothing: half a list is easily taken for the whole. */
	for (int i = 0; i < a.n; i++) {
		auto_image struct image img = {0};
		if (image_find(s, a.operand[i], &img) < 0)
			tool_die();
		json_array_append_new(list, image_inspect(s, &img, &all));
	}
	for (size_t i = 0; o.json && i < json_array_size(list); i++) {
		json_visible(json_array_get(list, i), JSON_COMPACT, &out);
		buf_addc(&out, '\n');
	}
	if (!o.json) {
		json_visible(list, JSON_INDENT(4), &out);
		buf_addc(&out, '\n');
	}
	fputs(buf_str(&out), stdout);
	images_list_free(&all);
	return tool_finish();
}
