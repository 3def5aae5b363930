/* SPDX-License-Identifier: MIT
 * box-rm: removes boxes: what they wrote, their logs, their names.
 *
 *	box-rm -f web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/policy.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"

#include <signal.h>
#include <string.h>

#define A_MOMENT (50 * 1000000L)

static struct {
	bool force, volumes;
} o;

static const struct opt options[] = {
	{'f', "force", NULL, opt_flag, &o.force, "a running box too: it is killed first", false},
	{'v', "volumes", NULL, opt_flag, &o.volumes, "its anonymous volumes too", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-rm",
	.kind = TOOL_ACTS,
	.usage = "[-fv] BOX...",
	.summary = "Removes boxes that do not run, and prints what they were called.",
	.options = options,
	.example = "box-rm example",
	.rights = RIGHTS_ROOT,
};

/* Ends what runs of it now. One of --rm is removed by its own end; then there is nothing left to
 * do.
 */
static int
kill_now(const struct box *b)
{
	auto_fd int pidfd = -1;
	char group[96];
	pid_t pid;
	struct box_state st;
	box_state(b, &st);
	if (box_pid(b, true, &pid, &pidfd) == 0 &&
		sys_pidfd_kill("end its first process, and with it all", pidfd, pid, SIGKILL) < 0)
		return -1;
	/* What is frozen takes the signal once it is thawed (v1). */
	box_group(b, group);
	if (st.status == BOX_PAUSED)
		run_tool("so that it can end", (const char *[]){"cg-freeze", "--thaw", group, NULL},
			NULL);
	err_clear();
	return 0;
}

/* Again and again, for one that is just being started has nothing yet that could be killed. */
static int
end(const struct box *b)
{
	int gone;
	if (policy_stop(b) < 0)
		return -1;
	do {
		if (kill_now(b) < 0)
			return -1;
		gone = step_dry() ? 1 : box_wait(b, A_MOMENT);
	} while (gone == 0);
	return gone < 0 ? -1 : 0;
}

static int
refuse(const struct box *b, const char *name)
{
	struct box_state st;
	box_state(b, &st);
	if (st.status == BOX_RUNNING)
		return err_set(ERR_CONFLICT, name,
			"You cannot remove a running container %s. Stop the container before "
			"attempting removal or force remove",
			b->id);
	if (st.status == BOX_RESTARTING)
		return err_set(ERR_CONFLICT, name,
			"You cannot remove a restarting container %s. Stop the container before "
			"attempting removal or force remove",
			b->id);
	if (st.status == BOX_PAUSED)
		return err_set(ERR_CONFLICT, name,
			"You cannot remove a paused container %s. Unpause and then stop the "
			"container before attempting removal or force remove",
			b->id);
	return 0;
}

static int
rm(const char *name)
{
	struct box b;
	auto_fd int lock = -1;
	char run[PATH_MAX];
	if (box_find(name, &b) < 0 || (o.force ? end(&b) < 0 : refuse(&b, name) < 0))
		return -1;
	if (box_lock(&b, &lock) < 0)
		return o.force && err.class == ERR_NOT_FOUND ? 0 : -1;
	/* What a box-mon that was killed left on the host. */
	if (box_run_dir(&b, run) == 0 && dir_exists(run) &&
		run_tool("nothing of it stays mounted", (const char *[]){"box-end", b.id, NULL},
			NULL) < 0)
		return -1;
	return box_find(b.id, &b) < 0 ? 0 : box_remove(&b, o.volumes);
}

static int
one(const char *name, void *self)
{
	(void)self;
	if (rm(name) < 0)
		return -1;
	tool_result("%s", name);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	return tool_each(&a, "BOX", one, NULL);
}
