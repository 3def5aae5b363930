/* SPDX-License-Identifier: MIT
 * net-prune: removes the networks that no box is to be in.
 *
 *	net-prune --filter label!=keep
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "box/network_list.h"
#include "door/tool.h"

static struct {
	struct strlist filter;
	bool json;
} o;

static const struct opt options[] = {
	{'f', "filter", "KEY=VALUE", opt_list, &o.filter,
		"only those: name id label label! (repeatable)", false},
	{'j', "json", NULL, opt_flag, &o.json,
		"one JSON object, as the Docker Engine API has it (POST /networks/prune)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-prune",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]...",
	.summary = "Removes networks that no box is to be in, and prints their names.",
	.options = options,
	.example = "net-prune",
	.rights = RIGHTS_ROOT,
};

static bool failed;

/* A box that does not run counts as well: it could not be started again. */
static int
prune(const struct network *n, void *names)
{
	auto_json json_t *users = n->own ? network_boxes(n, false) : NULL;
	if (!n->own || json_array_size(users))
		return 0;
	if (network_remove(n) < 0) {
		tool_complain();
		failed = true;
		return 0;
	}
	json_array_append_new(names, json_string(n->name));
	if (!o.json)
		tool_result("%s", n->name);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_json json_t *names = json_array();
	auto_fd int lock = -1;
	if (a.n)
		tool_usage("it takes no operand");
	if (network_lock(true, &lock) < 0 || networks_list(&o.filter, prune, names) < 0)
		tool_die();
	if (o.json) {
		auto_buf struct buf out = BUF_INIT;
		auto_json json_t *doc = json_pack("{s:O}", "NetworksDeleted", names);
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
	}
	int status = tool_finish();
	return status ? status : failed;
}
