/* SPDX-License-Identifier: MIT
 * What a group used and ran into: a row a figure, and the file and key where each version has it.
 */
#include "base/auto.h"
#include "base/buf.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a figure stands: alone in its file (key NULL), behind "key " at the start of a line, or,
 * for keys that start with a blank, once for each disk: then the sum counts. v1 gives nanoseconds.
 */
struct source {
	const char *file, *key;
	int64_t divisor;
};

static const struct figure {
	size_t offset;
	enum cg_depth depth;
	unsigned controller;
	struct source v1, v2;
} figures[] = {
#define AT(member) offsetof(struct cg_stat, member)
	{AT(memory), CG_FEW, CG_MEMORY, {"memory.usage_in_bytes", NULL, 1},
		{"memory.current", NULL, 1}},
	{AT(memory_peak), CG_MANY, CG_MEMORY, {"memory.max_usage_in_bytes", NULL, 1},
		{"memory.peak", NULL, 1}},
	{AT(memory_limit), CG_FEW, CG_MEMORY, {"memory.limit_in_bytes", NULL, 1},
		{"memory.max", NULL, 1}},
	{AT(memory_inactive), CG_FEW, CG_MEMORY, {"memory.stat", "total_inactive_file", 1},
		{"memory.stat", "inactive_file", 1}},
	{AT(swap), CG_ALL, CG_MEMORY, {"memory.stat", "swap", 1}, {"memory.swap.current", NULL, 1}},
	{AT(oom_kills), CG_ALL, CG_MEMORY, {"memory.oom_control", "oom_kill", 1},
		{"memory.events", "oom_kill", 1}},
	{AT(cpu_usec), CG_FEW, CG_CPUACCT, {"cpuacct.usage", NULL, 1000},
		{"cpu.stat", "usage_usec", 1}},
	{AT(user_usec), CG_MANY, CG_CPUACCT, {"cpuacct.usage_user", NULL, 1000},
		{"cpu.stat", "user_usec", 1}},
	{AT(system_usec), CG_MANY, CG_CPUACCT, {"cpuacct.usage_sys", NULL, 1000},
		{"cpu.stat", "system_usec", 1}},
	{AT(periods), CG_MANY, CG_CPU, {"cpu.stat", "nr_periods", 1},
		{"cpu.stat", "nr_periods", 1}},
	{AT(throttled), CG_MANY, CG_CPU, {"cpu.stat", "nr_throttled", 1},
		{"cpu.stat", "nr_throttled", 1}},
	{AT(throttled_usec), CG_MANY, CG_CPU, {"cpu.stat", "throttled_time", 1000},
		{"cpu.stat", "throttled_usec", 1}},
	{AT(pids), CG_FEW, CG_PIDS, {"pids.current", NULL, 1}, {"pids.current", NULL, 1}},
	{AT(pids_limit), CG_MANY, CG_PIDS, {"pids.max", NULL, 1}, {"pids.max", NULL, 1}},
	{AT(pids_denied), CG_ALL, CG_PIDS, {"pids.events", "max", 1}, {"pids.events", "max", 1}},
	{AT(read_bytes), CG_FEW, CG_IO, {"blkio.throttle.io_service_bytes_recursive", " Read ", 1},
		{"io.stat", " rbytes=", 1}},
	{AT(write_bytes), CG_FEW, CG_IO,
		{"blkio.throttle.io_service_bytes_recursive", " Write ", 1},
		{"io.stat", " wbytes=", 1}},
	{AT(reads), CG_MANY, CG_IO, {"blkio.throttle.io_serviced_recursive", " Read ", 1},
		{"io.stat", " rios=", 1}},
	{AT(writes), CG_MANY, CG_IO, {"blkio.throttle.io_serviced_recursive", " Write ", 1},
		{"io.stat", " wios=", 1}},
#undef AT
};

#define N_FIGURES (sizeof(figures) / sizeof(figures[0]))

/* Figures of one file stand together above: the first of them opens it, and the others have its
 * place. */
struct cg_watch {
	struct watched {
		int fd; /* -1: this kernel does not count that */
		const struct source *from; /* NULL: not wanted */
		bool first;
	} figure[N_FIGURES];
};

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
figure_in(const char *text, const struct source *s)
{
	int64_t n = !s->key	   ? number(text)
		: s->key[0] == ' ' ? sum(text, s->key)
				   : keyed(text, s->key);
	return n == CG_NONE || n == CG_MAX ? n : n / s->divisor;
}

/* The directory where it is counted, and the file there; NULL: nowhere. */
static const char *
place_of(const struct cgroup *g, const struct figure *f, const struct source **from)
{
	bool v2 = false;
	const char *dir = cg_dir_of(g, f->controller, &v2);
	/* v2 counts processor time in every group, controller or not. */
	if (!dir && f->controller == CG_CPUACCT) {
		dir = cg_v2_dir(g);
		v2 = true;
	}
	*from = v2 ? &f->v2 : &f->v1;
	return dir;
}

static struct cg_watch *
watch(const struct cgroup *g, enum cg_depth depth)
{
	struct cg_watch *w = calloc(1, sizeof(*w));
	const char *dir_before = NULL, *file_before = "";
	int fd = -1;
	if (!w)
		abort();
	for (size_t i = 0; i < N_FIGURES; i++) {
		const struct figure *f = &figures[i];
		const struct source *from;
		const char *dir = place_of(g, f, &from);
		if (!dir || f->depth > depth)
			continue;
		bool first = dir != dir_before || strcmp(from->file, file_before) != 0;
		if (first)
			fd = open(cg_file(dir, from->file), O_RDONLY | O_CLOEXEC);
		w->figure[i] = (struct watched){fd, from, first};
		dir_before = dir;
		file_before = from->file;
	}
	return w;
}

struct cg_watch *
cg_watch(const char *name, enum cg_depth depth)
{
	auto_cgroup struct cgroup g = {0};
	return cg_places(name, &g) < 0 ? NULL : watch(&g, depth);
}

void
cg_watch_free(struct cg_watch *w)
{
	for (size_t i = 0; w && i < N_FIGURES; i++)
		if (w->figure[i].first && w->figure[i].fd >= 0)
			close(w->figure[i].fd);
	free(w);
}

/* From its beginning: then the kernel counts anew. It makes the whole text at the first call, so
 * less than was asked for is the end (kernel, seq_file.rst). False: it is not there, or not any
 * more (ENODEV). */
static bool
read_anew(int fd, struct buf *text)
{
	char part[4096];
	ssize_t n;
	buf_reset(text);
	do {
		n = pread(fd, part, sizeof(part), (off_t)text->len);
		if (n > 0)
			buf_add(text, part, (size_t)n);
	} while (n == (ssize_t)sizeof(part));
	return n >= 0;
}

bool
cg_look(const struct cg_watch *w, struct cg_stat *st)
{
	auto_buf struct buf text = BUF_INIT;
	bool there = false, any = false;
	for (size_t i = 0; i < N_FIGURES; i++) {
		const struct watched *f = &w->figure[i];
		int64_t *to = (int64_t *)(void *)((char *)st + figures[i].offset);
		if (f->first)
			there = f->fd >= 0 && read_anew(f->fd, &text);
		any = any || (f->from && there);
		*to = f->from && there ? figure_in(buf_str(&text), f->from) : CG_NONE;
	}
	return any;
}

int64_t
cg_oom_kills(const struct cgroup *g)
{
	auto_buf struct buf text = BUF_INIT;
	const struct figure *f = figures;
	const struct source *from;
	while (f->offset != offsetof(struct cg_stat, oom_kills))
		f++;
	const char *dir = place_of(g, f, &from);
	auto_fd int fd = dir ? open(cg_file(dir, from->file), O_RDONLY | O_CLOEXEC) : -1;
	return fd >= 0 && read_anew(fd, &text) ? figure_in(buf_str(&text), from) : CG_NONE;
}

int
cg_stat(const struct cgroup *g, struct cg_stat *st)
{
	struct cg_watch *w = watch(g, CG_ALL);
	cg_look(w, st);
	cg_watch_free(w);
	return 0;
}
