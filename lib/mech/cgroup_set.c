/* SPDX-License-Identifier: MIT
 * One vocabulary of limits, written in the words of cgroup v1 or v2: a row a limit.
 */
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "mech/cgroup.h"
#include "mech/cgroup_in.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everybody's period, and the kernel's default: 100 ms. */
#define PERIOD_USEC 100000

/* What is written, in which group, in which version. */
struct write {
	const struct cg_limits *l;
	const char *dir;
	bool v2;
	bool fresh;
};

typedef void text_fn(const struct write *w, struct buf *out);

static void
number_or(struct buf *out, int64_t n, const char *none)
{
	if (n == CG_MAX)
		buf_adds(out, none);
	else
		buf_addf(out, "%lld", (long long)n);
}

static void
memory_text(const struct write *w, struct buf *out)
{
	number_or(out, w->l->memory, w->v2 ? "max" : "-1");
}

static void
high_text(const struct write *w, struct buf *out)
{
	number_or(out, w->l->memory_high, "max");
}

static void
swap_text(const struct write *w, struct buf *out)
{
	number_or(out, w->l->swap, "max");
}

/* v2 takes quota and period in one write; v1 in two files, of which only the quota needs writing
 * unless somebody changed the period. */
static void
cpu_text(const struct write *w, struct buf *out)
{
	int64_t period = PERIOD_USEC;
	if (!w->v2 && !w->fresh &&
		(file_read_number(cg_file(w->dir, "cpu.cfs_period_us"), &period) < 0 ||
			period <= 0))
		period = PERIOD_USEC;
	if (w->l->cpu == CG_MAX)
		buf_adds(out, w->v2 ? "max" : "-1");
	else
		/* Billionths of a cpu times microseconds: in two steps, against overflow. */
		buf_addf(out, "%" PRId64,
			w->l->cpu / 1000000000 * period +
				w->l->cpu % 1000000000 * period / 1000000000);
	if (w->v2)
		buf_addf(out, " %d", PERIOD_USEC);
}

/* The kernel's own conversion (sched_weight_from_cgroup(), kernel/sched/sched.h): v2's default 100
 * is v1's default 1024, and both give the scheduler the same. */
static void
weight_text(const struct write *w, struct buf *out)
{
	buf_addf(out, "%lld", (long long)(w->v2 ? w->l->weight : (w->l->weight * 1024 + 50) / 100));
}

static void
pids_text(const struct write *w, struct buf *out)
{
	number_or(out, w->l->pids, "max");
}

static void
cpus_text(const struct write *w, struct buf *out)
{
	buf_adds(out, w->l->cpus);
}

static void
mems_text(const struct write *w, struct buf *out)
{
	buf_adds(out, w->l->mems);
}

/* The order is that of writing. v1's limit of swap and the limits of disks have functions of their
 * own below. */
static const struct row {
	unsigned given, controller;
	const char *v1, *v2; /* NULL: that version cannot */
	text_fn *text;
	const char *why;
} rows[] = {
	{CG_GIVE_MEMORY, CG_MEMORY, "memory.limit_in_bytes", "memory.max", memory_text,
		"as much memory as its processes may use together (swap is not counted)"},
	{CG_GIVE_HIGH, CG_MEMORY, NULL, "memory.high", high_text,
		"above this much memory they are slowed down and made to give some back"},
	{CG_GIVE_SWAP, CG_MEMORY, NULL, "memory.swap.max", swap_text,
		"as much swap as they may use beside the memory"},
	{CG_GIVE_CPU, CG_CPU, "cpu.cfs_quota_us", "cpu.max", cpu_text,
		"as many microseconds of processor time as they may use in each 100 ms"},
	{CG_GIVE_WEIGHT, CG_CPU, "cpu.shares", "cpu.weight", weight_text,
		"their share of the processors when others want them too"},
	{CG_GIVE_PIDS, CG_PIDS, "pids.max", "pids.max", pids_text,
		"as many processes and threads as there may be"},
	{CG_GIVE_CPUS, CG_CPUSET, "cpuset.cpus", "cpuset.cpus", cpus_text,
		"the processors that they may run on"},
	{CG_GIVE_MEMS, CG_CPUSET, "cpuset.mems", "cpuset.mems", mems_text,
		"the memory nodes that they may use"},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* The kernel makes a file only where it can do what it is for. */
static int
no_file(const struct write *w, const char *file)
{
	if (err.no != ENOENT)
		return -1;
	err.class = ERR_UNSUPPORTED;
	if (strstr(file, "memsw") || strstr(file, ".swap."))
		return err_hint("this kernel does not count swap: "
				"start it with swapaccount=1, or leave --swap out");
	if (w->v2)
		return err_hint("the controller is not switched on for it: "
				"see cgroup.subtree_control in the directory above");
	return err_hint("this kernel is built without it");
}

/* One control file. Undo writes back what it held. */
static int
put(const struct write *w, const char *why, const char *file, const char *text)
{
	char before[256] = "";
	const char *path = cg_file(w->dir, file);
	if (!w->fresh && file_read_line(path, before, sizeof(before) - 1) == 0 && !before[0])
		before[0] =
			'\n'; /* an empty list: the kernel wants to see at least an end of line */
	if (sys_write(why, path, text, before[0] ? before : NULL) < 0)
		return no_file(w, file);
	return 0;
}

static int
put_row(const struct write *w, const struct row *row)
{
	auto_buf struct buf text = BUF_INIT;
	const char *file = w->v2 ? row->v2 : row->v1;
	if (!file) {
		err_set(ERR_UNSUPPORTED, row->v2, "cannot set %s: cgroup v1 has nothing like it",
			row->v2);
		return err_hint("-m is the only limit of memory here");
	}
	row->text(w, &text);
	return put(w, row->why, file, buf_str(&text));
}

/* A limit of v1, CG_MAX where there is none: it shows the largest multiple of the page size. */
static int64_t
v1_limit(const struct write *w, const char *file)
{
	int64_t n;
	if (w->fresh || file_read_number(cg_file(w->dir, file), &n) < 0 || n >= INT64_MAX - 1048576)
		return CG_MAX;
	return n;
}

/* v1 counts memory and swap together (memsw), and holds memory <= memsw at every moment: so the one
 * that gives way is written first. A limit of memory changed alone leaves as much swap as before,
 * for so it is on v2, where the two are apart. */
static int
put_v1_memory(const struct write *w)
{
	static const char memory_file[] = "memory.limit_in_bytes";
	static const char both_file[] = "memory.memsw.limit_in_bytes";
	auto_buf struct buf text = BUF_INIT;
	const struct cg_limits *l = w->l;
	int64_t old_memory = v1_limit(w, memory_file), old_both = v1_limit(w, both_file);
	int64_t memory = l->given & CG_GIVE_MEMORY ? l->memory : old_memory;
	int64_t swap = old_both == CG_MAX ? CG_MAX : old_both - old_memory, both;
	if (l->given & CG_GIVE_SWAP)
		swap = l->swap;
	if (memory == CG_MAX && swap != CG_MAX && l->given & CG_GIVE_SWAP) {
		err_set(ERR_INVALID, both_file,
			"cannot limit swap alone: cgroup v1 counts it together with memory");
		return err_hint("limit the memory too (-m)");
	}
	if (memory == CG_MAX || swap == CG_MAX || __builtin_add_overflow(memory, swap, &both))
		both = CG_MAX;
	number_or(&text, both, "-1");
	bool first = memory > old_both, write_both = both != old_both;
	if (write_both && first &&
		put(w, "room for memory and swap together", both_file, text.s) < 0)
		return -1;
	if (l->given & CG_GIVE_MEMORY && put_row(w, &rows[0]) < 0)
		return -1;
	if (write_both && !first &&
		put(w, "as much memory and swap together", both_file, text.s) < 0)
		return -1;
	return 0;
}

/* The line of a device in a file of limits a line; false when it has none. */
static bool
device_line(const char *path, const struct cg_io *io, struct buf *out)
{
	auto_buf struct buf text = BUF_INIT, start = BUF_INIT;
	const struct err before = err;
	bool found = false;
	int r = file_read(path, 65536, &text);
	err = before;
	if (r < 0)
		return false;
	buf_addf(&start, "%u:%u ", io->major, io->minor);
	for (char *at = text.s, *line; !found && (line = strsep(&at, "\n"));) {
		found = strncmp(line, start.s, start.len) == 0;
		if (found)
			buf_adds(out, line);
	}
	return found;
}

static int
put_device(const struct write *w, const struct cg_io *io, const char *file, const char *text,
	const char *none)
{
	auto_buf struct buf before = BUF_INIT;
	const char *path = cg_file(w->dir, file);
	if (!w->fresh && !device_line(path, io, &before))
		buf_addf(&before, "%u:%u %s", io->major, io->minor, none);
	if (sys_write("no more of this disk in a second than this", path, text,
		    w->fresh ? NULL : before.s) < 0)
		return no_file(w, file);
	return 0;
}

/* v2 has one file with keys, v1 a file for each key, in which 0 is no limit. */
static int
put_io(const struct write *w, const struct cg_io *io)
{
	static const char *const keys[] = {"rbps", "wbps", "riops", "wiops"};
	static const char *const v1_files[] = {
		"blkio.throttle.read_bps_device",
		"blkio.throttle.write_bps_device",
		"blkio.throttle.read_iops_device",
		"blkio.throttle.write_iops_device",
	};
	const int64_t rates[] = {io->rbps, io->wbps, io->riops, io->wiops};
	auto_buf struct buf all = BUF_INIT;
	buf_addf(&all, "%u:%u", io->major, io->minor);
	for (int i = 0; i < 4; i++) {
		auto_buf struct buf one = BUF_INIT;
		if (!rates[i])
			continue;
		if (w->v2) {
			buf_addf(&all, " %s=", keys[i]);
			number_or(&all, rates[i], "max");
			continue;
		}
		buf_addf(&one, "%u:%u ", io->major, io->minor);
		number_or(&one, rates[i], "0");
		if (put_device(w, io, v1_files[i], one.s, "0") < 0)
			return -1;
	}
	if (!w->v2)
		return 0;
	return put_device(w, io, "io.max", all.s, "rbps=max wbps=max riops=max wiops=max");
}

/* Where a limit goes: the directory and version of its controller. */
static int
place(const struct cgroup *g, struct write *w, unsigned controller, const char *what)
{
	w->dir = cg_dir_of(g, controller, &w->v2);
	return w->dir ? 0 : cg_no_controller(g, controller, what);
}

int
cg_write_limits(const struct cgroup *g, const struct cg_limits *l, bool fresh)
{
	struct write w = {.l = l, .fresh = fresh};
	unsigned todo = l->given;
	if (todo & (CG_GIVE_MEMORY | CG_GIVE_SWAP)) {
		if (place(g, &w, CG_MEMORY, "memory") < 0)
			return -1;
		if (!w.v2) {
			if (put_v1_memory(&w) < 0)
				return -1;
			todo &= ~(unsigned)(CG_GIVE_MEMORY | CG_GIVE_SWAP);
		}
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (todo & rows[i].given &&
			(place(g, &w, rows[i].controller, rows[i].v2) < 0 ||
				put_row(&w, &rows[i]) < 0))
			return -1;
	if (!(todo & CG_GIVE_IO))
		return 0;
	if (place(g, &w, CG_IO, "io") < 0)
		return -1;
	for (unsigned i = 0; i < l->n_io; i++)
		if (put_io(&w, &l->io[i]) < 0)
			return -1;
	return 0;
}

int
cg_set(const struct cgroup *g, const struct cg_limits *l)
{
	return cg_write_limits(g, l, false);
}

/* Column `enabled` of /proc/cgroups: 1, 0, or -1 for a controller that the kernel does not have. */
static int
kernel_has(const char *name)
{
	auto_buf struct buf text = BUF_INIT;
	char known[32];
	int enabled;
	if (file_read("/proc/cgroups", 65536, &text) < 0)
		return 1;
	for (char *at = text.s, *line; (line = strsep(&at, "\n"));)
		if (sscanf(line, "%31s %*d %*d %d", known, &enabled) == 2 &&
			strcmp(known, name) == 0)
			return enabled;
	return -1;
}

int
cg_no_controller(const struct cgroup *g, unsigned controller, const char *what)
{
	const char *name = "", *name2 = "";
	const struct cg_tree *v2 = cg_v2_tree(g->host);
	bool in_host = false;
	for (size_t i = 0; i < CG_N_CONTROLLERS; i++)
		if (cg_controllers[i].bit == controller) {
			name = cg_controllers[i].v1;
			name2 = cg_controllers[i].v2;
		}
	for (unsigned i = 0; i < g->host->n; i++)
		in_host = in_host || g->host->tree[i].has & controller;
	int has = kernel_has(name);
	err_set(ERR_UNSUPPORTED, g->name, "cannot limit %s of group %s: no %s controller", what,
		g->name, name);
	if (in_host)
		return err_hint("the group is not in the tree of that controller: "
				"cg-create makes it in all");
	if (has == 0)
		return err_hint("it is switched off: start the kernel with cgroup_enable=%s", name);
	if (has < 0 && !v2)
		return err_hint("this kernel is built without it");
	if (v2)
		return err_hint("it is not in %s/cgroup.controllers: "
				"add %s to cgroup.subtree_control of the groups above",
			v2->base, name2);
	return err_hint("it is mounted nowhere: mount -t cgroup -o %s cgroup DIRECTORY", name);
}
