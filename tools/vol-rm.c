/* SPDX-License-Identifier: MIT
 * vol-rm: removes volumes, with what is in them.
 *
 *	vol-rm data
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/volume.h"
#include "door/tool.h"

static bool force;

static const struct opt options[] = {
	{'f', "force", NULL, opt_flag, &force, "one that is not there is fine", false},
	OPT_END,
};

static const struct tool me = {
	.name = "vol-rm",
	.kind = TOOL_ACTS,
	.usage = "[-f] VOLUME...",
	.summary = "Removes volumes that no box has, and prints their names.",
	.options = options,
	.example = "vol-rm data",
};

static int
rm(const char *name)
{
	struct volume v;
	int there = volume_find(name, &v);
	if (there == 0)
		return force ? 0 : err_set(ERR_NOT_FOUND, name, "get %s: no such volume", name);
	return there < 0 ? -1 : volume_remove(&v);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_fd int lock = -1;
	bool failed = false;
	if (!a.n)
		tool_usage("no VOLUME given");
	if (volume_lock(true, &lock) < 0)
		tool_die();
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
