/* SPDX-License-Identifier: MIT
 * img-search: which images a registry has, by a part of their names.
 *
 *	img-search localhost:5000/alp
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/table.h"
#include "door/step.h"
#include "door/tool.h"
#include "image/search.h"
#include "image/transfer.h"

#include <string.h>

static struct {
	bool json;
	int64_t creds_fd, limit;
	struct registry_options registry;
} o = {.creds_fd = -1, .limit = 25, .registry = TRANSFER_REGISTRY_DEFAULTS};

static const struct opt options[] = {
	{0, "limit", "N", opt_int, &o.limit, "list so many at most (25)", false},
	REGISTRY_OPTIONS(o.creds_fd, o.registry),
	{0, "json", NULL, opt_flag, &o.json, "one JSON object an image", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-search",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... [HOST/]TERM",
	.summary =
		"Lists the images of a registry (default: Docker's hub) with TERM in their names.",
	.options = options,
	.example = "img-search localhost:5000/exam",
};

static void
show(const json_t *list)
{
	struct table t = {.columns = 3};
	auto_buf struct buf out = BUF_INIT;
	json_t *one;
	size_t i;
	table_row(&t, (const char *const[]){"NAME", "STARS", "DESCRIPTION"});
	json_array_foreach(list, i, one)
	{
		auto_free char *stars =
			fmt_new("%lld", json_integer_value(json_object_get(one, "star_count")));
		table_row(&t,
			(const char *const[]){
				json_text(one, "name"), stars, json_text(one, "description")});
	}
	table_write(&t, &out);
	table_free(&t);
	tool_result("%.*s", (int)out.len - 1, out.s);
}

static void
show_json(const json_t *list)
{
	json_t *one;
	size_t i;
	json_array_foreach(list, i, one)
	{
		char *line = json_dumps(one, JSON_COMPACT);
		tool_result("%s", line ? line : "{}");
		free(line);
	}
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct creds creds = {0};
	if (a.n != 1)
		tool_usage("one TERM is needed");
	if (o.limit < 1 || o.limit > 100)
		tool_usage("--limit: from 1 to 100");
	if (o.registry.patience <= 0)
		tool_usage("--timeout: there is no such time");
	if (o.creds_fd >= 0 && creds_read_fd((int)o.creds_fd, &creds) < 0)
		tool_die();
	if (o.creds_fd >= 0)
		o.registry.creds = &creds;
	auto_json json_t *list = images_search(a.operand[0], o.limit, &o.registry);
	creds_free(&creds);
	if (!list && !step_dry())
		tool_die();
	if (list)
		(o.json ? show_json : show)(list);
	return tool_finish();
}
