/* SPDX-License-Identifier: MIT
 * box-ps: the boxes there are. A box runs while its lock is held: the kernel is asked, no list.
 *
 *	box-ps -a
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "base/parse.h"
#include "base/table.h"
#include "box/box.h"
#include "box/list.h"
#include "box/show.h"
#include "door/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
	bool all, quiet, json, whole, latest, size;
	int64_t last;
	struct strlist filter;
} o;

static const struct opt options[] = {
	{'a', "all", NULL, opt_flag, &o.all, "also those that do not run", false},
	{'q', "quiet", NULL, opt_flag, &o.quiet, "ids only", false},
	{'l', "latest", NULL, opt_flag, &o.latest, "only the newest, running or not", false},
	{0, "last", "N", opt_int, &o.last, "only the N newest, running or not", false},
	{'s', "size", NULL, opt_flag, &o.size, "how much each has written", false},
	{'f', "filter", "KEY=VALUE", opt_list, &o.filter,
		"only those: id name label status ancestor volume network exited publish expose before "
		"since (repeatable)",
		false},
	{0, "no-trunc", NULL, opt_flag, &o.whole, "do not shorten", false},
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object a box, as the Docker Engine API has it (GET /containers/json)",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-ps",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]...",
	.summary = "Shows the boxes that run.",
	.options = options,
	.example = "box-ps -a",
};

static void
add_row(struct table *t, const struct box_look *r)
{
	auto_buf struct buf id = BUF_INIT, cmd = BUF_INIT, made = BUF_INIT, st = BUF_INIT,
			    quoted = BUF_INIT, ports = BUF_INIT, size = BUF_INIT;
	time_t created = 0;
	buf_addf(&id, o.whole ? "%s" : "%.12s", r->b.id);
	show_command(r, &cmd);
	buf_addf(&quoted, o.whole || cmd.len <= 20 ? "\"%s\"" : "\"%.19s…\"", buf_str(&cmd));
	if (parse_rfc3339(box_text(r->doc, "Created"), &created) == 0)
		human_ago(created, time(NULL), &made);
	show_status(r, &st);
	show_ports(r, &ports);
	if (o.size)
		show_size(r, &size);
	table_row(t,
		(const char *const[]){id.s, show_image(r), quoted.s, buf_str(&made), st.s,
			buf_str(&ports), box_text(r->doc, "Name"), buf_str(&size)});
}

static void
show_json_row(const struct box_look *r)
{
	auto_buf struct buf line = BUF_INIT;
	auto_json json_t *item = show_item(r, o.size);
	json_visible(item, JSON_COMPACT, &line);
	tool_result("%s", buf_str(&line));
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct table t = {.columns = 7};
	struct box_list l;
	auto_buf struct buf out = BUF_INIT;
	if (a.n)
		tool_usage("it takes no operand");
	o.last = o.latest ? 1 : o.last;
	if (boxes_list(&o.filter, o.all || o.last, !o.json && !o.size, &l) < 0)
		tool_die();
	t.columns += o.size;
	table_row(&t,
		(const char *const[]){"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS",
			"PORTS", "NAMES", "SIZE"});
	size_t n = o.last && (size_t)o.last < l.n ? (size_t)o.last : l.n;
	for (size_t i = 0; i < n; i++) {
		if (o.json)
			show_json_row(&l.v[i]);
		else if (o.quiet)
			tool_result(o.whole ? "%s" : "%.12s", l.v[i].b.id);
		else
			add_row(&t, &l.v[i]);
	}
	table_write(&t, &out);
	if (!o.json && !o.quiet)
		tool_result("%.*s", (int)out.len - 1, out.s);
	table_free(&t);
	boxes_free(&l);
	return tool_finish();
}
