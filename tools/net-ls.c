/* SPDX-License-Identifier: MIT
 * net-ls: the networks there are.
 *
 *	net-ls --filter type=custom
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/table.h"
#include "box/box.h"
#include "box/network_list.h"
#include "door/tool.h"

#include <stdio.h>

static struct {
	bool quiet, full, json;
	struct strlist filter;
} o;

static const struct opt options[] = {
	{'q', "quiet", NULL, opt_flag, &o.quiet, "ids only", false},
	{0, "no-trunc", NULL, opt_flag, &o.full, "ids in full", false},
	{'f', "filter", "KEY=VALUE", opt_list, &o.filter,
		"only those: name id label driver scope type dangling (repeatable)", false},
	{'j', "json", NULL, opt_flag, &o.json,
		"one JSON object a network, as the Docker Engine API has it", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-ls",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]...",
	.summary = "Shows the networks.",
	.options = options,
	.example = "net-ls",
};

static int
show(const struct network *n, void *table)
{
	char id[65];
	snprintf(id, sizeof(id), o.full ? "%s" : "%.12s", n->id);
	if (o.json) {
		auto_buf struct buf out = BUF_INIT;
		auto_json json_t *doc = network_show(n);
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
	} else if (o.quiet) {
		tool_result("%s", id);
	} else {
		table_row(table,
			(const char *const[]){id, n->name, box_text(n->doc, "Driver"), "local"});
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct table t = {.columns = 4};
	auto_buf struct buf out = BUF_INIT;
	if (a.n)
		tool_usage("it takes no operand");
	table_row(&t, (const char *const[]){"NETWORK ID", "NAME", "DRIVER", "SCOPE"});
	if (networks_list(&o.filter, show, &t) < 0)
		tool_die();
	if (!o.json && !o.quiet) {
		table_write(&t, &out);
		tool_result("%.*s", (int)out.len - 1, out.s);
	}
	table_free(&t);
	return tool_finish();
}
