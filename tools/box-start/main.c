/* SPDX-License-Identifier: MIT
 * box-start: runs a box.
 *
 * There is nothing here but the tools below, one after the other: layers joined to a root, a
 * control group with limits, a network, and then a chain of programs that each change themselves
 * and exec the next, with box-mon as its parent. -x prints the chain.
 *
 *	box-start -x web
 */
#include "start.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/attach.h"
#include "box/event.h"
#include "box/layer.h"
#include "box/network.h"
#include "box/policy.h"
#include "box/view.h"
#include "door/channel.h"
#include "door/env.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "door/sys_userns.h"
#include "door/tool.h"
#include "door/undo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	bool attach, interactive, by_policy;
	int64_t failure;
	const char *keys;
} o;

static const struct opt options[] = {
	{'a', "attach", NULL, opt_flag, &o.attach, "stay, show its output, exit as it does", false},
	{'i', "interactive", NULL, opt_flag, &o.interactive, "stay, and hand on the input too",
		false},
	{0, "detach-keys", "KEYS", opt_str, &o.keys,
		"keys that leave a box with a terminal (ctrl-p,ctrl-q)", false},
	{0, "failure", "STATUS", opt_int, &o.failure,
		"exit status of a failure that is not the program's (1; box-run has 125)", false},
	{0, "by-policy", NULL, opt_flag, &o.by_policy,
		"it is its restart policy that starts it, unless somebody has stopped it", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-start",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... BOX...",
	.summary =
		"Starts each BOX, and prints what it was called; with -a it stays with one until it has ended.",
	.options = options,
	.example = "box-start -a example",
	.rights = RIGHTS_ROOT,
};

/* The mark that there is something for box-end to do, which goes last of all. */
static int
made_path(const struct start *s, char path[PATH_MAX])
{
	if (box_run_dir(&s->b, path) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, PATH_MAX - n, "/made");
	return 0;
}

/* What is there is taken away again by the tool that does it in the end, if box-mon has not become
 * that already: then all is gone, with --rm the box too. */
static int
give_up(struct start *s)
{
	struct err why = err;
	char path[PATH_MAX];
	env_no_faults();
	if (made_path(s, path) < 0 || !file_exists(path) || !dir_exists(s->b.dir) ||
		run_tool("take away what was made", (const char *[]){"box-end", s->b.id, NULL},
			NULL) < 0)
		err_clear();
	err = why;
	return -1;
}

/* Without its filter, two thirds of all that it says, where that is the built-in one. */
static json_t *
read_config(const struct start *s)
{
	char path[PATH_MAX];
	box_path(&s->b, "config.json", path);
	return start_own_filter(s) ? json_read(path, JSON_SIZE_MAX)
				   : json_read_without(path, JSON_SIZE_MAX, "linux.seccomp");
}

static int
mount_root(struct start *s)
{
	return box_layer_keep(&s->b, s->doc) < 0
		? -1
		: view_mount("the image's layers, and one of its own above them", &s->b, s->doc,
			  &s->uid, &s->gid);
}

struct place {
	int top;
	const char *path;
};

static int
make_place(void *arg)
{
	const struct place *p = arg;
	return view_make_dir("the directory where it starts", p->top, p->path);
}

/* The directory where it starts is made if the image does not have it, as Docker does: its root is
 * the owner. */
static int
make_cwd(struct start *s)
{
	char root[PATH_MAX];
	box_path(&s->b, "root", root);
	auto_fd int top = step_dry() ? -1 : open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct place p = {top, box_text(s->config, "process.cwd")};
	auto_fd int there = top < 0 ? -1 : open_in_root(top, p.path, O_PATH | O_DIRECTORY, 0);
	if (top < 0 || there >= 0)
		return 0;
	return sys_userns_call("as root of the box", s->user_fd, s->user, make_place, &p);
}

/* ---- one box ---- */

static int
forget_former(struct start *s)
{
	static const char *const files[] = {"network.json", "exit", "pid", "paused", "started",
		"error", "oom", "restarting", "health.json"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		box_path(&s->b, files[i], path);
		if (file_exists(path) && sys_unlink("of its former run", path) < 0)
			return -1;
	}
	return 0;
}

/* What a box-mon that was killed could not take away. */
static int
clean_former(struct start *s)
{
	char path[PATH_MAX];
	if (made_path(s, path) < 0)
		return -1;
	if (!file_exists(path))
		return 0;
	return run_tool(
		"what its former run left", (const char *[]){"box-end", s->b.id, NULL}, NULL);
}

/* With that mark the next start finds what is to be taken away, should everybody be killed, or
 * box-end fail: so it is not undone. */
static int
make_run_dir(struct start *s)
{
	char run[PATH_MAX], path[PATH_MAX];
	if (box_run_dir(&s->b, run) < 0 || made_path(s, path) < 0 ||
		sys_keep_dir("the place of its sockets", run, 0700) < 0 ||
		sys_write_new("what follows is to be taken away", path, "", 0, 0600) < 0)
		return -1;
	undo_forget();
	return 0;
}

/* It ends with the box. That nobody looks after the box is no reason not to run it. */
static int
start_checks(const struct start *s)
{
	const char *const argv[] = {"box-health", s->b.id, NULL};
	const struct run r = {.argv = (char *const *)(uintptr_t)argv,
		.fd = {-1, -1, -1},
		.status_fd = -1,
		.session = true};
	if (run_start("its health is looked at, as long as it runs", &r) < 0)
		tool_complain();
	return 0;
}

/* 1: it runs already; 0: *pid runs it; -1 with `err` set. */
static int
start(struct start *s, const char *name, int sock, pid_t *pid)
{
	auto_fd int lock = -1;
	auto_fd int order = -1;
	struct box_state st;
	if (box_find(name, &s->b) < 0)
		return -1;
	box_state(&s->b, &st);
	if (st.status == BOX_PAUSED)
		return err_set(
			ERR_CONFLICT, name, "cannot start a paused container, try unpause instead");
	if (st.status == BOX_RUNNING)
		return 1;
	if (box_lock(&s->b, &lock) < 0 || !(s->doc = box_read(&s->b, "box.json")) ||
		!(s->config = read_config(s)))
		return -1;
	box_group(&s->b, s->group);
	if (o.by_policy ? policy_is_stopped(&s->b) : policy_forget(&s->b) < 0)
		return o.by_policy ? 1 : -1;
	if (clean_former(s) < 0 || forget_former(s) < 0 || make_run_dir(s) < 0)
		return -1;
	if (network_of_mode(box_text(s->doc, "HostConfig.NetworkMode")))
		rootless_begin();
	if (event_hold(&s->b, &order) < 0 || start_user(s) < 0 || mount_root(s) < 0 ||
		make_cwd(s) < 0 || start_group(s) < 0 || start_network(s) < 0 ||
		start_neighbours(s) < 0)
		return give_up(s);
	*pid = start_chain(s, lock, sock);
	if (*pid < 0)
		return give_up(s);
	if (s->user_fd >= 0)
		close(take_fd(&s->user_fd));
	/* It runs: what was made for it goes with its end, whatever becomes of us. */
	undo_forget();
	event_box(s->doc, "start", NULL);
	return box_has_check(s->doc) ? start_checks(s) : 0;
}

/* Stays with it. Returns its exit status, or -1. */
static int
stay(const char *name)
{
	struct start s = {.user_fd = -1};
	int ends[2];
	pid_t pid = 0;
	if (channel_pair(ends) < 0)
		return -1;
	/* Before the program runs, so that it never sees another. */
	attach_own_size(ends[0]);
	int r = start(&s, name, ends[1], &pid);
	close(ends[1]);
	if (r != 0)
		return r < 0 ? -1
			     : err_set(ERR_CONFLICT, name,
				       "box %s runs already: box-attach joins it", name);
	if (step_dry())
		return 0;
	struct attach a = {.sock = ends[0],
		.input = o.interactive && box_flag(s.doc, "Config.OpenStdin"),
		.output = true,
		.signals = true,
		.tty = box_flag(s.doc, "Config.Tty"),
		.keys = o.keys};
	int status = attach_relay(&s.b, &a);
	/* box-mon has become box-end by now, and ends when all is clean. */
	if (status >= 0)
		waitpid(pid, NULL, 0);
	return status == ATTACH_DETACHED ? 0 : status;
}

static int
one(const char *name, void *self)
{
	struct start s = {.user_fd = -1};
	pid_t pid;
	(void)self;
	int r = start(&s, name, -1, &pid);
	if (r >= 0)
		tool_result("%s", name);
	json_decref(s.doc);
	json_decref(s.config);
	return r;
}

/* 126 and 127 say more. */
static void
die(void)
{
	if (!err.status)
		err.status = (int)o.failure;
	tool_die();
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (o.failure < 0 || o.failure > 255)
		tool_usage("--failure %d: it is from 1 to 255", (int)o.failure);
	if (o.attach || o.interactive) {
		if (a.n != 1)
			tool_usage(a.n ? "you cannot stay with more than one BOX" : "no BOX given");
		int status = stay(a.operand[0]);
		if (status < 0)
			die();
		int r = tool_finish();
		return r ? r : status;
	}
	if (o.failure && a.n == 1) {
		if (one(a.operand[0], NULL) < 0)
			die();
		return tool_finish();
	}
	return tool_each(&a, "BOX", one, NULL);
}
