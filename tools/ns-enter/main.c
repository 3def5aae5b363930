/* SPDX-License-Identifier: MIT
 * ns-enter: run a program in namespaces that are there: those of a process, or those that a file
 * such as /run/netns/NAME keeps.
 *
 *	ns-enter 4711 --net -- ip addr
 */
#include "target.h"

#include "base/err.h"
#include "door/sys_ns.h"
#include "door/tool.h"

#include <sched.h>
#include <string.h>

static struct target target = {.found = {.pidfd = -1}};

#define NS(kind) &target.ct.ns[kind]
#define PROCESS target.ct.process

static const struct opt options[] = {
	{0, "pid", "FILE", ct_opt_namespace, NS(CT_PID), "its process ids", true},
	{0, "net", "FILE", ct_opt_namespace, NS(CT_NET), "its network", true},
	{0, "mount", "FILE", ct_opt_namespace, NS(CT_MOUNT), "its mounts", true},
	{0, "uts", "FILE", ct_opt_namespace, NS(CT_UTS), "its host name", true},
	{0, "ipc", "FILE", ct_opt_namespace, NS(CT_IPC), "its System V IPC and message queues",
		true},
	{0, "user", "FILE", ct_opt_namespace, NS(CT_USER), "its user ids", true},
	{0, "cgroup", "FILE", ct_opt_namespace, NS(CT_CGROUP), "its view of the cgroups", true},
	{0, "time", "FILE", ct_opt_namespace, NS(CT_TIME), "its monotonic and boot time", true},
	{'a', "all", NULL, opt_flag, &target.all,
		"all that differ from ours (as when none is named)", false},
	{'r', "root", NULL, opt_flag, &target.found.root, "the process's root directory", false},
	{'W', "wd", NULL, opt_flag, &target.found.cwd, "the process's working directory", false},
	{'e', "env", "NAME=VALUE", ct_opt_pair, &PROCESS.env, "set a variable (repeatable)", false},
	{0, "clear-env", NULL, opt_flag, &PROCESS.clear_env, "start from an empty environment",
		false},
	{'w', "cwd", "DIR", opt_str, &PROCESS.cwd, "working directory, inside", false},
	{'u', "as", "USER[:GROUP]", opt_str, &PROCESS.user,
		"become this user: a name of the /etc/passwd inside, or a number", false},
	{0, "group-add", "GROUP", opt_list, &PROCESS.more_groups,
		"one more supplementary group: a name of the /etc/group inside, or a number (repeatable)",
		false},
	{0, "rlimit", "NAME=SOFT[:HARD]", ct_opt_rlimit, &PROCESS,
		"resource limit (nofile, nproc, core …; repeatable)", false},
	{0, "oom-score-adj", "N", ct_opt_oom, &PROCESS.oom_score_adj,
		"how willingly the kernel kills it when memory is out", false},
	{'t', "tty", NULL, opt_flag, &PROCESS.terminal, "a terminal of its own", false},
	{0, "confine", NULL, opt_flag, &target.confine.by_default,
		"Docker's capabilities and seccomp filter, as ns-exec --root gives them", false},
	{0, "cap-add", "CAP[,CAP]", ct_opt_caps, &target.confine.add,
		"keep a capability (ALL for all)", false},
	{0, "cap-drop", "CAP[,CAP]", ct_opt_caps, &target.confine.drop,
		"drop a capability (ALL for all)", false},
	{0, "seccomp", "default|none|FILE", opt_str, &target.confine.seccomp,
		"filter of system calls: Docker's, none, or a profile in JSON", false},
	{0, "no-new-privs", NULL, opt_flag, &PROCESS.no_new_privs,
		"set-user-ID programs give no rights", false},
	{0, "preserve-fds", "N", ct_opt_fds, &PROCESS.preserve_fds,
		"keep N descriptors beyond the first three open", false},
	{0, "join-cgroup", "NAME", opt_str, &target.ct.cgroup, "start it in this cgroup", false},
	OPT_END,
};

static const struct tool me = {
	.name = "ns-enter",
	.kind = TOOL_CHAIN,
	.usage = "PID|FILE [OPTION]... -- COMMAND [ARG]...\n"
		 "[OPTION]... --net=FILE -- COMMAND [ARG]...",
	.summary = "Run COMMAND in the namespaces of process PID, or of FILE.",
	.options = options,
	.operands = 1,
	.example = "ns-enter $$ --uts -- uname -n",
};

/* With namespaces given by file alone the first word after "--" is no target but the command. */
static bool
without_target(const struct args *a, char **argv)
{
	for (size_t i = 1; argv[i] && a->n; i++)
		if (argv[i] == a->operand[0])
			return strcmp(argv[i - 1], "--") == 0;
	return a->n == 0;
}

static char **
words_from(char **argv, const char *word)
{
	while (*argv && *argv != word)
		argv++;
	return *argv ? argv : NULL;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	bool alone = without_target(&a, argv);
	PROCESS.args = alone && a.n ? words_from(argv, a.operand[0]) : a.command;
	if (!PROCESS.args)
		tool_usage("%s", a.n ? "no command to run" : "no process and no file to enter");
	if (target_find(&target, alone ? NULL : a.operand[0]) < 0) {
		if (err.class == ERR_INVALID && !err.no)
			tool_usage_err();
		tool_die();
	}
	if (ct_confine(&target.confine, &PROCESS) < 0)
		tool_die();
	/* Others in there must not find our own file behind /proc/PID/exe, open to be written. */
	if (PROCESS.close_fds &&
		sys_run_sealed("go on from a copy of this program that cannot be written", argv,
			3 + PROCESS.preserve_fds) < 0)
		tool_die();
	int status = ct_join(&target.ct, &target.found);
	if (status < 0)
		tool_die();
	return status;
}
