/* SPDX-License-Identifier: MIT
 * vol-prune: removes the volumes that no box has.
 *
 *	vol-prune --all
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "box/volume_list.h"
#include "door/tool.h"

#include <inttypes.h>

static struct {
	bool all, json;
	struct strlist filter;
} o;

static const struct opt options[] = {
	{'a', "all", NULL, opt_flag, &o.all, "those with a name too, not only the anonymous ones",
		false},
	{'f', "filter", "KEY=VALUE", opt_list, &o.filter,
		"only those: name label label! (repeatable)", false},
	{'j', "json", NULL, opt_flag, &o.json,
		"one JSON object, as the Docker Engine API has it (POST /volumes/prune)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "vol-prune",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]...",
	.summary = "Removes anonymous volumes that no box has, and prints their names.",
	.options = options,
	.example = "vol-prune --all",
	.rights = RIGHTS_ROOT,
};

static void
report(const json_t *names, int64_t bytes)
{
	auto_buf struct buf out = BUF_INIT;
	if (o.json) {
		auto_json json_t *doc = json_pack(
			"{s:O,s:I}", "VolumesDeleted", names, "SpaceReclaimed", (json_int_t)bytes);
		json_visible(doc, JSON_COMPACT, &out);
	} else {
		buf_adds(&out, "Total reclaimed space: ");
		human_size(bytes, &out);
	}
	tool_result("%s", buf_str(&out));
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_json json_t *names = json_array();
	struct volume_list l = {0};
	auto_fd int lock = -1;
	int64_t bytes = 0;
	bool failed = false;
	if (a.n)
		tool_usage("it takes no operand");
	if (volume_lock(true, &lock) < 0 || volumes_list(&o.filter, &l) < 0)
		tool_die();
	for (size_t i = 0; i < l.n; i++) {
		const struct volume_item *item = &l.v[i];
		if (item->users || (!o.all && !item->anonymous))
			continue;
		int64_t size = volume_size(&item->v);
		if (volume_remove_unused(&item->v) < 0) {
			tool_complain();
			failed = true;
			continue;
		}
		bytes += size;
		json_array_append_new(names, json_string(item->v.name));
		if (!o.json)
			tool_result("%s", item->v.name);
	}
	volumes_free(&l);
	report(names, bytes);
	int status = tool_finish();
	return status ? status : failed;
}
