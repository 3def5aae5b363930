/* SPDX-License-Identifier: MIT
 * cg-stat: shows what control groups used, and which of their limits they ran into.
 *
 * The kernel counts for every group, limited or not; the figures are text files in its directory.
 * A process that came from elsewhere brings nothing along: only what is used in the group counts.
 *
 *	cg-stat --watch web
 */
#include "base/err.h"
#include "door/tool.h"
#include "mech/cgroup.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool json, watch;
static int64_t interval = 1000000000, count;

static const struct opt options[] = {
	{'j', "json", NULL, opt_flag, &json, "print a line of JSON for each group", false},
	{'w', "watch", NULL, opt_flag, &watch, "look again and again, until the groups are gone",
		false},
	{'i', "interval", "TIME", opt_duration, &interval, "time between two looks (1s)", false},
	{'c', "count", "N", opt_int, &count, "stop watching after so many looks", false},
	OPT_END,
};

static const struct tool me = {
	.name = "cg-stat",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... NAME...",
	.summary = "Shows what the control groups NAME used, and which limits they ran into.",
	.options = options,
	.example = "cg-stat --json web | jq .memory_peak",
};

enum unit { BYTES, USEC, COUNT };

/* One row a figure: its key in JSON, and where it has one its column of the table. */
static const struct column {
	const char *key, *heading;
	enum unit unit;
	size_t offset;
} columns[] = {
#define ROW(member, heading, unit) \
	{ \
#member, heading, unit, offsetof(struct cg_stat, member) \
	}
	ROW(memory, "MEMORY", BYTES),
	ROW(memory_peak, "PEAK", BYTES),
	ROW(memory_limit, "LIMIT", BYTES),
	ROW(memory_inactive, NULL, BYTES),
	ROW(swap, "SWAP", BYTES),
	ROW(oom_kills, "OOM", COUNT),
	ROW(cpu_usec, "CPU", USEC),
	ROW(user_usec, NULL, USEC),
	ROW(system_usec, NULL, USEC),
	ROW(periods, NULL, COUNT),
	ROW(throttled, NULL, COUNT),
	ROW(throttled_usec, "THROTTLED", USEC),
	ROW(pids, "PIDS", COUNT),
	ROW(pids_limit, "MAX", COUNT),
	ROW(pids_denied, "DENIED", COUNT),
	ROW(read_bytes, "READ", BYTES),
	ROW(write_bytes, "WRITTEN", BYTES),
	ROW(reads, NULL, COUNT),
	ROW(writes, NULL, COUNT),
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int64_t
value(const struct cg_stat *st, const struct column *c)
{
	return *(const int64_t *)(const void *)((const char *)st + c->offset);
}

/* "10.0MiB": as cg-create takes sizes. */
static void
add_bytes(struct buf *out, int64_t n)
{
	static const char units[] = "KMGTP";
	double size = (double)n;
	int u = -1;
	for (; size >= 1024 && u < 4; u++)
		size /= 1024;
	if (u < 0)
		buf_addf(out, "%lldB", (long long)n);
	else
		buf_addf(out, "%.1f%ciB", size, units[u]);
}

static void
add_cell(struct buf *out, int64_t n, enum unit unit)
{
	auto_buf struct buf cell = BUF_INIT;
	if (n == CG_NONE)
		buf_addc(&cell, '-');
	else if (n == CG_MAX)
		buf_adds(&cell, "max");
	else if (unit == BYTES)
		add_bytes(&cell, n);
	else if (unit == USEC)
		buf_addf(&cell, "%.2fs", (double)n / 1e6);
	else
		buf_addf(&cell, "%lld", (long long)n);
	buf_addf(out, " %9s", cell.s);
}

static void
header(bool clear)
{
	auto_buf struct buf line = BUF_INIT;
	/* On a terminal each look takes the place of the one before. */
	buf_addf(&line, "%s%-16s", clear ? "\033[H\033[J" : "", "NAME");
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (columns[i].heading)
			buf_addf(&line, " %9s", columns[i].heading);
	tool_result("%s", line.s);
}

static void
table_row(const char *name, const struct cg_stat *st)
{
	auto_buf struct buf line = BUF_INIT;
	buf_addf(&line, "%-16s", name);
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (columns[i].heading)
			add_cell(&line, value(st, &columns[i]), columns[i].unit);
	tool_result("%s", line.s);
}

static void
json_row(const char *name, const struct cg_stat *st)
{
	auto_buf struct buf line = BUF_INIT;
	buf_adds(&line, "{\"name\":");
	buf_add_json(&line, name);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		int64_t n = value(st, &columns[i]);
		buf_addf(&line, ",\"%s\":", columns[i].key);
		if (n == CG_NONE || n == CG_MAX)
			buf_adds(&line, "null");
		else
			buf_addf(&line, "%lld", (long long)n);
	}
	buf_addc(&line, '}');
	tool_result("%s", line.s);
}

/* Shows one group. False when it is not there. */
static bool
show(const char *name)
{
	auto_cgroup struct cgroup g = {0};
	struct cg_stat st;
	if (cg_open(name, &g) < 0 || cg_stat(&g, &st) < 0)
		return false;
	if (json)
		json_row(name, &st);
	else
		table_row(name, &st);
	return true;
}

/* Before anything is printed: a name that is no group is an error. */
static void
check(const struct args *a)
{
	for (int i = 0; i < a->n; i++) {
		auto_cgroup struct cgroup g = {0};
		if (cg_open(a->operand[i], &g) < 0)
			tool_die();
	}
}

/* One look at all groups; whoever watches sees them go. */
static bool
look(const struct args *a, bool first)
{
	bool any = false;
	if (!json && (first || isatty(STDOUT_FILENO)))
		header(watch && isatty(STDOUT_FILENO));
	for (int i = 0; i < a->n; i++) {
		bool there = show(a->operand[i]);
		if (!there && err.class != ERR_NOT_FOUND)
			tool_die();
		any = any || there;
	}
	return fflush(stdout) == 0 && any;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct timespec next;
	if (a.n == 0)
		tool_usage("no NAME given");
	if (interval <= 0)
		tool_usage("--interval: 0 is no time");
	check(&a);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (int64_t n = 1; look(&a, n == 1) && watch && n != count; n++) {
		int64_t at = next.tv_nsec + interval;
		next.tv_sec += (time_t)(at / 1000000000);
		next.tv_nsec = at % 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return tool_finish();
}
