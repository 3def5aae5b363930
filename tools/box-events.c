/* SPDX-License-Identifier: MIT
 * box-events: what happens to boxes and volumes.
 *
 *	box-events --since 10m --filter event=die
 */
#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/human.h"
#include "box/event.h"
#include "box/log.h"
#include "door/step.h"
#include "door/tool.h"

#include <stdio.h>

static struct {
	bool json;
	const char *since, *until;
	struct strlist filter;
} o;

static const struct opt options[] = {
	{0, "since", "TIME", opt_str, &o.since, "those before now too, from that time, or 10m ago",
		false},
	{0, "until", "TIME", opt_str, &o.until, "only up to then (default: for ever)", false},
	{'f', "filter", "KEY=VALUE", opt_list, &o.filter,
		"only those: type event container image label volume network scope (repeatable)",
		false},
	{'j', "json", NULL, opt_flag, &o.json,
		"one JSON object a line, as the Docker Engine API has it (GET /events)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-events",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]...",
	.summary = "Shows what happens, as it happens.",
	.options = options,
	.example = "box-events --since 1h --until 0s",
};

/* "2026-11-23T15:44:05.123456789Z container start ID (image=bb, name=web)" */
static void
add_text(const json_t *event, struct buf *out)
{
	int64_t t = json_integer_value(json_object_get(event, "timeNano"));
	json_t *actor = json_object_get(event, "Actor"), *v;
	char when[TIME_TEXT];
	const char *key, *sep = " (";
	buf_addf(out, "%s ", time_rfc3339_ns(t, when));
	buf_add_visible(out, json_string_value(json_object_get(event, "Type")));
	buf_addc(out, ' ');
	buf_add_visible(out, json_string_value(json_object_get(event, "Action")));
	buf_addc(out, ' ');
	buf_add_visible(out, json_string_value(json_object_get(actor, "ID")));
	json_object_foreach(json_object_get(actor, "Attributes"), key, v)
	{
		buf_adds(out, sep);
		buf_add_visible(out, key);
		buf_addc(out, '=');
		buf_add_visible(out, json_string_value(v));
		sep = ", ";
	}
	buf_adds(out, *sep == ' ' ? " ()" : ")");
}

static int
show(void *self, const json_t *event)
{
	auto_buf struct buf out = BUF_INIT;
	(void)self;
	if (o.json)
		json_visible(event, JSON_COMPACT, &out);
	else
		add_text(event, &out);
	tool_result("%s", buf_str(&out));
	return fflush(stdout) != 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct event_query q = {.filters = &o.filter};
	q.since = clock_ns(CLOCK_REALTIME);
	if (a.n)
		tool_usage("it takes no operand");
	if ((o.since && log_parse_time(o.since, &q.since) < 0) ||
		(o.until && log_parse_time(o.until, &q.until) < 0) || event_check(&o.filter) < 0)
		tool_usage_err();
	if (!step_dry() && event_each(&q, show, NULL) < 0)
		tool_die();
	return tool_finish();
}
