/* SPDX-License-Identifier: MIT
 * box-rename: gives a box another name. It may run: only people and tools that look for it care.
 *
 *	box-rename web old-web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "box/endpoint.h"
#include "box/event.h"
#include "box/network.h"
#include "door/tool.h"

#include <string.h>

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "box-rename",
	.kind = TOOL_ACTS,
	.usage = "BOX NAME",
	.summary = "Calls BOX by another name.",
	.options = options,
	.example = "box-rename example other",
};

/* First the new name leads to it, then it says so itself, then the old one goes: whenever this is
 * interrupted, it can be found. */
static int
rename_box(const struct box *b, const char *name)
{
	auto_fd int lock = -1;
	/* So that nobody else changes box.json meanwhile: net-connect does. */
	if (network_hold(true, &lock) < 0)
		return -1;
	auto_json json_t *doc = box_read(b, "box.json");
	if (!doc)
		return -1;
	auto_free char *old = str_new(box_text(doc, "Name"));
	if (strcmp(old, name) == 0)
		return err_set(ERR_INVALID, name,
			"Renaming a container with the same name as its current name");
	if (box_take_name(b, name) < 0)
		return -1;
	json_object_set_new(doc, "Name", json_string(name));
	if (box_write(b, "box.json", "what it is called now", doc) < 0 ||
		box_drop_name(b, old) < 0 || endpoint_names(b, doc) < 0)
		return -1;
	auto_free char *slashed = fmt_new("/%s", old);
	auto_json json_t *more = json_pack("{s:s}", "oldName", slashed);
	event_box(doc, "rename", more);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct box b;
	if (a.n != 2)
		tool_usage(a.n < 2 ? "BOX and NAME are needed" : "more than BOX and NAME");
	const char *name = a.operand[1] + (*a.operand[1] == '/');
	if (box_find(a.operand[0], &b) < 0 || rename_box(&b, name) < 0)
		tool_die();
	return tool_finish();
}
