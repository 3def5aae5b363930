/* SPDX-License-Identifier: MIT
 * img-remote: what a registry has under a name, without pulling it.
 *
 *	img-remote alpine:3
 */
#include "base/err.h"
#include "base/human.h"
#include "base/json.h"
#include "base/table.h"
#include "door/step.h"
#include "door/tool.h"
#include "image/remote.h"
#include "image/transfer.h"

#include <string.h>

static struct {
	bool json;
	int64_t creds_fd;
	struct registry_options registry;
} o = {.creds_fd = -1, .registry = TRANSFER_REGISTRY_DEFAULTS};

static const struct opt options[] = {
	REGISTRY_OPTIONS(o.creds_fd, o.registry),
	{0, "json", NULL, opt_flag, &o.json, "one JSON object, in Docker's words", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-remote",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... NAME",
	.summary = "Shows what a registry has under a name: digest, size, and for which machines.",
	.options = options,
	.example = "img-remote localhost:5000/example:1",
};

/* "linux/arm/v6, linux/amd64". */
static void
add_platforms(const json_t *list, struct buf *out)
{
	json_t *p;
	size_t i;
	json_array_foreach(list, i, p)
	{
		const char *variant = json_text(p, "variant");
		buf_addf(out, "%s%s/%s%s%s", i ? ", " : "", json_text(p, "os"),
			json_text(p, "architecture"), *variant ? "/" : "", variant);
	}
}

static void
show(const json_t *doc)
{
	const json_t *d = json_object_get(doc, "Descriptor");
	struct table t = {.columns = 2};
	auto_buf struct buf size = BUF_INIT, machines = BUF_INIT, out = BUF_INIT;
	human_size(json_integer_value(json_object_get(d, "size")), &size);
	add_platforms(json_object_get(doc, "Platforms"), &machines);
	table_row(&t, (const char *const[]){"digest", json_text(d, "digest")});
	table_row(&t, (const char *const[]){"type", json_text(d, "mediaType")});
	table_row(&t, (const char *const[]){"size", buf_str(&size)});
	table_row(&t, (const char *const[]){"for", buf_str(&machines)});
	table_write(&t, &out);
	table_free(&t);
	tool_result("%.*s", (int)out.len - 1, out.s);
}

static void
show_json(const json_t *doc)
{
	char *line = json_dumps(doc, JSON_COMPACT);
	tool_result("%s", line ? line : "{}");
	free(line);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct creds creds = {0};
	struct ref ref;
	if (a.n != 1)
		tool_usage("one NAME is needed");
	if (o.registry.patience <= 0)
		tool_usage("--timeout: there is no such time");
	if (ref_parse_name(a.operand[0], &ref) < 0)
		tool_usage_err();
	if (o.creds_fd >= 0 && creds_read_fd((int)o.creds_fd, &creds) < 0)
		tool_die();
	if (o.creds_fd >= 0)
		o.registry.creds = &creds;
	auto_json json_t *doc = remote_look(&ref, &o.registry);
	creds_free(&creds);
	if (!doc && !step_dry())
		tool_die();
	if (doc)
		(o.json ? show_json : show)(doc);
	return tool_finish();
}
