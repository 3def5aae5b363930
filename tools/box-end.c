/* SPDX-License-Identifier: MIT
 * box-end: takes away what a box that has ended leaves on the host.
 *
 * The end of a process takes its namespaces along, but a control group, a mount and a named network
 * namespace stay. box-mon becomes this tool when its program has ended; run by hand it finishes
 * what a box-mon that was killed could not.
 *
 *	box-end web
 */
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "box/box.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/cgroup.h"
#include "mech/netns.h"

#include <stdio.h>
#include <string.h>

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "box-end",
	.kind = TOOL_ACTS,
	.usage = "BOX",
	.summary = "Takes away the network, control group and mount of a box that has ended.",
	.options = options,
	.example = "box-end example",
	.operands = 1,
};

/* One that fails must not keep the others. */
static bool failed;

static void
run(const char *why, const char *const *argv)
{
	if (run_tool(why, argv, NULL) < 0)
		failed = true;
}

static int
is_point(void *self, const struct mount_entry *m)
{
	return strcmp(m->point, self) == 0;
}

static void
end(const struct box *b)
{
	char group[96], net[32], dir[PATH_MAX], path[PATH_MAX + 40], root[PATH_MAX];
	auto_cgroup struct cgroup g = {0};
	box_group(b, group);
	box_netns(b, net);
	box_path(b, "root", root);
	if (cg_open(group, &g) == 0)
		run("its control group, and whatever is left in it",
			(const char *[]){"cg-rm", "--kill", group, NULL});
	if (netns_dir(dir) == 0) {
		snprintf(path, sizeof(path), "%s/%s", dir, net);
		if (file_exists(path))
			run("its network", (const char *[]){"br-detach", net, NULL});
	}
	if (mountinfo_each("/proc/self/mountinfo", is_point, root) == 1)
		run("its root", (const char *[]){"ufs-mount", "--umount", "--lazy", root, NULL});
	err_clear();
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct box b;
	if (a.n != 1)
		tool_usage("no BOX given");
	if (box_find(a.operand[0], &b) < 0)
		tool_die();
	end(&b);
	auto_json json_t *doc = box_read(&b, "box.json");
	if (json_is_true(json_object_get(doc, "AutoRemove")) && box_remove(&b) < 0)
		tool_die();
	int status = tool_finish();
	return status ? status : failed;
}
