/* SPDX-License-Identifier: MIT
 * img-config: the config of an image: what a container of it runs, and how it came to be.
 *
 *	img-config alpine | jq .config.Cmd
 */
#include "door/tool.h"
#include "image/image.h"

#include <stdio.h>

static struct {
	bool json, raw;
} o;

static const struct opt options[] = {
	{0, "json", NULL, opt_flag, &o.json, "on one line, for programs", false},
	{0, "raw", NULL, opt_flag, &o.raw,
		"byte for byte as it is kept: its sha256sum is the image's id", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-config",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... IMAGE",
	.summary = "Prints the config of an image.",
	.options = options,
	.example = "img-config example",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = NULL;
	auto_image struct image img = {0};
	auto_buf struct buf raw = BUF_INIT, text = BUF_INIT;
	if (a.n != 1)
		tool_usage("one IMAGE is needed");
	if (o.raw && o.json)
		tool_usage("--raw and --json exclude each other");
	if (!(s = store_open()) || image_find(s, a.operand[0], &img) < 0 ||
		store_get(s, img.id, &raw) < 0)
		tool_die();
	if (o.raw) {
		fwrite(raw.s, 1, raw.len, stdout);
		return tool_finish();
	}
	json_visible(img.config, o.json ? JSON_COMPACT : JSON_INDENT(2), &text);
	puts(text.s);
	return tool_finish();
}
