/* SPDX-License-Identifier: MIT
 * box-top: the processes of a box, as ps(1) of the host shows them.
 *
 *	box-top web -o pid,rss,args
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/table.h"
#include "box/pids.h"
#include "door/spawn.h"
#include "door/tool.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool json;

static const struct opt options[] = {
	{'j', "json", NULL, opt_flag, &json,
		"one JSON object, as the Docker Engine API has it (GET /containers/ID/top)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-top",
	.kind = TOOL_SHOWS,
	.usage = "[--json] BOX [OPTION OF PS]...",
	.summary = "Shows the processes of BOX, with the numbers that the host knows them by.",
	.options = options,
	.example = "box-top example",
	.operands = 1,
	.takes_command = true,
	.rights = RIGHTS_ROOT,
};

/* Cuts a line of ps into `n` columns, of which the last takes the rest. Returns how many it has. */
static size_t
cut(char *line, char **cell, size_t n)
{
	size_t k = 0;
	for (char *p = line + strspn(line, " "); *p && k < n; p += strspn(p, " ")) {
		cell[k++] = p;
		if (k == n)
			break;
		p += strcspn(p, " ");
		if (*p)
			*p++ = '\0';
	}
	return k;
}

static bool
has(const struct cg_pids *pids, const char *text)
{
	long pid = strtol(text, NULL, 10);
	for (size_t i = 0; i < pids->n; i++)
		if (pids->v[i] == pid)
			return true;
	return false;
}

#define COLUMNS 64

struct view_of {
	char *titles[COLUMNS];
	size_t n, pid; /* which of them is the number of the process */
	json_t *rows;
};

static int
read_titles(struct view_of *v, char *line)
{
	v->n = cut(line, v->titles, COLUMNS);
	for (v->pid = 0; v->pid < v->n; v->pid++)
		if (strcmp(v->titles[v->pid], "PID") == 0)
			return 0;
	return err_set(ERR_INVALID, "PID", "Couldn't find PID field in ps output");
}

static void
read_row(struct view_of *v, char *line, const struct cg_pids *pids)
{
	char *cell[COLUMNS];
	size_t n = cut(line, cell, v->n);
	if (n <= v->pid || !has(pids, cell[v->pid]))
		return;
	json_t *row = json_array();
	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(row, json_string(i < n ? cell[i] : ""));
	json_array_append_new(v->rows, row);
}

static void
show(const struct view_of *v)
{
	struct table t = {.columns = v->n};
	auto_buf struct buf out = BUF_INIT;
	json_t *row, *cell;
	size_t i, k;
	if (json) {
		auto_json json_t *titles = json_array();
		for (i = 0; i < v->n; i++)
			json_array_append_new(titles, json_string(v->titles[i]));
		auto_json json_t *doc =
			json_pack("{s:O,s:O}", "Titles", titles, "Processes", v->rows);
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
		return;
	}
	table_row(&t, (const char *const *)v->titles);
	json_array_foreach(v->rows, i, row) json_array_foreach(row, k, cell)
		table_cell(&t, json_string_value(cell));
	table_write(&t, &out);
	tool_result("%.*s", (int)out.len - 1, out.s);
	table_free(&t);
}

static int
top(const struct box *b, pid_t first, char **words)
{
	static char *const usual[] = {(char *)(uintptr_t) "-ef", NULL};
	struct strlist l = {0};
	auto_pids struct cg_pids pids = {0};
	auto_buf struct buf out = BUF_INIT;
	struct view_of v = {.rows = json_array()};
	auto_json json_t *rows = v.rows;
	strlist_add(&l, "ps");
	for (char *const *w = words ? words : usual; *w; w++)
		strlist_add(&l, *w);
	strlist_add(&l, NULL);
	int status = run_capture((char **)(uintptr_t)l.v, -1, (size_t)64 << 20, &out);
	if (status != 0)
		return status < 0 ? -1
				  : err_set(ERR_INVALID, "ps", "ps failed with status %d", status);
	if (box_pids(b, first, &pids) < 0)
		return -1;
	char *save, *line = strtok_r(out.s, "\n", &save);
	if (!line || read_titles(&v, line) < 0)
		return -1;
	while ((line = strtok_r(NULL, "\n", &save)))
		read_row(&v, line, &pids);
	show(&v);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct box b;
	pid_t pid;
	if (a.n != 1)
		tool_usage("no BOX given");
	if (box_find(a.operand[0], &b) < 0 || box_pid(&b, true, &pid, NULL) < 0 ||
		top(&b, pid, a.command) < 0)
		tool_die();
	return tool_finish();
}
