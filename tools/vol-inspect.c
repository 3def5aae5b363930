/* SPDX-License-Identifier: MIT
 * vol-inspect: what is known of a volume.
 *
 *	vol-inspect data | jq -r .Mountpoint
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/volume.h"
#include "door/tool.h"

static bool json;

static const struct opt options[] = {
	{'j', "json", NULL, opt_flag, &json, "one JSON object a line, not indented", false},
	OPT_END,
};

static const struct tool me = {
	.name = "vol-inspect",
	.kind = TOOL_SHOWS,
	.usage = "[--json] VOLUME...",
	.summary = "Shows each VOLUME as a JSON document, as the Docker Engine API has it.",
	.options = options,
	.example = "vol-inspect data",
};

static int
show(const char *name, void *self)
{
	struct volume v;
	auto_buf struct buf out = BUF_INIT;
	(void)self;
	int there = volume_find(name, &v);
	if (there <= 0)
		return there < 0 ? -1
				 : err_set(ERR_NOT_FOUND, name, "get %s: no such volume", name);
	auto_json json_t *doc = volume_read(&v);
	if (!doc)
		return -1;
	json_visible(doc, json ? JSON_COMPACT : JSON_INDENT(2), &out);
	tool_result("%s", buf_str(&out));
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return tool_each(&a, "VOLUME", show, NULL);
}
