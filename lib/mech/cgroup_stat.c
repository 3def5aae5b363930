/* SPDX-License-Identifier: MIT
 * What a group used and ran into: a row a figure, and the file and key where each version has it.
 */
#include "base/err.h"
#include "base/file.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a figure stands: alone in its file (key NULL), behind "key " at the start of a line, or,
 * for keys that start with a blank, once for each disk: then the sum counts. v1 gives nanoseconds.
 */
struct source {
	const char *file, *key;
	int64_t divisor;
};

static const struct figure {
	size_t offset;
	unsigned controller;
	struct source v1, v2;
} figures[] = {
#define AT(member) offsetof(struct cg_stat, member)
	{AT(memory), CG_MEMORY, {"memory.usage_in_bytes", NULL, 1}, {"memory.current", NULL, 1}},
	{AT(memory_peak), CG_MEMORY, {"memory.max_usage_in_bytes", NULL, 1},
		{"memory.peak", NULL, 1}},
	{AT(memory_limit), CG_MEMORY, {"memory.limit_in_bytes", NULL, 1}, {"memory.max", NULL, 1}},
	{AT(memory_inactive), CG_MEMORY, {"memory.stat", "total_inactive_file", 1},
		{"memory.stat", "inactive_file", 1}},
	{AT(swap), CG_MEMORY, {"memory.stat", "swap", 1}, {"memory.swap.current", NULL, 1}},
	{AT(oom_kills), CG_MEMORY, {"memory.oom_control", "oom_kill", 1},
		{"memory.events", "oom_kill", 1}},
	{AT(cpu_usec), CG_CPUACCT, {"cpuacct.usage", NULL, 1000}, {"cpu.stat", "usage_usec", 1}},
	{AT(user_usec), CG_CPUACCT, {"cpuacct.usage_user", NULL, 1000},
		{"cpu.stat", "user_usec", 1}},
	{AT(system_usec), CG_CPUACCT, {"cpuacct.usage_sys", NULL, 1000},
		{"cpu.stat", "system_usec", 1}},
	{AT(periods), CG_CPU, {"cpu.stat", "nr_periods", 1}, {"cpu.stat", "nr_periods", 1}},
	{AT(throttled), CG_CPU, {"cpu.stat", "nr_throttled", 1}, {"cpu.stat", "nr_throttled", 1}},
	{AT(throttled_usec), CG_CPU, {"cpu.stat", "throttled_time", 1000},
		{"cpu.stat", "throttled_usec", 1}},
	{AT(pids), CG_PIDS, {"pids.current", NULL, 1}, {"pids.current", NULL, 1}},
	{AT(pids_limit), CG_PIDS, {"pids.max", NULL, 1}, {"pids.max", NULL, 1}},
	{AT(pids_denied), CG_PIDS, {"pids.events", "max", 1}, {"pids.events", "max", 1}},
	{AT(read_bytes), CG_IO, {"blkio.throttle.io_service_bytes_recursive", " Read ", 1},
		{"io.stat", " rbytes=", 1}},
	{AT(write_bytes), CG_IO, {"blkio.throttle.io_service_bytes_recursive", " Write ", 1},
		{"io.stat", " wbytes=", 1}},
	{AT(reads), CG_IO, {"blkio.throttle.io_serviced_recursive", " Read ", 1},
		{"io.stat", " rios=", 1}},
	{AT(writes), CG_IO, {"blkio.throttle.io_serviced_recursive", " Write ", 1},
		{"io.stat", " wios=", 1}},
#undef AT
};

/* The file read last: figures of one file stand together above. */
struct reader {
	char path[4096];
	struct buf text;
	bool there;
};

static const char *
text_of(struct reader *r, const char *path)
{
	const struct err before = err;
	if (strcmp(r->path, path) != 0) {
		snprintf(r->path, sizeof(r->path), "%s", path);
		buf_reset(&r->text);
		/* A file that is missing is an answer: this kernel does not count that. */
		r->there = file_read(path, (size_t)1 << 20, &r->text) == 0;
		err = before;
	}
	return r->there ? buf_str(&r->text) : NULL;
}

static int64_t
number(const char *text)
{
	char *end;
	if (strncmp(text, "max", 3) == 0)
		return CG_MAX;
	long long n = strtoll(text, &end, 10);
	if (end == text)
		return CG_NONE;
	/* v1 writes "no limit of memory" as the largest multiple of the page size. */
	return n > INT64_MAX - 1048576 ? CG_MAX : n;
}

static int64_t
sum(const char *text, const char *key)
{
	int64_t total = 0;
	for (const char *p = text; (p = strstr(p, key));) {
		p += strlen(key);
		total += strtoll(p, NULL, 10);
	}
	return total;
}

static int64_t
keyed(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return number(line + n + 1);
	return CG_NONE;
}

static int64_t
read_figure(struct reader *r, const char *dir, const struct source *s)
{
	const char *text = text_of(r, cg_file(dir, s->file));
	if (!text)
		return CG_NONE;
	int64_t n = !s->key	   ? number(text)
		: s->key[0] == ' ' ? sum(text, s->key)
				   : keyed(text, s->key);
	return n == CG_NONE || n == CG_MAX ? n : n / s->divisor;
}

static int64_t
figure_of(struct reader *r, const struct cgroup *g, const struct figure *f)
{
	bool v2 = false;
	const char *dir = cg_dir_of(g, f->controller, &v2);
	/* v2 counts processor time in every group, controller or not. */
	if (!dir && f->controller == CG_CPUACCT) {
		dir = cg_v2_dir(g);
		v2 = true;
	}
	return dir ? read_figure(r, dir, v2 ? &f->v2 : &f->v1) : CG_NONE;
}

int64_t
cg_oom_kills(const struct cgroup *g)
{
	struct reader r = {0};
	const struct figure *f = figures;
	while (f->offset != offsetof(struct cg_stat, oom_kills))
		f++;
	int64_t n = figure_of(&r, g, f);
	buf_free(&r.text);
	return n;
}

int
cg_stat(const struct cgroup *g, struct cg_stat *st)
{
	struct reader r = {0};
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		int64_t *to = (int64_t *)(void *)((char *)st + figures[i].offset);
		*to = figure_of(&r, g, &figures[i]);
	}
	buf_free(&r.text);
	return 0;
}
