/* SPDX-License-Identifier: MIT
 * box-restart: stops a box, if it runs, and starts it.
 *
 *	box-restart web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/each.h"
#include "box/event.h"
#include "box/policy.h"
#include "box/stop.h"
#include "door/chain.h"
#include "door/spawn.h"
#include "door/tool.h"

#include <stdint.h>
#include <unistd.h>

static int64_t seconds = -2, lock = -1;
static bool by_policy, boot;

static const struct opt options[] = {
	{'t', "time", "SECONDS", opt_int, &seconds,
		"wait so long before KILL (default: the box's own, or 10)", false},
	{0, "boot", NULL, opt_flag, &boot,
		"start all that their restart policies say, after the host has been down", false},
	{0, "by-policy", NULL, opt_flag, &by_policy,
		"it has ended: wait, and start it as its restart policy says", false},
	{0, "lock-fd", "FD", opt_int, &lock, "its lock is held meanwhile, by this descriptor",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-restart",
	.kind = TOOL_ACTS,
	.usage = "[-t SECONDS] BOX...\n--boot\n--by-policy [--lock-fd FD] BOX",
	.summary = "Stops and starts each BOX, and prints what it is called.",
	.options = options,
	.example = "box-restart -t 1 example",
	.rights = RIGHTS_ROOT,
};

static int
one(const struct box *b, const char *name)
{
	(void)name;
	auto_json json_t *doc = box_read(b, "box.json");
	if (!doc || box_stop(b, 0, seconds) < 0 ||
		run_tool("and again", (const char *[]){"box-start", b->id, NULL}, NULL) < 0)
		return -1;
	event_box(doc, "restart", NULL);
	return 0;
}

/* box-start takes the lock itself, and looks again whether somebody has changed his mind. */
static void
start_by_policy(const char *name)
{
	struct box b;
	char tool[PATH_MAX];
	if (box_find(name, &b) < 0)
		tool_die();
	int now = policy_wait(&b);
	if (now < 0 || own_tool("box-start", tool) < 0)
		tool_die();
	if (lock >= 0)
		close((int)lock);
	const char *const command[] = {tool, "--by-policy", b.id, NULL};
	if (now > 0 && chain_exec((char **)(uintptr_t)command, false) < 0)
		tool_die();
}

static int
start_at_boot(const struct box *b, void *arg)
{
	auto_json json_t *doc = box_read_if(b, "box.json");
	bool *failed = arg;
	if (!doc || !policy_wants_at_boot(b, doc))
		return 0;
	if (run_tool("its restart policy says so", (const char *[]){"box-start", b->id, NULL},
		    NULL) < 0) {
		tool_complain();
		*failed = true;
		return 0;
	}
	tool_result("%s", box_text(doc, "Name"));
	return 0;
}

static int
start_all(void)
{
	bool failed = false;
	if (box_each(start_at_boot, &failed) < 0)
		tool_die();
	int status = tool_finish();
	return status ? status : failed;
}

/* One that fails does not keep the others. */
int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (boot) {
		if (a.n)
			tool_usage("--boot takes no BOX");
		return start_all();
	}
	if (by_policy) {
		if (a.n != 1)
			tool_usage("--by-policy takes one BOX");
		start_by_policy(a.operand[0]);
		return tool_finish();
	}
	return box_each_operand(&a, one);
}
