/* SPDX-License-Identifier: MIT
 * vol-create: a directory that outlives boxes.
 *
 *	vol-create --label use=web data
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "box/volume.h"
#include "box/words.h"
#include "door/tool.h"

#include <string.h>
#include <unistd.h>

static struct {
	struct strlist label;
	const char *driver;
	bool json;
} o = {.driver = "local"};

static const struct opt options[] = {
	{'l', "label", "NAME[=VALUE]", opt_list, &o.label, "a label (repeatable)", false},
	{'d', "driver", "NAME", opt_str, &o.driver, "only \"local\" is known", false},
	{'j', "json", NULL, opt_flag, &o.json, "print it as vol-inspect does, not its name", false},
	OPT_END,
};

static const struct tool me = {
	.name = "vol-create",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... [NAME]",
	.summary = "Makes a volume, unless it is there, and prints its name.",
	.options = options,
	.example = "vol-create --label use=example data",
};

static int
make(const char *name, struct volume *v)
{
	auto_json json_t *doc = json_object();
	auto_fd int lock = -1;
	bool made;
	if (strcmp(o.driver, "local") != 0)
		return err_set(ERR_NOT_FOUND, o.driver,
			"error looking up volume plugin %s: plugin \"%s\" not found", o.driver,
			o.driver);
	for (size_t i = 0; i < o.label.n; i++)
		if (box_put_label(doc, "Labels", o.label.v[i]) < 0)
			return -1;
	if (volume_lock(false, &lock) < 0)
		return -1;
	return volume_make(name, json_object_get(doc, "Labels"), v, &made);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct volume v;
	if (a.n > 1)
		tool_usage("one NAME is enough");
	if (make(a.n ? a.operand[0] : NULL, &v) < 0)
		tool_die();
	if (o.json) {
		auto_buf struct buf out = BUF_INIT;
		auto_json json_t *doc = volume_read(&v);
		if (!doc)
			tool_die();
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
	} else {
		tool_result("%s", v.name);
	}
	return tool_finish();
}
