/* SPDX-License-Identifier: MIT
 * img-commit: a layer, upon an image or upon nothing, becomes a new image.
 *
 * What a container changed lies in the upper directory of its overlay. ufs-diff makes a layer's tar
 * of that; with it the parent's list of layers grows by one, and that is the new image. The parent
 * stays as it is.
 *
 *	ufs-diff up | img-commit --parent alpine mine
 */
#include "base/err.h"
#include "door/tool.h"
#include "image/commit.h"
#include "image/ref.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *parent, *tag, *file, *platform, *author, *message, *created_by;
	struct strlist change;
	bool no_layer;
} o;

static const struct opt options[] = {
	{'p', "parent", "IMAGE", opt_str, &o.parent, "the image below (default: none)", false},
	{'t', "tag", "NAME", opt_str, &o.tag, "name of the image; the same as the operand", false},
	{'c', "change", "LINE", opt_list, &o.change,
		"a setting, as a Dockerfile has it: CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR",
		false},
	{'f', "file", "FILE", opt_str, &o.file, "read the layer from FILE, not standard input",
		false},
	{0, "no-layer", NULL, opt_flag, &o.no_layer, "only settings change: nothing is read",
		false},
	{'a', "author", "WHO", opt_str, &o.author, "who made it", false},
	{'m', "message", "TEXT", opt_str, &o.message, "what the history says of it", false},
	{0, "created-by", "TEXT", opt_str, &o.created_by,
		"the command that the history names (default: img-commit)", false},
	{0, "platform", "OS/ARCH", opt_str, &o.platform,
		"without a parent: what it runs on (default: this machine)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-commit",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... [NAME] < LAYER.tar",
	.summary = "Makes an image of a layer and the image below it, and prints its id.",
	.options = options,
	.example = "ufs-diff up | img-commit --parent example --change 'CMD [\"/bin/sh\"]' mine",
	.rights = RIGHTS_OWNERS,
};

static int
open_input(struct commit *c)
{
	c->fd = STDIN_FILENO;
	c->shown = "standard input";
	if (o.no_layer) {
		c->fd = -1;
	} else if (o.file && strcmp(o.file, "-") != 0) {
		c->shown = o.file;
		c->fd = open(o.file, O_RDONLY | O_CLOEXEC);
		if (c->fd < 0)
			return err_sys("open", o.file, "cannot open %s", o.file);
	} else if (isatty(STDIN_FILENO)) {
		err_set(ERR_INVALID, c->shown, "standard input is a terminal, not a tar");
		return err_hint("ufs-diff up | img-commit --parent alpine mine");
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct commit c = {.parent = o.parent, .author = o.author, .comment = o.message};
	struct imported made;
	auto_buf struct buf name = BUF_INIT;
	auto_store struct store *s = NULL;
	if (a.n > 1 || (a.n == 1 && o.tag))
		tool_usage("one NAME is enough");
	if (o.no_layer && o.file)
		tool_usage("--no-layer and --file exclude each other");
	if (ref_given_name(a.n ? a.operand[0] : o.tag, &name) < 0)
		tool_usage_err();
	platform_host(&c.platform);
	if (o.platform && platform_parse(o.platform, &c.platform) < 0)
		tool_usage_err();
	c.name = name.len ? name.s : NULL;
	c.created_by = o.created_by ? o.created_by : "img-commit";
	c.changes = &o.change;
	if (open_input(&c) < 0 || !(s = store_open()) || store_prepare(s) < 0 ||
		image_commit(s, &c, &made) < 0)
		tool_die();
	if (made.warning[0])
		tool_warn("%s: %s", c.shown, made.warning);
	if (made.id[0])
		tool_result("%s", made.id);
	return tool_finish();
}
