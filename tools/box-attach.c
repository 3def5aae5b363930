/* SPDX-License-Identifier: MIT
 * box-attach: our terminal becomes that of a box which runs.
 *
 *	box-attach web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/attach.h"
#include "box/event.h"
#include "door/tool.h"

static struct {
	bool no_stdin, no_signals;
	const char *keys;
} o;

static const struct opt options[] = {
	{0, "no-stdin", NULL, opt_flag, &o.no_stdin, "do not hand our input on", false},
	{0, "no-sig-proxy", NULL, opt_flag, &o.no_signals, "do not hand signals on", false},
	{0, "detach-keys", "KEYS", opt_str, &o.keys,
		"keys that leave a box with a terminal (ctrl-p,ctrl-q)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-attach",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... BOX",
	.summary = "Shows what BOX writes and hands our input on, until it ends; exits as it does.",
	.options = options,
	.example = "timeout 1 box-attach --no-stdin example || :",
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct box b;
	int sock;
	if (a.n != 1)
		tool_usage(a.n ? "more than one BOX" : "no BOX given");
	if (box_find(a.operand[0], &b) < 0)
		tool_die();
	auto_json json_t *doc = box_read(&b, "box.json");
	int r = doc ? attach_connect(&b, &sock) : -1;
	if (r == 0)
		err_set(ERR_CONFLICT, a.operand[0],
			"You cannot attach to a stopped container, start it first");
	if (r <= 0)
		tool_die();
	event_box(doc, "attach", NULL);
	struct attach how = {.sock = sock,
		.input = !o.no_stdin && box_flag(doc, "Config.OpenStdin"),
		.output = true,
		.signals = !o.no_signals,
		.tty = box_flag(doc, "Config.Tty"),
		.keys = o.keys};
	int status = attach_relay(&b, &how);
	if (status == -1)
		tool_die();
	r = tool_finish();
	return r ? r : status == ATTACH_DETACHED ? 0 : status;
}
