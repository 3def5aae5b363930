/* SPDX-License-Identifier: MIT
 * The control group of a box.
 */
#include "start.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "box/limits.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/tool.h"
#include "mech/cgroup.h"

#include <stdlib.h>
#include <string.h>

static void
add_number(struct buf *out, const json_t *n)
{
	if (json_is_integer(n))
		buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(n));
	else
		buf_addc(out, '*');
}

/* The rules of config.json: first that nothing is allowed, and then what is. Devices are root's to
 * give, and an ordinary user can make none. */
static void
add_devices(struct start *s, struct strlist *l)
{
	json_t *rule;
	size_t i;
	if (rootless_here())
		return;
	json_array_foreach(box_value(s->config, "linux.resources.devices"), i, rule)
	{
		const char *type = box_text(rule, "type");
		auto_buf struct buf text = BUF_INIT;
		if (!box_flag(rule, "allow") || strcmp(type, "a") == 0)
			continue;
		buf_addf(&text, "%s ", type);
		add_number(&text, json_object_get(rule, "major"));
		buf_addc(&text, ':');
		add_number(&text, json_object_get(rule, "minor"));
		buf_addf(&text, " %s", box_text(rule, "access"));
		strlist_add(l, "--device");
		strlist_add(l, buf_take(&text));
	}
}

/* An ordinary user may have none to make a group in: then there are no limits, which is said to
 * whoever asked for some. */
static bool
groups_here(struct start *s, bool asked)
{
	const struct cg_host *host;
	if (!rootless_here() || cg_host(&host) == 0)
		return true;
	if (asked)
		tool_warn("its limits are not kept: %s", err.message);
	err_clear();
	s->group[0] = '\0';
	return false;
}

/* What cg-create does, with its words. */
static int
create(void *words)
{
	static struct cg_limits limits;
	static const struct opt options[] = {CG_CREATE_OPTIONS(limits), OPT_END};
	static const struct tool cg_create_tool = {
		.name = "cg-create", .kind = TOOL_ACTS, .options = options};
	const struct strlist *l = words;
	auto_cgroup struct cgroup g = {0};
	struct common ignored = {0};
	struct args a;
	limits = (struct cg_limits){0};
	return opt_parse(&cg_create_tool, (int)l->n - 1, (char **)(uintptr_t)l->v, &ignored, &a) < 0
		? -1
		: cg_create(a.operand[0], &limits, &g);
}

int
start_group(struct start *s)
{
	struct strlist l = {0};
	strlist_add(&l, "cg-create");
	box_limits(box_value(s->doc, "HostConfig"), &l);
	if (!groups_here(s, l.n > 1))
		return 0;
	add_devices(s, &l);
	strlist_add(&l, s->group);
	strlist_add(&l, NULL);
	int r = run_here("a control group, with its limits", l.v, create, &l);
	free(l.v);
	return r;
}
