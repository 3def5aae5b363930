/* SPDX-License-Identifier: MIT
 * net-inspect: what is known of a network, and the boxes that are connected to it.
 *
 *	net-inspect back | jq '.Containers[].IPv4Address'
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/network.h"
#include "door/tool.h"

static bool json;

static const struct opt options[] = {
	{'j', "json", NULL, opt_flag, &json, "one JSON object a line, not indented", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-inspect",
	.kind = TOOL_SHOWS,
	.usage = "[--json] NETWORK...",
	.summary = "Shows each NETWORK as a JSON document, as the Docker Engine API has it.",
	.options = options,
	.example = "net-inspect back",
};

static int
show(const char *name, void *self)
{
	struct network n;
	auto_buf struct buf out = BUF_INIT;
	(void)self;
	if (network_find(name, &n) < 0)
		return -1;
	auto_json json_t *doc = network_show(&n);
	json_visible(doc, json ? JSON_COMPACT : JSON_INDENT(2), &out);
	tool_result("%s", buf_str(&out));
	network_free(&n);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return tool_each(&a, "NETWORK", show, NULL);
}
