/* SPDX-License-Identifier: MIT
 * Control groups: sets of processes that are counted, limited, frozen and killed together.
 *
 * The kernel offers them in two forms. cgroups(7) v2 is one tree whose groups have the files of
 * every controller switched on above them; v1 is a forest, one tree for each controller (or pair of
 * them), where the same group has to be made and joined once in each tree. A hybrid host has v1
 * trees for the controllers and a v2 tree beside them; that one is used where it has a controller
 * that v1 has not, or where v1 has no freezer, and left alone otherwise. Here a group is one name,
 * whatever lies behind it: a directory in each tree that is used.
 *
 * NAME is a path such as web or web/db. It is taken from the root of each mounted tree; on v2, a
 * caller who may not write there starts at the topmost group above its own that it may write to:
 * the subtree that was delegated to it.
 *
 * Functions return 0, or -1 with `err` set, unless said otherwise. See cgroups(7), and
 * Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel.
 */
#ifndef TACKLE_CGROUP_H
#define TACKLE_CGROUP_H

#include "base/opt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The controllers we use, as bits. v2 calls blkio io, counts processor time without a controller
 * (cpuacct), and freezes without one. */
enum {
	CG_MEMORY = 1 << 0,
	CG_CPU = 1 << 1,
	CG_CPUACCT = 1 << 2,
	CG_CPUSET = 1 << 3,
	CG_PIDS = 1 << 4,
	CG_IO = 1 << 5,
	CG_FREEZER = 1 << 6,
	CG_DEVICES = 1 << 7, /* its tree is used only for groups that limit devices */
};

/* One tree for each of those at most, and the v2 tree. */
#define CG_TREES 9

/* A mounted hierarchy. The v2 tree, where it is used, stands last. */
struct cg_tree {
	bool v2;
	unsigned has; /* v1: its controllers; v2: those that v1 does not have and base may give */
	const char *mount; /* where it is mounted */
	const char *base; /* the directory in which NAME lies, without a slash at the end */
};

/* The trees of this host that are used, read from /proc/self/mountinfo the first
 * time. Class unsupported when none is mounted. */
struct cg_host {
	unsigned n;
	struct cg_tree tree[CG_TREES];
};
int cg_host(const struct cg_host **host);
/* The v2 tree, NULL where none is used. */
const struct cg_tree *cg_v2_tree(const struct cg_host *host);

/* A group by its name. dir[i] is its directory in tree[i] of the host, NULL where that tree
 * does not have it. The caller frees it with cg_close(), which leaves the group on the host alone.
 */
struct cgroup {
	const struct cg_host *host;
	char *name;
	char *dir[CG_TREES];
};
#define auto_cgroup __attribute__((cleanup(cg_close)))

/* Finds an existing group, in one tree at least; class not-found otherwise, invalid for a name that
 * is none. *g is fit for cg_close() in any case. */
int cg_open(const char *name, struct cgroup *g);
void cg_close(struct cgroup *g);

/* ---- joining (cgroup.c) ---- */

enum { CG_JOIN_V1 = 1, CG_JOIN_V2 = 2, CG_JOIN_ALL = 3 };

/* Moves the calling process into the group, in its v1 trees, its v2 tree, or all. Memory used
 * before stays charged to the former group, so this comes before exec. Call it while
 * single-threaded: on v1 it writes 0 to `tasks`, which moves the calling thread and needs no grace
 * period (writing a number to cgroup.procs waits for one, about 15 ms after an idle spell). */
int cg_join_self(const struct cgroup *g, int which);
/* Opens the group's v2 directory (O_PATH, close-on-exec) for CLONE_INTO_CGROUP, see clone3(2). *fd
 * is -1 where the group is in no v2 tree: not an error, for there cg_join_self(CG_JOIN_V1) does it
 * all. */
int cg_dir_fd(const struct cgroup *g, int *fd);

/* ---- limits (cgroup_limits.c parses, cgroup_set.c writes) ---- */

/* "max" or -1: no limit. */
#define CG_MAX INT64_MAX
#define CG_IO_DEVICES 8

/* Limits of one block device, bytes or operations in a second; 0: not given; CG_MAX: none. */
struct cg_io {
	unsigned major, minor;
	int64_t rbps, wbps, riops, wiops;
};

#define CG_DEVICES_MAX 64
/* A device that may be used, when any such rule is given; -1: all numbers. */
struct cg_device {
	char type; /* 'c' or 'b' */
	int64_t major, minor;
	unsigned access; /* BPF_DEVCG_ACC_… of linux/bpf.h */
};

/* What is asked for; only members with their bit in `given` count. */
struct cg_limits {
	unsigned given; /* CG_GIVE_… */
	int64_t memory; /* bytes */
	int64_t memory_high; /* bytes; above it the group is slowed down and reclaimed (v2 only) */
	int64_t swap; /* bytes beyond `memory` */
	int64_t cpu; /* billionths of a cpu */
	int64_t weight; /* 1 to 10000, 100 is everybody's */
	int64_t pids; /* threads and processes */
	const char *cpus; /* "0-2,4", not copied */
	const char *mems; /* the same for memory nodes */
	struct cg_io io[CG_IO_DEVICES];
	unsigned n_io;
	struct cg_device device[CG_DEVICES_MAX];
	unsigned n_devices;
};
enum {
	CG_GIVE_MEMORY = 1 << 0,
	CG_GIVE_HIGH = 1 << 1,
	CG_GIVE_SWAP = 1 << 2,
	CG_GIVE_CPU = 1 << 3,
	CG_GIVE_WEIGHT = 1 << 4,
	CG_GIVE_PIDS = 1 << 5,
	CG_GIVE_CPUS = 1 << 6,
	CG_GIVE_MEMS = 1 << 7,
	CG_GIVE_IO = 1 << 8,
	CG_GIVE_DEVICES = 1 << 9,
};

/* Parsers for the options below; `to` is the struct cg_limits. */
opt_parse_fn cg_opt_memory, cg_opt_high, cg_opt_swap, cg_opt_cpus, cg_opt_weight, cg_opt_pids,
	cg_opt_cpuset, cg_opt_mems, cg_opt_io, cg_opt_device;

/* The rows of an option table that fill `l`, a struct cg_limits. One vocabulary for all tools. */
#define CG_LIMIT_OPTIONS(l) \
	{'m', "memory", "SIZE", cg_opt_memory, &(l), "memory in use at most, such as 512M", \
		false}, \
		{0, "memory-high", "SIZE", cg_opt_high, &(l), \
			"memory above which the group is slowed down (v2 only)", false}, \
		{0, "swap", "SIZE", cg_opt_swap, &(l), "swap in use at most, beside the memory", \
			false}, \
		{'c', "cpus", "N", cg_opt_cpus, &(l), "processor time, such as 1.5 cpus", false}, \
		{'w', "weight", "N", cg_opt_weight, &(l), \
			"share of busy processors, 1 to 10000 (others have 100)", false}, \
		{'p', "pids", "N", cg_opt_pids, &(l), "processes and threads at most", false}, \
		{0, "cpuset", "LIST", cg_opt_cpuset, &(l), "processors to run on, such as 0-1", \
			false}, \
		{0, "mems", "LIST", cg_opt_mems, &(l), "memory nodes to use, such as 0", false}, \
	{ \
		0, "io", "DEV:KEY=N,...", cg_opt_io, &(l), \
			"limits of a disk: rbps wbps riops wiops, each N or max", false \
	}
/* What a group can be given only when it is made, too. */
#define CG_CREATE_OPTIONS(l) \
	CG_LIMIT_OPTIONS(l), \
	{ \
		0, "device", "RULE", cg_opt_device, &(l), \
			"use no device but those of such rules: \"c 1:3 rwm\" (repeatable)", false \
	}

/* Writes the limits that are given, in the order that the kernel needs; each write is undone with
 * the former value. Class unsupported when the host has no controller or file for one of them. */
int cg_set(const struct cgroup *g, const struct cg_limits *l);

/* ---- making and removing (cgroup_make.c, cgroup_rm.c) ---- */

/* Makes the group, and parents that are missing, in every tree; on v2 switches the controllers on
 * down the path; marks each directory made (state.h); sets the limits. A group that is there in any
 * tree is an error (conflict). On failure the caller's tool_die() undoes all of it. *g is filled
 * even in a dry run. */
int cg_create(const char *name, const struct cg_limits *l, struct cgroup *g);

/* Ends every process in the group and below, frozen ones too, and waits until they are gone, at
 * most `timeout` nanoseconds; class in-use after that. */
int cg_kill(const struct cgroup *g, int64_t timeout);
/* Removes the group and the groups below it from every tree, after cg_kill() if `kill`. Class
 * in-use when a process is in one of them: then nothing was removed. */
int cg_remove(const struct cgroup *g, bool kill, int64_t timeout);

/* Freezes or thaws the group and all below, and waits until it is done, at most `timeout`
 * nanoseconds; class in-use, and thawed again by undo, after that. */
int cg_freeze(const struct cgroup *g, bool freeze, int64_t timeout);

/* ---- looking (cgroup.c, cgroup_stat.c) ---- */

struct cg_pids {
	pid_t *v; /* ascending, each once */
	size_t n;
};
#define auto_pids __attribute__((cleanup(cg_pids_free)))
void cg_pids_free(struct cg_pids *pids);
/* Adds the processes in the group and below, in any tree, as numbers of our pid namespace (0 for
 * those that have none here). */
int cg_pids(const struct cgroup *g, struct cg_pids *pids);

/* Calls fn for each group below the base of each tree that carries our mark: its directory, its
 * name (so that cg_open(name) finds it), and whether that tree is v2. Children come before their
 * parents. Stops when fn returns other than 0, and returns that. */
typedef int cg_walk_fn(void *ctx, const char *dir, const char *name, bool v2);
int cg_walk_marked(cg_walk_fn *fn, void *ctx);

/* A figure that the host does not have. */
#define CG_NONE (-1)

/* What the group used, and ran into. Bytes, microseconds, counts; CG_NONE where not known, CG_MAX
 * for a limit that is not set. */
struct cg_stat {
	int64_t memory, memory_peak, memory_limit, memory_inactive, swap, oom_kills;
	int64_t cpu_usec, user_usec, system_usec;
	int64_t periods, throttled, throttled_usec;
	int64_t pids, pids_limit, pids_denied;
	int64_t read_bytes, write_bytes, reads, writes;
};
int cg_stat(const struct cgroup *g, struct cg_stat *st);
/* Only oom_kills of it: one file in place of fifteen. */
int64_t cg_oom_kills(const struct cgroup *g);

/* The same, looked at again and again: its files are opened once, for to find them takes longer
 * than to read them. */
struct cg_watch;
/* Which figures are wanted; the others stay CG_NONE. */
enum cg_depth {
	CG_FEW, /* memory and its limit, inactive pages, cpu_usec, pids, bytes read and written */
	CG_MANY, /* all but swap, oom_kills and pids_denied */
	CG_ALL
};
/* The group of that name, there or not. NULL with `err` set where there are no groups at all. */
struct cg_watch *cg_watch(const char *name, enum cg_depth depth);
/* False when the group is gone, or never was there: another one of its name is another group. */
bool cg_look(const struct cg_watch *w, struct cg_stat *st);
/* NULL is fine. */
void cg_watch_free(struct cg_watch *w);

#endif
