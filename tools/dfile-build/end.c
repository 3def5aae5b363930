/* SPDX-License-Identifier: MIT
 * What a build leaves on the host, and how that is taken away: by itself, by its parent, or by the
 * next build.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/env.h"
#include "door/fault.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/netns.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
remove_group(const char *group)
{
	auto_cgroup struct cgroup g = {0};
	if (cg_open(group, &g) == 0)
		run_tool("the group of its programs, and whatever is left in it",
			(const char *[]){"cg-rm", "--kill", group, NULL}, NULL);
	err_clear();
}

/* By way of the build's own mounts, where it is a namespace with a cable. What enters those is told
 * nothing of us (ns-enter drops our variables), so env(1) says where our state is. */
static void
detach_inside(const struct build *b, const char *name)
{
	char run_dir[PATH_MAX], tool[PATH_MAX];
	auto_free char *mounts = fmt_new("--mount=/proc/%d/fd/%d", getpid(), b->mounts);
	if (state_run(run_dir) < 0 || own_tool("br-detach", tool) < 0)
		return;
	auto_free char *run_at = fmt_new("TACKLEBOX_RUN=%s", run_dir);
	run_tool("its network, as the build's mounts show it",
		(const char *[]){"ns-enter", mounts, "--", "env", run_at, tool, name, NULL}, NULL);
}

/* Seen from elsewhere it is an empty file; and where those mounts have ended, the namespace has
 * ended with them. */
static void
remove_net(const struct build *b, const char *dir, const char *name)
{
	struct statfs fs;
	auto_free char *path = fmt_new("%s/%s", dir, name);
	if (statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC)
		run_tool("its network", (const char *[]){"br-detach", name, NULL}, NULL);
	else if (b->mounts >= 0)
		detach_inside(b, name);
	else if (sys_unlink("the name of its network", path) == 0)
		state_forget("netns", path);
}

/* Each stage that ran something may have one. Returns whether there was any. */
static bool
each_net(const struct build *b, bool remove)
{
	char dir[PATH_MAX];
	const struct dirent *e;
	bool any = false;
	auto_dir DIR *d = netns_dir(dir) == 0 ? opendir(dir) : NULL;
	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, b->net, strlen(b->net)) != 0)
			continue;
		any = true;
		if (remove)
			remove_net(b, dir, e->d_name);
	}
	err_clear();
	return any;
}

static int
remove_nets(void *b)
{
	each_net(b, true);
	return 0;
}

/* The group and the networks are looked for by their names, for who made them may have ended at any
 * point. */
void
build_end(struct build *b)
{
	remove_group(b->group);
	if (each_net(b, false) && rootless_in_net(remove_nets, b) < 0) {
		tool_complain();
		remove_nets(b);
	}
	if (b->mounts >= 0)
		close(take_fd(&b->mounts));
	if (dir_exists(b->dir) && sys_remove_tree("the build's own places", b->dir) < 0)
		tool_complain();
}

void
build_take_away(struct build *b)
{
	fault_parse(NULL);
	env_no_faults();
	build_end(b);
}

/* Kills those of our children that are of our session; whether there was any. What serves has a
 * session of its own: it is not the build's alone, and stays. */
static bool
kill_children(void)
{
	auto_buf struct buf list = BUF_INIT;
	bool any = false;
	char *end;
	if (file_read("/proc/thread-self/children", (size_t)1 << 20, &list) < 0)
		err_clear(); /* a kernel that does not tell: they are left to themselves */
	for (char *p = list.s; p && *p; p = end) {
		pid_t pid = (pid_t)strtol(p, &end, 10);
		if (end == p)
			break;
		if (getsid(pid) != getsid(0))
			continue;
		any = true;
		if (sys_kill("it works for a build that has ended", &pid, 1, SIGKILL) < 0)
			err_clear();
	}
	return any;
}

void
build_end_strays(void)
{
	static const struct timespec moment = {.tv_nsec = 5000000};
	while (kill_children()) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		nanosleep(&moment, NULL);
	}
}

void
build_name_it(struct build *b, const char *id, const char *place)
{
	snprintf(b->id, sizeof(b->id), "%s", id);
	snprintf(b->dir, sizeof(b->dir), "%.*s/%s", PATH_MAX - 64, place, b->id);
	snprintf(b->group, sizeof(b->group), MARK "/build-%s", b->id);
	snprintf(b->net, sizeof(b->net), "tb-build-%s", b->id);
}

/* What builds have left that were killed altogether. */
int
build_sweep(const char *place)
{
	const struct dirent *e;
	char path[PATH_MAX];
	auto_dir DIR *d = opendir(place);
	if (!d)
		return errno == ENOENT ? 0 : err_sys("opendir", place, "cannot open %s", place);
	while ((e = readdir(d))) {
		struct build old = {.mounts = -1};
		if (strlen(e->d_name) != 16)
			continue;
		snprintf(path, sizeof(path), "%.*s/%s/lock", PATH_MAX - 300, place, e->d_name);
		auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			continue; /* it is at work, or about to begin */
		build_name_it(&old, e->d_name, place);
		build_end(&old);
	}
	return 0;
}
