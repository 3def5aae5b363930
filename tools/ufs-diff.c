/* SPDX-License-Identifier: MIT
 * ufs-diff UPPER: writes what changed as a layer tar.
 *
 * The upper directory of an overlay holds what was written, and a device 0:0 for what was deleted.
 * In a tar that becomes an empty file ".wh.NAME", and so the directory becomes a layer that any
 * container engine takes.
 *
 *	ufs-diff up >layer.tar
 *	ufs-diff --list --lower base up
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"
#include "image/layer.h"
#include "mech/overlay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	struct strlist lower, except;
	const char *from;
	bool list, json, user_xattr;
} o;

static const struct opt options[] = {
	{'l', "lower", "LAYER", opt_list, &o.lower,
		"a directory below UPPER; again for each, bottom first", false},
	{0, "from", "TREE", opt_str, &o.from, "compare DIR, a plain tree, with this one", false},
	{0, "except", "PATH", opt_list, &o.except,
		"leave out PATH and what is below it: a mount point (repeatable)", false},
	{0, "list", NULL, opt_flag, &o.list,
		"print what was added (A), changed (C) and deleted (D)", false},
	{'j', "json", NULL, opt_flag, &o.json, "the list as JSON lines", false},
	{0, "userxattr", NULL, opt_flag, &o.user_xattr,
		"overlay's marks are user.overlay.* (so it is in a user namespace)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "ufs-diff",
	.kind = TOOL_FILTER,
	.usage =
		"[--lower LAYER]... [--list] UPPER >LAYER.tar\n--from TREE [--list] DIR >LAYER.tar",
	.summary = "Writes what changed in an overlay, or between two trees, as a layer tar.",
	.options = options,
	.example = "mkdir up; echo hello >up/file; ufs-diff --list up",
};

static int
open_dir(const char *path, int *fd)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? err_sys("open", path, "cannot open directory %s", path) : 0;
}

static int
print_change(void *self, enum layer_change kind, const char *path)
{
	auto_buf struct buf b = BUF_INIT;
	(void)self;
	if (o.json) {
		buf_addf(&b, "{\"kind\":\"%c\",\"path\":", kind);
		buf_add_json(&b, path);
		buf_addc(&b, '}');
	} else {
		buf_addf(&b, "%c ", kind);
		buf_add_visible(&b, path);
	}
	tool_result("%s", buf_str(&b));
	return 0;
}

/* Nothing is changed by this tool, so there are no steps: the script shows the names. */
static void
tell_script(const char *dir)
{
	auto_buf struct buf line = BUF_INIT;
	buf_adds(&line, "# nothing is changed, and no command of the shell writes the same tar\n");
	if (o.from)
		buf_addf(&line, "diff -rq --no-dereference %s %s || [ $? -eq 1 ]", tell_sh(o.from),
			tell_sh(dir));
	else
		buf_addf(&line, "cd %s && find . -mindepth 1", tell_sh(dir));
	tell_line(buf_str(&line));
}

static int
diff(const char *dir, int *lower, struct layer_result *r)
{
	struct stream_fd out = {.fd = STDOUT_FILENO, .shown = "standard output"};
	struct layer_diff how = {
		.dir = -1,
		.shown = dir,
		.from = -1,
		.lower = lower,
		.n_lower = o.lower.n,
		.except = o.except.v,
		.n_except = o.except.n,
		.user_xattr = o.user_xattr || overlay_user_xattr(),
		.write = o.list ? NULL : stream_fd_write,
		.self = &out,
		.change = o.list ? print_change : NULL,
	};
	if (open_dir(dir, &how.dir) < 0 || (o.from && open_dir(o.from, &how.from) < 0))
		return -1;
	for (size_t i = 0; i < o.lower.n; i++)
		if (open_dir(o.lower.v[i], &lower[i]) < 0)
			return -1;
	if (!step_dry())
		return layer_diff(&how, r);
	tell_script(dir);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct layer_result r = {0};
	o.list = o.list || o.json;
	if (a.n != 1)
		tool_usage(a.n ? "one directory is wanted, not %d" : "a directory is missing", a.n);
	if (o.from && o.lower.n)
		tool_usage("--from compares plain trees, which have nothing below: no --lower");
	if (!o.list && !step_dry() && isatty(STDOUT_FILENO))
		tool_usage(
			"standard output is a terminal, and a tar would go there: add --list, or >FILE");
	auto_free int *lower = calloc(o.lower.n + 1, sizeof(*lower));
	if (diff(a.operand[0], lower, &r) < 0)
		tool_die();
	if (r.skipped > 1)
		tool_warn("left out: %s (and %" PRIu64 " more)", r.warning, r.skipped - 1);
	else if (r.skipped)
		tool_warn("left out: %s", r.warning);
	return tool_finish();
}
