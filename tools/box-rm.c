/* SPDX-License-Identifier: MIT
 * box-rm: removes boxes: what they wrote, their logs, their names.
 *
 *	box-rm -f web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "door/tool.h"

#include <signal.h>

static bool force;

static const struct opt options[] = {
	{'f', "force", NULL, opt_flag, &force, "a running box too: it is killed first", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-rm",
	.kind = TOOL_ACTS,
	.usage = "[-f] BOX...",
	.summary = "Removes boxes that do not run, and prints what they were called.",
	.options = options,
	.example = "box-rm example",
};

/* A box of --rm is removed by its own end; then there is nothing left to do. */
static int
end(struct box *b)
{
	pid_t pid;
	if (box_pid(b, &pid) == 0 &&
		sys_kill("end its first process, and with it all", &pid, 1, SIGKILL) < 0)
		return -1;
	err_clear();
	return box_wait(b);
}

static int
rm(const char *name)
{
	struct box b;
	auto_fd int lock = -1;
	if (box_find(name, &b) < 0 || (force && end(&b) < 0))
		return -1;
	if (box_lock(&b, &lock) < 0) {
		if (force && err.class == ERR_NOT_FOUND)
			return 0;
		if (err.class == ERR_CONFLICT && !force)
			err_hint("stop it first, or remove it with --force");
		return -1;
	}
	/* What a box-mon that was killed left on the host. */
	if (run_tool("nothing of it stays mounted", (const char *[]){"box-end", b.id, NULL}, NULL) <
		0)
		return -1;
	return box_find(b.id, &b) < 0 ? 0 : box_remove(&b);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	bool failed = false;
	if (!a.n)
		tool_usage("no BOX given");
	for (int i = 0; i < a.n; i++)
		if (rm(a.operand[i]) < 0) {
			tool_complain();
			failed = true;
		} else {
			tool_result("%s", a.operand[i]);
		}
	int status = tool_finish();
	return status ? status : failed;
}
