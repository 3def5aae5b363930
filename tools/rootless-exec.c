/* SPDX-License-Identifier: MIT
 * rootless-exec: become a command in the user namespace of an ordinary user's boxes.
 *
 * In there the user is root, over his own ids and what /etc/subuid gives him: the way to look at
 * the files of boxes with the owners that they have there, and to run what needs that. All tools
 * that need it go that way by themselves.
 *
 *	rootless-exec -- ls -ln ~/.local/share/tacklebox/layers
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/parse.h"
#include "door/chain.h"
#include "door/channel.h"
#include "door/env.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/status.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "door/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

static bool net;

static const struct opt options[] = {
	{0, "net", NULL, opt_flag, &net, "in the network of the user's boxes, too", false},
	OPT_END,
};

static const struct tool me = {
	.name = "rootless-exec",
	.kind = TOOL_CHAIN,
	.usage = "[--net] -- COMMAND [ARG]...",
	.summary = "Runs COMMAND as root over your own ids, where your boxes are.",
	.options = options,
	.example = "rootless-exec -- id -u",
};

/* ---- the keeper ---- */

/* In new namespaces; or, where a keeper was killed and boxes go on, in theirs. */
static int
keeper_words(const char *run, const char *path, struct strlist *l)
{
	char keeper[PATH_MAX];
	pid_t living = rootless_living(run);
	/* ns-exec would look for it along the path. */
	if (own_tool("rootless-keep", keeper) < 0)
		return -1;
	if (!living) {
		strlist_add(l, "ns-exec");
		strlist_add(l, "--user");
		if (rootless_has_ranges())
			strlist_add(l, "--map-auto");
		strlist_add(l, "--");
	}
	strlist_add(l, str_new(keeper));
	const char *linger = getenv("TACKLEBOX_LINGER");
	strlist_add(l, "--linger");
	strlist_add(l, linger ? linger : "1s");
	if (living) {
		strlist_add(l, "--join");
		strlist_add(l, fmt_new("%d", living));
	}
	strlist_add(l, path);
	strlist_add(l, NULL);
	return 0;
}

/* Closed without a word: it listens. */
static int
start_keeper(const char *run, const char *path)
{
	struct strlist l = {0};
	if (keeper_words(run, path, &l) < 0)
		return -1;
	struct run r = {.argv = (char **)(uintptr_t)l.v, .fd = {-1, -1, -1}, .session = true};
	if (status_start("who keeps the user's namespaces as long as they are used", &r) >= 0)
		return 0;
	err.class = ERR_DENIED;
	err.status = 0; /* not the keeper's, but ours */
	return err_prefix("cannot make the user's namespaces");
}

/* Of many who come first, one starts it. */
static int
reach(char run[PATH_MAX], const char *path, int *sock, pid_t *pid)
{
	auto_fd int lock = -1;
	char name[PATH_MAX + 16];
	if (rootless_connect(path, sock, pid) == 0)
		return 0;
	snprintf(name, sizeof(name), "%s.lock", path);
	if (state_keep_run("the place of what runs", 0700, run) < 0 ||
		sys_lock("one starts it, the others wait", name, true, &lock) < 0)
		return -1;
	if (rootless_connect(path, sock, pid) == 0)
		return 0;
	if (start_keeper(run, path) < 0)
		return -1;
	if (rootless_connect(path, sock, pid) < 0)
		return err_sys("connect", path, "cannot reach rootless-keep");
	return 0;
}

/* ---- and in ---- */

/* The tools inside are root, and would take root's places for theirs. */
static int
set_places(const char *run, const char *path)
{
	char root[PATH_MAX];
	if (state_root(root) < 0)
		return -1;
	setenv("TACKLEBOX_ROOT", root, 1);
	setenv("TACKLEBOX_RUN", run, 1);
	setenv(ROOTLESS_VARIABLE, path, 1);
	return 0;
}

static int
enter(void)
{
	char run[PATH_MAX], path[PATH_MAX], cwd[PATH_MAX], shown[64];
	int sock = -1;
	pid_t pid = 0;
	if (state_run(run) < 0)
		return -1;
	if (snprintf(path, sizeof(path), "%s/" ROOTLESS_SOCKET, run) >= (int)sizeof(path))
		return err_set(ERR_INVALID, run, "TACKLEBOX_RUN is too long");
	if (set_places(run, path) < 0 || (!step_dry() && reach(run, path, &sock, &pid) < 0))
		return -1;
	/* It answered on the socket that we have: so the number is its own. */
	auto_fd int pidfd = step_dry() ? -1 : pidfd_open(pid, 0);
	if (pidfd < 0 && !step_dry())
		return err_sys("pidfd_open", NULL, "cannot find rootless-keep");
	/* Where no path leads, there is none from the root either: then that is where it begins. */
	bool known = getcwd(cwd, sizeof(cwd)) && access(cwd, X_OK) == 0;
	snprintf(shown, sizeof(shown), "the namespaces of process %d", pid);
	if (sys_setns("your ids with you as root, and mounts of your own", pidfd,
		    CLONE_NEWUSER | CLONE_NEWNS, shown) < 0)
		return -1;
	/* As long as anybody has it, the keeper stays. */
	fcntl(sock, F_SETFD, 0);
	return known ? sys_chdir("among other mounts paths begin anew", cwd) : 0;
}

/* A program that is not ours may run tools that are: it keeps what tells them where they are. */
static char **
with_places(char **command)
{
	static const char *const names[] = {"TACKLEBOX_ROOT", "TACKLEBOX_RUN", ROOTLESS_VARIABLE};
	char path[PATH_MAX];
	struct strlist l = {0};
	if (chain_find(command[0], path) < 0 || env_is_own_tool(path) || !rootless_inside())
		return command;
	strlist_add(&l, "env");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		strlist_add(&l, fmt_new("%s=%s", names[i], getenv(names[i])));
	for (char **w = command; *w; w++)
		strlist_add(&l, *w);
	strlist_add(&l, NULL);
	return (char **)(uintptr_t)l.v;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (!a.command)
		tool_usage("no command to run");
	/* Who is root already is where he wants to be. */
	if ((geteuid() != 0 && enter() < 0) || (net && (rootless_net() < 0 || rootless_way() < 0)))
		tool_die();
	chain_exec(with_places(a.command), false);
	tool_die();
}
