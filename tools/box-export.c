/* SPDX-License-Identifier: MIT
 * box-export: all files of a box as one tar, layers and changes together, without its volumes.
 *
 *	box-export web | img-import web-flat
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/event.h"
#include "box/view.h"
#include "door/output.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"
#include "image/layer.h"

#include <string.h>
#include <unistd.h>

static const char *file;

static const struct opt options[] = {
	{'o', "output", "FILE", opt_str, &file, "write to FILE, not to standard output", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-export",
	.kind = TOOL_SHOWS,
	.usage = "[-o FILE] BOX >FILE.tar",
	.summary = "Writes all files of BOX as a tar.",
	.options = options,
	.example = "box-export example | tar -t",
	.rights = RIGHTS_ROOT,
};

struct job {
	const struct view *v;
	struct stream_fd *out;
};

static int
write_all(void *arg)
{
	const struct view *v = ((struct job *)arg)->v;
	struct stream_fd *out = ((struct job *)arg)->out;
	struct layer_result r = {0};
	const struct layer_diff how = {.dir = v->root,
		.shown = v->shown,
		.from = -1,
		.whole = true,
		.write = stream_fd_write,
		.self = out};
	int ok = layer_diff(&how, &r);
	if (r.skipped)
		tool_warn("left out: %s", r.warning);
	return ok;
}

static int
write_tar(const struct view *v, struct stream_fd *out)
{
	return view_call(v, write_all, &(struct job){v, out});
}

static void
tell_script(const struct view *v, const char *to)
{
	auto_buf struct buf line = BUF_INIT;
	buf_addf(&line, "tar -C %s -c .", tell_sh(v->shown));
	if (to)
		buf_addf(&line, " >%s", tell_sh(to));
	tell_line(line.s);
}

static int
to_file(const struct view *v)
{
	auto_output struct output to = OUTPUT_INIT;
	if (output_open(&to, file, 0600) < 0)
		return -1;
	struct stream_fd out = {.fd = to.fd, .shown = file};
	tell_script(v, to.path);
	if (!step_dry() && write_tar(v, &out) < 0)
		return -1;
	return output_done(&to);
}

static int export(const struct view *v)
{
	struct stream_fd out = {.fd = STDOUT_FILENO, .shown = "standard output"};
	if (file)
		return to_file(v);
	tell_script(v, NULL);
	return step_dry() ? 0 : write_tar(v, &out);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct view v;
	struct box b;
	if (a.n != 1)
		tool_usage(a.n ? "more than one BOX" : "no BOX given");
	if (!file && !step_dry() && isatty(STDOUT_FILENO))
		tool_usage("standard output is a terminal, and a tar would go there: add -o FILE");
	if (box_find(a.operand[0], &b) < 0)
		tool_die();
	auto_json json_t *doc = box_read(&b, "box.json");
	if (!doc || view_open(&b, doc, false, &v) < 0)
		tool_die();
	if (export(&v) < 0)
		tool_die();
	view_close(&v);
	if (!step_dry())
		event_box(doc, "export", NULL);
	return tool_finish();
}
