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
#include "box/filter.h"
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

static struct box_look *rows;
static size_t n_rows;

/* Who asks for a status wants those that do not run, too. */
static bool
asks_status(void)
{
	for (size_t i = 0; i < o.filter.n; i++)
		if (strncmp(o.filter.v[i], "status=", 7) == 0 ||
			strncmp(o.filter.v[i], "exited=", 7) == 0)
			return true;
	return false;
}

static int
take(const struct box *b, void *arg)
{
	struct box_look r = {.b = *b};
	const bool *all = arg;
	box_state(b, &r.st);
	if (!*all && (r.st.status == BOX_CREATED || r.st.status == BOX_EXITED))
		return 0;
	/* One that is being removed has no document any more. */
	if (!(r.doc = box_read(b, "box.json"))) {
		err_clear();
		return 0;
	}
	if (!box_filter_passes(&o.filter, &r)) {
		json_decref(r.doc);
		return 0;
	}
	rows = reallocarray(rows, n_rows + 1, sizeof(*rows));
	if (!rows)
		abort();
	rows[n_rows++] = r;
	return 0;
}

static int
newest_first(const void *a, const void *b)
{
	const struct box_look *x = a, *y = b;
	int r = strcmp(box_text(y->doc, "Created"), box_text(x->doc, "Created"));
	return r ? r : strcmp(x->b.id, y->b.id);
}

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
	auto_buf struct buf out = BUF_INIT;
	if (a.n)
		tool_usage("it takes no operand");
	o.last = o.latest ? 1 : o.last;
	bool all = o.all || o.last || asks_status();
	if (box_filter_check(&o.filter) < 0 || box_each(take, &all) < 0)
		tool_die();
	if (n_rows)
		qsort(rows, n_rows, sizeof(*rows), newest_first);
	t.columns += o.size;
	table_row(&t,
		(const char *const[]){"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS",
			"PORTS", "NAMES", "SIZE"});
	int64_t n = 0;
	for (size_t i = 0; i < n_rows; i++) {
		if (o.last && n++ >= o.last)
			break;
		if (o.json)
			show_json_row(&rows[i]);
		else if (o.quiet)
			tool_result(o.whole ? "%s" : "%.12s", rows[i].b.id);
		else
			add_row(&t, &rows[i]);
	}
	table_write(&t, &out);
	if (!o.json && !o.quiet)
		tool_result("%.*s", (int)out.len - 1, out.s);
	table_free(&t);
	for (size_t i = 0; i < n_rows; i++)
		json_decref(rows[i].doc);
	free(rows);
	return tool_finish();
}
