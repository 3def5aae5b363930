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
#include "door/sys_cred.h"
#include "door/tool.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
	struct stats s;
	bool seen; /* in this round */
};

/* One round: of those that are named, or of all. */
struct round {
	struct stats_host host;
	bool named;
};

static struct row *rows;
static size_t n_rows;
/* How many files of boxes may stay open. */
static rlim_t files_max;

static struct row *
row_of(const struct box *b)
{
	for (size_t i = 0; i < n_rows; i++)
		if (strcmp(rows[i].s.b.id, b->id) == 0)
			return &rows[i];
	rows = reallocarray(rows, n_rows + 1, sizeof(*rows));
	if (!rows)
		abort();
	rows[n_rows] = (struct row){
		.s = {.b = *b, .doc = box_read(b, "box.json"), .depth = o.json ? CG_MANY : CG_FEW}};
	return &rows[n_rows++];
}

static int
look_at(const struct box *b, void *arg)
{
	const struct round *now = arg;
	struct box_state st;
	box_state(b, &st);
	if (!now->named && !o.all && st.status != BOX_RUNNING && st.status != BOX_PAUSED)
		return 0;
	struct row *r = row_of(b);
	/* One that is being removed. */
	if (!r->s.doc) {
		err_clear();
		return 0;
	}
	stats_take(&r->s, &st, &now->host);
	if ((rlim_t)(r - rows + 1) * STATS_FILES > files_max)
		stats_close(&r->s);
	r->seen = true;
	return 0;
}

static void
forget(size_t i)
{
	stats_free(&rows[i].s);
	rows[i] = rows[--n_rows];
}

static int
by_age(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return strcmp(box_text(x->s.doc, "Created"), box_text(y->s.doc, "Created"));
}

/* All of them once; those that have gone are forgotten. */
static int
look(const struct args *a)
{
	struct round now = {.named = a->n > 0};
	struct box b;
	stats_host(&now.host);
	for (size_t i = 0; i < n_rows; i++)
		rows[i].seen = false;
	if (!now.named && box_each(look_at, &now) < 0)
		return -1;
	for (int i = 0; i < a->n; i++)
		if (box_find(a->operand[i], &b) < 0)
			return -1;
		else
			look_at(&b, &now);
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
add_row(struct table *t, const struct stats *r)
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
show_json(const struct stats *r)
{
	auto_buf struct buf line = BUF_INIT;
	auto_json json_t *doc = stats_document(r);
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
			show_json(&rows[i].s);
		return fflush(stdout) == 0;
	}
	table_row(&t,
		(const char *const[]){"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %",
			"NET I/O", "BLOCK I/O", "PIDS"});
	for (size_t i = 0; i < n_rows; i++)
		add_row(&t, &rows[i].s);
	/* On a terminal each look takes the place of the one before. */
	if (!o.once && isatty(STDOUT_FILENO))
		buf_adds(&out, "\033[H\033[J");
	table_write(&t, &out);
	tool_result("%.*s", (int)out.len - 1, out.s);
	table_free(&t);
	return fflush(stdout) == 0;
}

static int
allow_files(void)
{
	static const rlim_t others = 32;
	struct rlimit n;
	if (getrlimit(RLIMIT_NOFILE, &n) < 0)
		return err_sys("getrlimit", NULL, "cannot tell how many files may be open");
	files_max = n.rlim_max > others ? n.rlim_max - others : 0;
	return n.rlim_cur == n.rlim_max
		? 0
		: sys_setrlimit("files of all boxes stay open from look to look", RLIMIT_NOFILE,
			  "nofile", n.rlim_max, n.rlim_max);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (o.interval <= 0)
		tool_usage("--interval: 0 is no time");
	if (allow_files() < 0)
		tool_die();
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
