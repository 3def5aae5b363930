/* SPDX-License-Identifier: MIT
 * box-ps: the boxes there are. A box runs while its lock is held: the kernel is asked, no list.
 *
 *	box-ps -a
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "base/table.h"
#include "box/box.h"
#include "door/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
	bool all, quiet, json, whole;
} o;

static const struct opt options[] = {
	{'a', "all", NULL, opt_flag, &o.all, "also those that do not run", false},
	{'q', "quiet", NULL, opt_flag, &o.quiet, "ids only", false},
	{0, "no-trunc", NULL, opt_flag, &o.whole, "do not shorten", false},
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object a box: Id, Names, Image, ImageID, Command, Created, State, Status",
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

struct row {
	struct box b;
	struct box_state st;
	json_t *doc;
	time_t created;
};
static struct row *rows;
static size_t n_rows;

static int
take(const struct box *b, void *arg)
{
	struct row r = {.b = *b};
	(void)arg;
	box_state(b, &r.st);
	if (!o.all && r.st.status != BOX_RUNNING && r.st.status != BOX_PAUSED)
		return 0;
	/* One that is being made or removed has no document. */
	if (!(r.doc = box_read(b, "box.json"))) {
		err_clear();
		return 0;
	}
	r.created = (time_t)json_integer_value(json_object_get(r.doc, "Created"));
	rows = reallocarray(rows, n_rows + 1, sizeof(*rows));
	if (!rows)
		abort();
	rows[n_rows++] = r;
	return 0;
}

static int
newest_first(const void *a, const void *b)
{
	time_t x = ((const struct row *)a)->created, y = ((const struct row *)b)->created;
	return x < y	? 1
		: x > y ? -1
			: strcmp(((const struct row *)a)->b.id, ((const struct row *)b)->b.id);
}

static const char *
word(const struct row *r, const char *key)
{
	const char *s = json_string_value(json_object_get(r->doc, key));
	return s ? s : "";
}

static void
status(const struct row *r, struct buf *out)
{
	auto_buf struct buf ago = BUF_INIT;
	time_t now = time(NULL);
	if (r->st.status == BOX_CREATED) {
		buf_adds(out, "Created");
	} else if (r->st.status == BOX_EXITED) {
		buf_addf(out, "Exited (%d) ", r->st.exit);
		human_ago(r->st.finished ? r->st.finished : r->st.started, now, out);
	} else {
		human_ago(r->st.started, now, &ago);
		buf_addf(out, "Up %.*s%s", (int)(ago.len > 4 ? ago.len - 4 : ago.len), ago.s,
			r->st.status == BOX_PAUSED ? " (Paused)" : "");
	}
}

static void
command(const struct row *r, struct buf *out)
{
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(r->doc, "Command"), i, item)
	{
		buf_adds(out, i ? " " : "");
		buf_add_sh(out, json_string_value(item));
	}
}

static void
show_json(const struct row *r)
{
	auto_buf struct buf line = BUF_INIT, text = BUF_INIT, cmd = BUF_INIT;
	status(r, &text);
	command(r, &cmd);
	auto_json json_t *j = json_pack("{s:s,s:[s+],s:O?,s:O?,s:s,s:I,s:s,s:s}", "Id", r->b.id,
		"Names", "/", word(r, "Name"), "Image", json_object_get(r->doc, "Image"), "ImageID",
		json_object_get(r->doc, "ImageID"), "Command", buf_str(&cmd), "Created",
		(json_int_t)r->created, "State", box_status_word(r->st.status), "Status", text.s);
	json_visible(j, JSON_COMPACT, &line);
	tool_result("%s", buf_str(&line));
}

static void
add_row(struct table *t, const struct row *r)
{
	auto_buf struct buf id = BUF_INIT, cmd = BUF_INIT, made = BUF_INIT, st = BUF_INIT,
			    quoted = BUF_INIT;
	buf_addf(&id, o.whole ? "%s" : "%.12s", r->b.id);
	command(r, &cmd);
	buf_addf(&quoted, o.whole || cmd.len <= 20 ? "\"%s\"" : "\"%.19s…\"", buf_str(&cmd));
	human_ago(r->created, time(NULL), &made);
	status(r, &st);
	table_row(t,
		(const char *const[]){
			id.s, word(r, "Image"), quoted.s, made.s, st.s, word(r, "Name")});
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct table t = {.columns = 6};
	auto_buf struct buf out = BUF_INIT;
	if (a.n)
		tool_usage("it takes no operand");
	if (box_each(take, NULL) < 0)
		tool_die();
	if (n_rows)
		qsort(rows, n_rows, sizeof(*rows), newest_first);
	table_row(&t,
		(const char *const[]){
			"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "NAMES"});
	for (size_t i = 0; i < n_rows; i++)
		if (o.json)
			show_json(&rows[i]);
		else if (o.quiet)
			tool_result(o.whole ? "%s" : "%.12s", rows[i].b.id);
		else
			add_row(&t, &rows[i]);
	table_write(&t, &out);
	if (!o.json && !o.quiet)
		tool_result("%.*s", (int)out.len - 1, out.s);
	table_free(&t);
	for (size_t i = 0; i < n_rows; i++)
		json_decref(rows[i].doc);
	free(rows);
	return tool_finish();
}
