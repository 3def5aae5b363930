/* SPDX-License-Identifier: MIT
 * ufs-apply DIR: unpacks a layer from standard input into a directory.
 *
 * A layer is a tar of what changed. What was deleted cannot lie in a tar, so it stands there as an
 * empty file ".wh.NAME"; overlay wants a device 0:0 in its place. Everything else is as tar(1)
 * would do it, but for the trust: whoever made the layer must not get out of DIR.
 *
 *	ufs-apply --lower base app <app.tar.gz
 *	ufs-mount -u up -w work root base app
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"
#include "door/undo.h"
#include "image/layer.h"
#include "image/sha256.h"
#include "mech/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct {
	struct strlist lower;
	bool flat, user_xattr, no_owner, diff_id;
	int64_t max_size, max_entries;
} o;

static const struct opt options[] = {
	{'l', "lower", "LAYER", opt_list, &o.lower,
		"a directory that will lie below DIR; again for each, bottom first", false},
	{0, "flat", NULL, opt_flag, &o.flat,
		"DIR is a plain tree, no layer: what is deleted is removed from it", false},
	{0, "diff-id", NULL, opt_flag, &o.diff_id, "print the digest of the plain tar", false},
	{0, "no-same-owner", NULL, opt_flag, &o.no_owner, "everything is to belong to the caller",
		false},
	{0, "userxattr", NULL, opt_flag, &o.user_xattr,
		"overlay's marks are user.overlay.* (so it is in a user namespace)", false},
	{0, "max-size", "SIZE", opt_size, &o.max_size, "refuse to write more than that", false},
	{0, "max-entries", "N", opt_int, &o.max_entries, "refuse to make more than that", false},
	OPT_END,
};

static const struct tool me = {
	.name = "ufs-apply",
	.kind = TOOL_FILTER,
	.usage = "[OPTION]... DIR <LAYER.tar",
	.summary = "Unpacks a layer tar, in any compression, into DIR, which is made if missing.",
	.options = options,
	.example = "mkdir base\ntar -c -C /etc passwd | ufs-apply --lower base app",
};

static int
open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err_sys("open", path, "cannot open directory %s", path);
	return fd;
}

/* Makes DIR unless it is there. What goes into it goes with it if anything fails. */
static int
make_dir(const char *path)
{
	struct stat sb;
	auto_buf struct buf shell = BUF_INIT;
	if (stat(path, &sb) == 0 || errno != ENOENT)
		return 0; /* opening it says what is wrong */
	if (sys_mkdir("the directory of the layer", path, 0755) < 0)
		return -1;
	buf_adds(&shell, "rm -rf ");
	buf_add_sh(&shell, path);
	undo_push(undo_remove_tree, path, NULL, buf_str(&shell));
	return 0;
}

static int
hash_piece(void *self, const void *data, size_t len)
{
	sha256_add(self, data, len);
	return 0;
}

static int
apply(const char *dir, int *lower, struct layer_result *r, struct sha256 *hash)
{
	struct stream_fd in = {.fd = STDIN_FILENO, .shown = "standard input"};
	struct layer_apply how = {
		.dir = -1,
		.shown = dir,
		.form = o.flat ? LAYER_FLAT : LAYER_OVERLAY,
		.lower = lower,
		.n_lower = o.lower.n,
		.user_xattr = o.user_xattr || overlay_user_xattr(),
		.no_owner = o.no_owner,
		.max_bytes = (uint64_t)o.max_size,
		.max_entries = (uint64_t)o.max_entries,
		.read = stream_fd_read,
		.self = &in,
		.plain = hash ? hash_piece : NULL,
		.plain_self = hash,
	};
	for (size_t i = 0; i < o.lower.n; i++)
		if ((lower[i] = open_dir(o.lower.v[i])) < 0)
			return -1;
	if (make_dir(dir) < 0)
		return -1;
	if (!step_dry() && (how.dir = open_dir(dir)) < 0)
		return -1;
	int ok = layer_apply(&how, r);
	stream_fd_free(&in);
	return ok;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct layer_result r = {0};
	char digest[DIGEST_SIZE];
	if (a.n != 1)
		tool_usage(a.n ? "one DIR is wanted, not %d" : "DIR is missing", a.n);
	if (o.flat && o.lower.n)
		tool_usage("--flat has no --lower: what lies below is in DIR itself");
	if (isatty(STDIN_FILENO) && !step_dry())
		tool_usage("standard input is a terminal, and a layer tar should come from it");
	auto_free int *lower = calloc(o.lower.n + 1, sizeof(*lower));
	struct sha256 *hash = o.diff_id ? sha256_new() : NULL;
	if (apply(a.operand[0], lower, &r, hash) < 0)
		tool_die();
	if (r.skipped > 1)
		tool_warn("left out: %s (and %" PRIu64 " more)", r.warning, r.skipped - 1);
	else if (r.skipped)
		tool_warn("left out: %s", r.warning);
	if (hash && !step_dry()) {
		sha256_take(hash, digest);
		tool_result("%s", digest);
	}
	return tool_finish();
}
