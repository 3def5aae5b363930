/* SPDX-License-Identifier: MIT
 * box-exec: one more program in a box that runs.
 *
 * It joins what the box's first process has: namespaces, control group, root, limits, capabilities,
 * filter. There is no other secret to it; ns-enter does the work, and -x shows how.
 *
 *	box-exec -it web sh
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "box/event.h"
#include "box/words.h"
#include "door/chain.h"
#include "door/channel.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/status.h"
#include "door/sys_cred.h"
#include "door/tool.h"
#include "mech/cgroup.h"
#include "mech/ct.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	bool detach, interactive, tty, privileged;
	const char *user, *workdir, *exec_id;
	struct strlist env, env_file;
} o;

static const struct opt options[] = {
	{'d', "detach", NULL, opt_flag, &o.detach, "do not stay", false},
	{'i', "interactive", NULL, opt_flag, &o.interactive, "hand our input on", false},
	{'t', "tty", NULL, opt_flag, &o.tty, "a terminal of its own", false},
	{'e', "env", "NAME[=VALUE]", opt_list, &o.env, "set a variable (repeatable)", false},
	{0, "env-file", "FILE", opt_list, &o.env_file, "variables, one a line (repeatable)", false},
	{'u', "user", "USER[:GROUP]", opt_str, &o.user, "who runs it (default: as the box)", false},
	{'w', "workdir", "DIR", opt_str, &o.workdir, "where it starts (default: as the box)",
		false},
	{0, "privileged", NULL, opt_flag, &o.privileged, "all capabilities, no filter", false},
	{0, "exec-id", "ID", opt_str, &o.exec_id, "what the event exec_start is to call it", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-exec",
	.kind = TOOL_CHAIN,
	.usage = "[OPTION]... BOX COMMAND [ARG]...",
	.summary = "Runs COMMAND in BOX; exits as it does.",
	.options = options,
	.example = "box-exec example echo hello",
	.operands = 1,
	.takes_command = true,
	.rights = RIGHTS_ROOT,
};

static void
add(struct strlist *l, const char *option, const char *value)
{
	strlist_add(l, option);
	strlist_add(l, str_new(value));
}

/* Variables of the box, and then ours: of two of a name the later one counts. */
static int
add_env(struct strlist *l, const json_t *config)
{
	auto_json json_t *doc = json_object();
	json_t *item;
	size_t i;
	json_array_foreach(box_value(config, "process.env"), i, item)
		add(l, "--env", json_string_value(item));
	for (i = 0; i < o.env_file.n; i++)
		if (box_put_env_file(doc, "Env", o.env_file.v[i]) < 0)
			return -1;
	for (i = 0; i < o.env.n; i++)
		if (box_put_env(doc, "Env", o.env.v[i]) < 0)
			return -1;
	json_array_foreach(json_object_get(doc, "Env"), i, item)
		add(l, "--env", json_string_value(item));
	return 0;
}

/* What we lack was left out at the start of the box, too; in a user namespace of its own there are
 * all of them. */
static bool
is_ours(const json_t *doc, const char *name)
{
	uint64_t have = 0, bit = 0;
	return box_value(doc, "HostConfig.IDMappings") || sys_get_caps(&have) < 0 ||
		ct_caps_parse(name, &bit) < 0 || have & bit;
}

/* No more rights than the box's own program has. */
static void
add_rights(struct strlist *l, const struct box *b, const json_t *doc, const json_t *config)
{
	auto_buf struct buf caps = BUF_INIT;
	char path[PATH_MAX];
	json_t *item;
	size_t i;
	bool own_filter = false;
	if (o.privileged) {
		add(l, "--cap-add", "ALL");
		add(l, "--seccomp", "none");
		return;
	}
	json_array_foreach(box_value(config, "process.capabilities.bounding"), i,
		item) if (is_ours(doc, json_string_value(item)))
		buf_addf(&caps, "%s%s", caps.len ? "," : "", json_string_value(item));
	add(l, "--cap-drop", "ALL");
	if (caps.len)
		add(l, "--cap-add", caps.s);
	json_array_foreach(box_value(doc, "HostConfig.SecurityOpt"), i, item) own_filter =
		own_filter || strncmp(json_string_value(item), "seccomp", 7) == 0;
	box_path(b, "config.json", path);
	if (!box_value(config, "linux.seccomp"))
		add(l, "--seccomp", "none");
	else
		add(l, "--seccomp", own_filter ? path : "default");
	if (box_flag(config, "process.noNewPrivileges"))
		strlist_add(l, "--no-new-privs");
}

/* What was said of the box's own program when it was made, and is true of whoever runs it. */
static void
add_limits(struct strlist *l, const json_t *doc, const json_t *config)
{
	const json_t *score = box_value(config, "process.oomScoreAdj");
	json_t *item;
	size_t i;
	json_array_foreach(box_value(doc, "HostConfig.GroupAdd"), i, item)
		add(l, "--group-add", json_string_value(item));
	json_array_foreach(box_value(doc, "HostConfig.Ulimits"), i, item)
	{
		char *limit = fmt_new("%s=%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT,
			box_text(item, "Name"), json_integer_value(json_object_get(item, "Soft")),
			json_integer_value(json_object_get(item, "Hard")));
		/* The API takes "NOFILE", too. */
		for (char *p = limit; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		strlist_add(l, "--rlimit");
		strlist_add(l, limit);
	}
	if (!score)
		return;
	strlist_add(l, "--oom-score-adj");
	strlist_add(l, fmt_new("%" JSON_INTEGER_FORMAT, json_integer_value(score)));
}

static int
words(struct strlist *l, const struct box *b, const json_t *doc, pid_t pid, char **command)
{
	char group[96];
	auto_cgroup struct cgroup g = {0};
	auto_json json_t *config = box_read(b, "config.json");
	const char *user = o.user ? o.user : box_text(doc, "Config.User");
	const char *cwd = o.workdir ? o.workdir : box_text(config, "process.cwd");
	if (!config)
		return -1;
	box_group(b, group);
	strlist_add(l, "ns-enter");
	strlist_add(l, fmt_new("%d", pid));
	strlist_add(l, "--all");
	strlist_add(l, "--root");
	/* Where an ordinary user can have none, it has none. */
	if (!rootless_here() || cg_open(group, &g) == 0)
		add(l, "--join-cgroup", group);
	err_clear();
	add(l, "--cwd", *cwd ? cwd : "/");
	add(l, "--as", *user ? user : "0");
	add_limits(l, doc, config);
	add_rights(l, b, doc, config);
	strlist_add(l, "--clear-env");
	if (o.tty) {
		strlist_add(l, "--tty");
		add(l, "--env", "TERM=xterm");
	}
	if (add_env(l, config) < 0)
		return -1;
	strlist_add(l, "--");
	for (; *command; command++)
		strlist_add(l, *command);
	strlist_add(l, NULL);
	return 0;
}

static void
note(const json_t *doc, char **command)
{
	auto_buf struct buf action = BUF_INIT;
	buf_adds(&action, "exec_start: ");
	buf_add_argv(&action, command);
	auto_json json_t *id = o.exec_id ? json_pack("{s:s}", "execID", o.exec_id) : NULL;
	event_box(doc, action.s, id);
}

/* Until its program runs, or the word has come why it does not. */
static int
leave(const struct strlist *l)
{
	struct run r = {.argv = (char **)(uintptr_t)l->v, .fd = {-1, -1, -1}, .session = true};
	return status_start("the program", &r) < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct strlist l = {0};
	struct box b;
	pid_t pid;
	char path[PATH_MAX];
	if (a.n != 1 || !a.command)
		tool_usage(a.n ? "no COMMAND given" : "no BOX given");
	if (box_find(a.operand[0], &b) < 0 || box_pid(&b, false, &pid, NULL) < 0)
		tool_die();
	auto_json json_t *doc = box_read(&b, "box.json");
	if (!doc || words(&l, &b, doc, pid, a.command) < 0 || own_tool("ns-enter", path) < 0)
		tool_die();
	note(doc, a.command);
	if (o.detach) {
		if (leave(&l) < 0)
			tool_die();
		return tool_finish();
	}
	if (!o.interactive) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (null >= 0 && !o.tty)
			dup2(null, STDIN_FILENO);
	}
	l.v[0] = path;
	chain_exec((char **)(uintptr_t)l.v, false);
	tool_die();
}
