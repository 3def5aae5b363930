/* SPDX-License-Identifier: MIT
 * box-end: takes away what a box that has ended leaves on the host.
 *
 * The end of a process takes its namespaces along, but a control group, a mount and a named network
 * namespace stay. box-mon becomes this tool when its program has ended; run by hand it finishes
 * what a box-mon that was killed could not.
 *
 *	box-end web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "box/box.h"
#include "box/endpoint.h"
#include "box/event.h"
#include "box/layer.h"
#include "box/network.h"
#include "box/policy.h"
#include "box/userns.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/cgroup.h"
#include "mech/netns.h"
#include "mech/overlay.h"
#include "mech/userns.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int64_t lock = -1;

static const struct opt options[] = {
	{0, "lock-fd", "FD", opt_int, &lock,
		"its lock is held already, by this descriptor; it may be to run again", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-end",
	.kind = TOOL_ACTS,
	.usage = "[--lock-fd FD] BOX",
	.summary = "Takes away the network, control group and mount of a box that has ended.",
	.options = options,
	.example = "box-end example",
	.operands = 1,
	.rights = RIGHTS_ROOT,
};

/* One that fails must not keep the others. */
static bool failed;

static void
run(const char *why, const char *const *argv)
{
	if (run_tool(why, argv, NULL) < 0)
		failed = true;
}

/* What cg-rm and ufs-mount do: this comes at the end of every box, and two programs more to start
 * would cost as much as all the rest of it. */
static void
run_linked(const char *why, const char *const *argv, int (*work)(void *arg), void *arg)
{
	if (run_here(why, argv, work, arg) == 0)
		return;
	tool_complain();
	failed = true;
}

static int
remove_group(void *group)
{
	return cg_remove(group, true, (int64_t)10 * 1000000000);
}

static int
umount_root(void *root)
{
	return overlay_umount(root, true);
}

/* The group counts what the kernel had to kill, and is about to go. */
static void
note_oom(const struct box *b, const struct cgroup *g, const json_t *doc)
{
	char path[PATH_MAX];
	if (cg_oom_kills(g) <= 0)
		return;
	box_path(b, "oom", path);
	if (sys_write_new("the kernel ended one of its processes", path, "", 0, 0600) < 0)
		failed = true;
	if (doc)
		event_box(doc, "oom", NULL);
}

/* Its program has ended, and nobody has said so yet. */
static void
note_end(const struct box *b, const json_t *doc)
{
	struct box_state st;
	char text[16];
	box_state(b, &st);
	if (!doc || st.status != BOX_EXITED)
		return;
	/* One that ends at once is still being told to have begun. */
	auto_fd int order = -1;
	if (event_hold(b, &order) < 0)
		err_clear();
	snprintf(text, sizeof(text), "%d", st.exit);
	auto_json json_t *more = json_pack("{s:s}", "exitCode", text);
	event_box(doc, "die", more);
}

/* Meanwhile it is connected to nothing else. */
static void
disconnect(const struct box *b, const json_t *doc)
{
	char net[32], dir[PATH_MAX], path[PATH_MAX + 40];
	auto_fd int held = -1;
	box_netns(b, net);
	if (netns_dir(dir) < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, net);
	if (!box_has_file(b, "network.json") && !file_exists(path)) {
		err_clear();
		return;
	}
	if (network_lock(false, &held) < 0) {
		tool_complain();
		failed = true;
	}
	auto_json json_t *had = box_read_if(b, "network.json");
	bool before = failed;
	failed = false;
	endpoint_forget(b, doc);
	if (!file_exists(path))
		err_clear();
	else if (had && !json_object_size(json_object_get(had, "Networks")))
		failed = netns_remove(path) < 0;
	else
		run("its network", (const char *[]){"br-detach", net, NULL});
	/* From now on it has none (endpoint_is_up()). */
	box_path(b, "network.json", path);
	if (had && !failed && sys_unlink("it is connected to nothing any more", path) < 0)
		failed = true;
	failed = failed || before;
}

static void
end(const struct box *b, const json_t *doc)
{
	char group[96], path[PATH_MAX], root[PATH_MAX];
	auto_cgroup struct cgroup g = {0};
	box_group(b, group);
	box_path(b, "root", root);
	if (cg_open(group, &g) == 0) {
		note_oom(b, &g, doc);
		run_linked("its control group, and whatever is left in it",
			(const char *[]){"cg-rm", "--kill", group, NULL}, remove_group, &g);
	}
	disconnect(b, doc);
	if (mount_is_on(root))
		run_linked("its root",
			(const char *[]){"ufs-mount", "--umount", "--lazy", root, NULL},
			umount_root, root);
	box_userns_path(b, root);
	if (box_layer_umount(b) < 0 || userns_unpin(root) < 0) {
		tool_complain();
		failed = true;
	}
	err_clear();
	/* Its sockets; last of all, for it says that something is left to do. */
	if (!failed && box_run_dir(b, path) == 0 && dir_exists(path) &&
		sys_remove_tree("its sockets", path) < 0)
		failed = true;
}

/* The lock goes along: meanwhile the box is neither removed nor started by others. */
static void
run_again(const struct box *b)
{
	auto_free char *held = fmt_new("--lock-fd=%d", (int)lock);
	const char *const argv[] = {"box-restart", "--by-policy", held, b->id, NULL};
	const struct run again = {.argv = (char *const *)(uintptr_t)argv,
		.fd = {-1, -1, -1},
		.status_fd = -1,
		.session = true};
	if (run_start("it is to run again", &again) < 0) {
		tool_complain();
		failed = true;
	}
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
	auto_json json_t *doc = box_read_if(&b, "box.json");
	note_end(&b, doc);
	end(&b, doc);
	if (box_flag(doc, "HostConfig.AutoRemove")) {
		if (box_remove(&b, true) < 0)
			tool_die();
	} else if (lock >= 0 && doc && policy_wants(&b, doc))
		run_again(&b);
	int status = tool_finish();
	return status ? status : failed;
}
