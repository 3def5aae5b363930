/* SPDX-License-Identifier: MIT
 * box-diff: what a box has changed in its image.
 *
 *	box-diff web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/view.h"
#include "door/spawn.h"
#include "door/tell.h"
#include "door/tool.h"

#include <stdint.h>

static bool json;

static const struct opt options[] = {
	{'j', "json", NULL, opt_flag, &json, "one JSON object a line", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-diff",
	.kind = TOOL_SHOWS,
	.usage = "[--json] BOX",
	.summary = "Shows what BOX has added (A), changed (C) and deleted (D).",
	.options = options,
	.example = "box-diff example",
	.rights = RIGHTS_ROOT,
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct strlist l = {0};
	struct box b;
	if (a.n != 1)
		tool_usage(a.n ? "more than one BOX" : "no BOX given");
	if (box_find(a.operand[0], &b) < 0)
		tool_die();
	auto_json json_t *doc = box_read(&b, "box.json");
	strlist_add(&l, "ufs-diff");
	strlist_add(&l, json ? "--json" : "--list");
	if (!doc || view_diff_words(&b, doc, &l) < 0)
		tool_die();
	strlist_add(&l, NULL);
	bool nested = false;
	if (view_layer(&b, doc, &nested) < 0)
		tool_die();
	int status = !view_has_layer(&b, doc)
		? 0
		: run_wait("its own layer beside those of its image", (char **)(uintptr_t)l.v);
	if (status < 0)
		tool_die();
	if (nested)
		tell_unnest(NULL);
	int end = tool_finish();
	return status ? status : end;
}
