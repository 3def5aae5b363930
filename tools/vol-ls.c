/* SPDX-License-Identifier: MIT
 * vol-ls: the volumes there are.
 *
 *	vol-ls --filter dangling=true
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/table.h"
#include "box/volume_list.h"
#include "door/tool.h"

static struct {
	bool quiet, json;
	struct strlist filter;
} o;

static const struct opt options[] = {
	{'q', "quiet", NULL, opt_flag, &o.quiet, "names only", false},
	{'f', "filter", "KEY=VALUE", opt_list, &o.filter,
		"only those: name label driver dangling (repeatable)", false},
	{'j', "json", NULL, opt_flag, &o.json,
		"one JSON object a volume, as the Docker Engine API has it", false},
	OPT_END,
};

static const struct tool me = {
	.name = "vol-ls",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]...",
	.summary = "Shows the volumes.",
	.options = options,
	.example = "vol-ls",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct table t = {.columns = 2};
	auto_buf struct buf out = BUF_INIT;
	struct volume_list l = {0};
	if (a.n)
		tool_usage("it takes no operand");
	if (volumes_list(&o.filter, &l) < 0)
		tool_die();
	table_row(&t, (const char *const[]){"DRIVER", "VOLUME NAME"});
	for (size_t i = 0; i < l.n; i++) {
		if (o.json) {
			buf_reset(&out);
			json_visible(l.v[i].doc, JSON_COMPACT, &out);
			tool_result("%s", buf_str(&out));
		} else if (o.quiet) {
			tool_result("%s", l.v[i].v.name);
		} else {
			table_row(&t, (const char *const[]){"local", l.v[i].v.name});
		}
	}
	if (!o.json && !o.quiet) {
		table_write(&t, &out);
		tool_result("%.*s", (int)out.len - 1, out.s);
	}
	table_free(&t);
	volumes_free(&l);
	return tool_finish();
}
