/* SPDX-License-Identifier: MIT
 * img-import: a tar of a root file system becomes an image of one layer.
 *
 * An image is three kinds of files, each named by the SHA-256 of its content: layers (tars), a
 *config (what to run; the image's id is its digest) and a manifest that lists them. index.json says
 * which manifests are images, and their names. The layer is also unpacked, for ufs-mount.
 *
 *	tar -C rootfs -c . | img-import demo
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/tool.h"
#include "image/import.h"
#include "image/ref.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *tag, *file, *platform, *message;
	struct config_changes changes;
	struct strlist change;
} o;

static const struct opt options[] = {
	{'t', "tag", "NAME", opt_str, &o.tag, "name of the image; the same as the operand", false},
	{'f', "file", "FILE", opt_str, &o.file, "read the tar from FILE, not standard input",
		false},
	{'m', "message", "TEXT", opt_str, &o.message, "what its history says of it", false},
	{0, "platform", "OS/ARCH", opt_str, &o.platform,
		"what it runs on, such as linux/arm64 (default: this machine)", false},
	{0, "cmd", "WORDS", opt_str, &o.changes.cmd,
		"what a container runs by default: [\"prog\",\"arg\"], or a line for the shell",
		false},
	{0, "entrypoint", "WORDS", opt_str, &o.changes.entrypoint,
		"what a container runs always, before --cmd", false},
	{'e', "env", "NAME=VALUE", opt_list, &o.changes.env, "a variable of its environment",
		false},
	{'c', "change", "LINE", opt_list, &o.change,
		"a setting, as a Dockerfile has it: CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR",
		false},
	{'w', "workdir", "DIR", opt_str, &o.changes.workdir, "where it starts", false},
	{'u', "user", "USER", opt_str, &o.changes.user, "who it runs as: name or number, :group",
		false},
	{'l', "label", "NAME=VALUE", opt_list, &o.changes.label, "a label", false},
	{0, "expose", "PORT[/PROTO]", opt_list, &o.changes.expose, "a port it listens at", false},
	{0, "volume", "DIR", opt_list, &o.changes.volume, "a directory to be kept outside", false},
	{0, "stop-signal", "SIGNAL", opt_str, &o.changes.stop_signal, "what asks it to stop",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-import",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... [NAME] < ROOTFS.tar",
	.summary =
		"Makes an image of a root file system's tar, in any compression, and prints its id.",
	.options = options,
	.example = "tar -C rootfs -c . | img-import --cmd '[\"/bin/sh\"]' example",
	.rights = RIGHTS_OWNERS,
};

static int
open_input(struct import *im)
{
	im->fd = STDIN_FILENO;
	im->shown = "standard input";
	if (o.file && strcmp(o.file, "-") != 0) {
		im->fd = open(o.file, O_RDONLY | O_CLOEXEC);
		im->shown = o.file;
		if (im->fd < 0)
			return err_sys("open", o.file, "cannot open %s", o.file);
	}
	if (im->fd == STDIN_FILENO && isatty(STDIN_FILENO)) {
		err_set(ERR_INVALID, im->shown, "standard input is a terminal, not a tar");
		return err_hint("tar -C rootfs -c . | img-import demo");
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct import im = {.changes = o.changes, .words = &o.change};
	struct imported made;
	auto_buf struct buf name = BUF_INIT;
	auto_store struct store *s = NULL;
	if (a.n > 1 || (a.n == 1 && o.tag))
		tool_usage("one NAME is enough");
	if (ref_given_name(a.n ? a.operand[0] : o.tag, &name) < 0)
		tool_usage_err();
	platform_host(&im.platform);
	if (o.platform && platform_parse(o.platform, &im.platform) < 0)
		tool_usage_err();
	im.name = name.len ? name.s : NULL;
	im.comment = o.message;
	if (open_input(&im) < 0 || !(s = store_open()) || store_prepare(s) < 0 ||
		image_import(s, &im, &made) < 0)
		tool_die();
	if (made.warning[0])
		tool_warn("%s: %s", im.shown, made.warning);
	if (made.id[0])
		tool_result("%s", made.id);
	return tool_finish();
}
