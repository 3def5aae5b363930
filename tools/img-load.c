/* SPDX-License-Identifier: MIT
 * img-load: images out of an archive into the store.
 *
 * Layers are unpacked and hashed while the archive goes by, so it may come from a pipe; what they
 * are called is decided at the end, by what their hashes are and not by what the archive says.
 *
 *	img-load < alpine.tar
 */
#include "base/err.h"
#include "door/tool.h"
#include "image/load.h"
#include "image/ref.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *input, *platform;
	bool json;
} o;

static const struct opt options[] = {
	{'i', "input", "FILE", opt_str, &o.input, "read FILE, not standard input", false},
	{0, "platform", "OS/ARCH", opt_str, &o.platform,
		"of an image for several machines, the one for this, such as linux/arm64", false},
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object an image: id, digest (of its manifest), names", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-load",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... < ARCHIVE",
	.summary = "Loads the images of an archive and prints their names.",
	.options = options,
	.example = "img-load < example.tar",
	.rights = RIGHTS_OWNERS,
};

static int
open_input(struct load *l)
{
	l->fd = STDIN_FILENO;
	l->shown = "standard input";
	if (o.input && strcmp(o.input, "-") != 0) {
		l->shown = o.input;
		l->fd = open(o.input, O_RDONLY | O_CLOEXEC);
		if (l->fd < 0)
			return err_sys("open", o.input, "cannot open %s", o.input);
	}
	if (l->fd == STDIN_FILENO && isatty(STDIN_FILENO)) {
		err_set(ERR_INVALID, l->shown, "standard input is a terminal, not an archive");
		return err_hint("img-load < alpine.tar");
	}
	return 0;
}

static void
print_json(const struct loaded *one)
{
	auto_buf struct buf line = BUF_INIT;
	buf_addf(&line, "{\"id\":\"%s\",\"digest\":\"%s\",\"names\":[", one->id, one->digest);
	for (size_t i = 0; i < one->n_names; i++) {
		buf_adds(&line, i ? "," : "");
		buf_add_json(&line, one->names[i]);
	}
	tool_result("%s]}", line.s);
}

/* Names in the short form that people know; the id where there is none. */
static void
print(const struct loaded *one)
{
	for (size_t i = 0; i < one->n_names; i++) {
		auto_buf struct buf name = BUF_INIT;
		struct ref r;
		if (ref_parse_name(one->names[i], &r) == 0)
			ref_familiar(&r, &name);
		tool_result("%s", buf_str(&name));
	}
	if (!one->n_names)
		tool_result("%s", one->id);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct load l = {0};
	struct loads got;
	struct platform platform;
	auto_store struct store *s = NULL;
	if (a.n)
		tool_usage("'%s' is one word too many: the archive is read from standard input, or "
			   "by --input",
			a.operand[0]);
	if (o.platform && platform_parse(o.platform, &platform) < 0)
		tool_usage_err();
	l.platform = o.platform ? &platform : NULL;
	if (open_input(&l) < 0 || !(s = store_open()) || store_prepare(s) < 0 ||
		images_load(s, &l, &got) < 0)
		tool_die();
	if (got.warning[0])
		tool_warn("%s", got.warning);
	for (size_t i = 0; i < got.n; i++)
		if (o.json)
			print_json(&got.v[i]);
		else
			print(&got.v[i]);
	loads_free(&got);
	return tool_finish();
}
