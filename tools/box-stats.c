/* SPDX-License-Identifier: MIT
 * box-stats: what boxes use, again and again. The kernel counts in each box's control group and
 * network; all that is done here is to look.
 *
 *	box-stats --no-stream
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "base/table.h"
#include "box/stats.h"
#include "door/tool.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	bool all, once, json;
	int64_t interval;
} o = {.interval = 1000000000};

static const struct opt options[] = {
	{'a', "all", NULL, opt_flag, &o.all, "those that do not run, too", false},
	{0, "no-stream", NULL, opt_flag, &o.once, "one look (two, an interval apart), and no more",
		false},
	{'i', "interval", "TIME", opt_duration, &o.interval, "time between two looks (1s)", false},
	{'j', "json", NULL, opt_flag, &o.json,
		"a JSON object a box, as the Docker Engine API has it (GET /containers/ID/stats)",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-stats",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... [BOX]...",
	.summary =
		"Shows what boxes use of processors, memory, network and disks; all that run, or BOX.",
	.options = options,
	.example = "box-stats --no-stream --interval 100ms",
	.rights = RIGHTS_ROOT,
};

struct row {
	struct box b;
	json_t *doc;
	struct stats_look before, now;
	bool seen; /* in this round */
};

static struct row *rows;
static size_t n_rows;

static struct row *
row_of(const struct box *b)
{
	for (size_t i = 0; i < n_rows; i++)
		if (strcmp(rows[i].b.id, b->id) == 0)
			return &rows[i];
	rows = reallocarray(rows, n_rows + 1, sizeof(*rows));
	if (!rows)
		abort();
	rows[n_rows] = (struct row){.b = *b, .doc = box_read(b, "box.json")};
	return &rows[n_rows++];
}

static int
look_at(const struct box *b, void *arg)
{
	const bool *named = arg;
	struct box_state st;
	box_state(b, &st);
	if (!*named && !o.all && st.status != BOX_RUNNING && st.status != BOX_PAUSED)
		return 0;
	struct row *r = row_of(b);
	/* One that is being removed. */
	if (!r->doc) {
		err_clear();
		return 0;
	}
	stats_free(&r->before);
	r->before = r->now;
	stats_take(b, r->doc, &st, &r->now);
	r->seen = true;
	return 0;
}

static void
forget(size_t i)
{
	json_decref(rows[i].doc);
	stats_free(&rows[i].before);
	stats_free(&rows[i].now);
	rows[i] = rows[--n_rows];
}

static int
by_age(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return strcmp(box_text(x->doc, "Created"), box_text(y->doc, "Created"));
}

/* All of them once; those that have gone are forgotten. */
static int
look(const struct args *a)
{
	bool named = a->n > 0;
	struct box b;
	for (size_t i = 0; i < n_rows; i++)
		rows[i].seen = false;
	if (!named && box_each(look_at, &named) < 0)
		return -1;
	for (int i = 0; i < a->n; i++)
		if (box_find(a->operand[i], &b) < 0)
			return -1;
		else
			look_at(&b, &named);
	for (size_t i = n_rows; i-- > 0;)
		if (!rows[i].seen)
			forget(i);
	if (n_rows)
		qsort(rows, n_rows, sizeof(*rows), by_age);
	return 0;
}

static void
add_pair(struct buf *out, int64_t a, int64_t b)
{
	human_size(a, out);
	buf_adds(out, " / ");
	human_size(b, out);
}

static void
add_row(struct table *t, const struct row *r)
{
	auto_buf struct buf id = BUF_INIT, cpu = BUF_INIT, mem = BUF_INIT, part = BUF_INIT,
			    net = BUF_INIT, disk = BUF_INIT, pids = BUF_INIT;
	int64_t used = stats_memory(&r->now), limit = stats_memory_limit(&r->now);
	buf_addf(&id, "%.12s", r->b.id);
	buf_addf(&cpu, "%.2f%%", stats_cpu(&r->before, &r->now));
	add_pair(&mem, used, limit);
	buf_addf(&part, "%.2f%%", limit ? (double)used * 100 / (double)limit : 0);
	add_pair(&net, r->now.received, r->now.sent);
	add_pair(&disk, r->now.g.read_bytes > 0 ? r->now.g.read_bytes : 0,
		r->now.g.write_bytes > 0 ? r->now.g.write_bytes : 0);
	buf_addf(&pids, "%lld", r->now.g.pids > 0 ? (long long)r->now.g.pids : 0);
	table_row(t,
		(const char *const[]){id.s, box_text(r->doc, "Name"), cpu.s, mem.s, part.s, net.s,
			disk.s, pids.s});
}

static void
show_json(const struct row *r)
{
	auto_buf struct buf line = BUF_INIT;
	auto_json json_t *doc = stats_document(&r->b, r->doc, &r->before, &r->now);
	json_visible(doc, JSON_COMPACT, &line);
	tool_result("%s", buf_str(&line));
}

static bool
show(void)
{
	struct table t = {.columns = 8};
	auto_buf struct buf out = BUF_INIT;
	if (o.json) {
		for (size_t i = 0; i < n_rows; i++)
			show_json(&rows[i]);
		return fflush(stdout) == 0;
	}
	table_row(&t,
		(const char *const[]){"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %",
			"NET I/O", "BLOCK I/O", "PIDS"});
	for (size_t i = 0; i < n_rows; i++)
		add_row(&t, &rows[i]);
	/* On a terminal each look takes the place of the one before. */
	if (!o.once && isatty(STDOUT_FILENO))
		buf_adds(&out, "\033[H\033[J");
	table_write(&t, &out);
	tool_result("%.*s", (int)out.len - 1, out.s);
	table_free(&t);
	return fflush(stdout) == 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (o.interval <= 0)
		tool_usage("--interval: 0 is no time");
	do {
		if (look(&a) < 0)
			tool_die();
		if (o.once) {
			poll(NULL, 0, (int)(o.interval / 1000000));
			if (look(&a) < 0)
				tool_die();
		}
		if (!show())
			break;
	} while (!o.once && poll(NULL, 0, (int)(o.interval / 1000000)) == 0);
	return tool_finish();
}
