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

/* jansson writes non-ASCII as it is and control characters as \u00xx, so a terminal is safe; DEL
 * and U+0080 to U+009F, which JSON lets through, are escaped here. */
static void
print_safely(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p == 0x7f)
			fputs("\\u007f", stdout);
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			printf("\\u%04x", *++p);
		else
			putchar(*p);
	putchar('\n');
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = NULL;
	auto_image struct image img = {0};
	auto_buf struct buf raw = BUF_INIT;
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
	char *text = json_dumps(img.config, o.json ? JSON_COMPACT : JSON_INDENT(2));
	print_safely(text);
	free(text);
	return tool_finish();
}
