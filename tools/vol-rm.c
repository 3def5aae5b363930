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
	.rights = RIGHTS_ROOT,
};

static int
rm(const char *name, void *self)
{
	struct volume v;
	int there = volume_find(name, &v);
	(void)self;
	if (there == 0 && !force)
		return err_set(ERR_NOT_FOUND, name, "get %s: no such volume", name);
	if (there < 0 || (there && volume_remove(&v) < 0))
		return -1;
	tool_result("%s", name);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_fd int lock = -1;
	if (!a.n)
		tool_usage("no VOLUME given");
	if (volume_lock(true, &lock) < 0)
		tool_die();
	return tool_each(&a, "VOLUME", rm, NULL);
}
