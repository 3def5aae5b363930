/* SPDX-License-Identifier: MIT
 * ns-exec: run a program in namespaces of its own, in a root directory of its own.
 *
 * A namespace is the kernel's answer to "which of these are there?": process ids, mounts, network
 * interfaces, host name, IPC objects, user ids, cgroups, clocks. A process asks its own namespace,
 * so a new one is a new world; what is not in it cannot even be named.
 *
 *	ns-exec --all --root ./alpine --hostname box -- sh
 */
#include "options.h"

#include "base/err.h"
#include "door/sys_ns.h"
#include "door/tool.h"

static const struct tool me = {
	.name = "ns-exec",
	.kind = TOOL_CHAIN,
	.usage = "[OPTION]... -- COMMAND [ARG]...\n--bundle DIR [OPTION]... [-- COMMAND [ARG]...]",
	.summary = "Run COMMAND in namespaces of its own, new or given by file.",
	.options = ns_exec_options,
	.example = "ns-exec --user --uts --hostname box -- uname -n",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (settings.bundle && settings_from_bundle(&me, argc, argv, &a) < 0)
		tool_die();
	if (!a.command)
		tool_usage("no command to run");
	settings.ct.process.args = a.command;
	if (settings_complete(&settings) < 0)
		tool_usage_err();
	if (settings.ct.process.console && !settings.ct.process.terminal)
		tool_usage("--console-stdin goes with --tty");
	if (ct_confine(&settings.confine, &settings.ct.process) < 0)
		tool_die();
	/* Who is in a pid or mount namespace already must not find our file behind /proc/PID/exe,
	 * open to be written. */
	const struct ct *c = &settings.ct;
	unsigned first = c->process.close_fds ? 3 + c->process.preserve_fds : ~0U;
	if ((c->ns[CT_PID].path || c->ns[CT_MOUNT].path) &&
		sys_run_sealed("go on from a copy of this program that cannot be written", argv,
			first) < 0)
		tool_die();
	int status = ct_run(&settings.ct);
	if (status < 0)
		tool_die();
	return status;
}
