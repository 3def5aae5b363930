/* SPDX-License-Identifier: MIT */
#include "box/pids.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/rootless.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The pid namespace that a process is in; 0 when it is gone. */
static ino_t
namespace_of(pid_t pid)
{
	char path[64];
	struct stat sb;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return stat(path, &sb) == 0 ? sb.st_ino : 0;
}

/* Those who wait are in the namespace that we are in. */
static void
leave_out_ours(struct cg_pids *pids, pid_t first)
{
	ino_t here = namespace_of(getpid());
	size_t n = 0;
	if (namespace_of(first) == here)
		return;
	for (size_t i = 0; i < pids->n; i++)
		if (namespace_of(pids->v[i]) != here)
			pids->v[n++] = pids->v[i];
	pids->n = n;
}

/* Of one in the host's pid namespace only the first is known. */
static int
pids_of_namespace(pid_t first, struct cg_pids *pids)
{
	const struct dirent *e;
	ino_t box = namespace_of(first);
	bool own = box != namespace_of(getpid());
	auto_dir DIR *d = opendir("/proc");
	if (!d)
		return err_sys("open", "/proc", "cannot open /proc");
	while ((e = readdir(d))) {
		pid_t pid = is_digits(e->d_name) ? atoi(e->d_name) : 0;
		if (!pid || (own ? namespace_of(pid) != box : pid != first))
			continue;
		pids->v = realloc(pids->v, (pids->n + 1) * sizeof(*pids->v));
		if (!pids->v)
			abort();
		pids->v[pids->n++] = pid;
	}
	return 0;
}

int
box_pids(const struct box *b, pid_t first, struct cg_pids *pids)
{
	char group[96];
	auto_cgroup struct cgroup g = {0};
	box_group(b, group);
	if (cg_open(group, &g) < 0) {
		if (!rootless_here())
			return -1;
		err_clear();
		return pids_of_namespace(first, pids);
	}
	if (cg_pids(&g, pids) < 0)
		return -1;
	leave_out_ours(pids, first);
	return 0;
}

/* Of /proc/PID/stat the 14th and 15th field are ticks of processor time, the 24th pages in memory;
 * the second is a name in parentheses, with anything in it. */
static void
add_one(pid_t pid, struct cg_stat *st)
{
	char path[64], line[1024];
	unsigned long user, system;
	long pages;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read_line(path, line, sizeof(line)) < 0)
		return;
	const char *p = strrchr(line, ')');
	if (!p ||
		sscanf(p + 1,
			" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d "
			"%*d %*d %*u %*u %ld",
			&user, &system, &pages) != 3)
		return;
	int64_t tick = 1000000 / sysconf(_SC_CLK_TCK);
	st->user_usec += (int64_t)user * tick;
	st->system_usec += (int64_t)system * tick;
	st->memory += pages * sysconf(_SC_PAGESIZE);
	st->pids++;
}

void
box_pids_stat(const struct cg_pids *pids, struct cg_stat *st)
{
	const struct err before = err;
	*st = (struct cg_stat){.memory_peak = CG_NONE,
		.memory_limit = CG_MAX,
		.memory_inactive = CG_NONE,
		.swap = CG_NONE,
		.oom_kills = CG_NONE,
		.periods = CG_NONE,
		.throttled = CG_NONE,
		.throttled_usec = CG_NONE,
		.pids_limit = CG_MAX,
		.pids_denied = CG_NONE,
		.read_bytes = CG_NONE,
		.write_bytes = CG_NONE,
		.reads = CG_NONE,
		.writes = CG_NONE};
	for (size_t i = 0; i < pids->n; i++)
		add_one(pids->v[i], st);
	st->cpu_usec = st->user_usec + st->system_usec;
	err = before;
}
