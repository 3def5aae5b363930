/* SPDX-License-Identifier: MIT
 * img-history: how an image came to be, the newest step first.
 *
 * The config has a list of steps; those that changed files stand for a layer each. That list is
 * only told, nothing depends on it: what a layer holds is what its tar holds.
 *
 *	img-history alpine
 */
#include "base/err.h"
#include "base/human.h"
#include "base/table.h"
#include "door/tool.h"
#include "image/history.h"

#include <stdio.h>
#include <time.h>

static struct {
	bool json, quiet, whole;
} o;

static const struct opt options[] = {
	{'q', "quiet", NULL, opt_flag, &o.quiet, "only the ids of layers, newest first", false},
	{0, "no-trunc", NULL, opt_flag, &o.whole, "ids and commands in full", false},
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object a step: created, created_by, comment, empty_layer, diff_id, chain_id, size",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-history",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... IMAGE",
	.summary = "Prints the steps that made an image, newest first.",
	.options = options,
	.example = "img-history example",
};

/* As much of a command as fits on a line. */
#define BY_SHOWN 45

static const char *
layer_shown(const struct history_row *row, char id[DIGEST_SIZE])
{
	if (!row->layer)
		return "-";
	snprintf(id, DIGEST_SIZE, "%.*s", o.whole ? DIGEST_SIZE : 12,
		o.whole ? row->layer->diff_id : digest_hex(row->layer->diff_id));
	return id;
}

/* Cut at a character's beginning, not within. */
static void
add_short(const char *text, struct buf *out)
{
	size_t n = 0, seen = 0;
	for (; text[n] && (o.whole || seen < BY_SHOWN); n++)
		seen += ((unsigned char)text[n + 1] & 0xc0) != 0x80;
	buf_add(out, text, n);
	if (text[n])
		buf_adds(out, "…");
}

static void
add_row(const struct history_row *row, struct table *t)
{
	auto_buf struct buf ago = BUF_INIT, by = BUF_INIT, size = BUF_INIT;
	char id[DIGEST_SIZE];
	time_t when;
	if (row->created[0] && parse_rfc3339(row->created, &when) == 0)
		human_ago(when, time(NULL), &ago);
	else
		buf_addc(&ago, '-');
	err_clear();
	add_short(row->created_by, &by);
	if (row->size < 0)
		buf_addc(&size, '-');
	else
		human_size(row->size, &size);
	table_row(
		t, (const char *const[]){layer_shown(row, id), ago.s, by.s, size.s, row->comment});
}

static void
print_table(const struct history *h)
{
	static const char *const header[] = {"LAYER", "CREATED", "CREATED BY", "SIZE", "COMMENT"};
	struct table t = {.columns = sizeof(header) / sizeof(header[0])};
	auto_buf struct buf out = BUF_INIT;
	table_row(&t, header);
	for (size_t i = h->n; i-- > 0;)
		add_row(&h->v[i], &t);
	table_write(&t, &out);
	fputs(buf_str(&out), stdout);
	table_free(&t);
}

static void
print_json(const struct history_row *row)
{
	auto_buf struct buf out = BUF_INIT;
	buf_adds(&out, "{\"created\":");
	if (row->created[0])
		buf_add_json(&out, row->created);
	else
		buf_adds(&out, "null");
	buf_adds(&out, ",\"created_by\":");
	buf_add_json(&out, row->created_by);
	buf_adds(&out, ",\"comment\":");
	buf_add_json(&out, row->comment);
	buf_addf(&out, ",\"empty_layer\":%s", row->layer ? "false" : "true");
	if (row->layer)
		buf_addf(&out, ",\"diff_id\":\"%s\",\"chain_id\":\"%s\"", row->layer->diff_id,
			row->layer->chain);
	else
		buf_adds(&out, ",\"diff_id\":null,\"chain_id\":null");
	if (row->size < 0)
		buf_adds(&out, ",\"size\":null}");
	else
		buf_addf(&out, ",\"size\":%lld}", (long long)row->size);
	puts(out.s);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = store_open();
	auto_image struct image img = {0};
	struct history h;
	char id[DIGEST_SIZE];
	if (a.n != 1)
		tool_usage("one IMAGE is needed");
	if (!s || image_find(s, a.operand[0], &img) < 0 || image_history(s, &img, &h) < 0)
		tool_die();
	if (!o.json && !o.quiet)
		print_table(&h);
	for (size_t i = h.n; (o.json || o.quiet) && i-- > 0;)
		if (o.json)
			print_json(&h.v[i]);
		else if (h.v[i].layer)
			puts(layer_shown(&h.v[i], id));
	history_free(&h);
	return tool_finish();
}
