/* SPDX-License-Identifier: MIT
 * box-port: where the ports of a box are published.
 *
 *	box-port web 80
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "door/tool.h"

#include <string.h>

static bool json;

static const struct opt options[] = {
	{'j', "json", NULL, opt_flag, &json, "all of them as one JSON object", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-port",
	.kind = TOOL_SHOWS,
	.usage = "[--json] BOX [PORT[/udp]]",
	.summary = "Shows where the ports of BOX are published.",
	.options = options,
	.example = "box-port example",
};

static void
show(const char *key, const json_t *list, bool alone)
{
	json_t *p;
	size_t i;
	json_array_foreach(list, i, p)
	{
		const char *ip = box_text(p, "HostIp");
		auto_free char *where =
			fmt_new(strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip, box_text(p, "HostPort"));
		tool_result(alone ? "%s%s" : "%s -> %s", alone ? "" : key, where);
	}
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct box b;
	const char *key;
	json_t *list;
	if (a.n < 1 || a.n > 2)
		tool_usage(a.n ? "more than one PORT" : "no BOX given");
	if (box_find(a.operand[0], &b) < 0)
		tool_die();
	auto_json json_t *net = box_read_if(&b, "network.json");
	json_t *ports = json_object_get(net, "Ports");
	if (json) {
		auto_buf struct buf line = BUF_INIT;
		auto_json json_t *none = json_object();
		json_visible(ports ? ports : none, JSON_COMPACT, &line);
		tool_result("%s", buf_str(&line));
		return tool_finish();
	}
	if (a.n == 2) {
		auto_free char *one =
			fmt_new(strchr(a.operand[1], '/') ? "%s" : "%s/tcp", a.operand[1]);
		list = json_object_get(ports, one);
		if (!json_array_size(list)) {
			err_set(ERR_NOT_FOUND, one, "No public port '%s' published for %s", one,
				a.operand[0]);
			tool_die();
		}
		show(one, list, true);
		return tool_finish();
	}
	json_object_foreach(ports, key, list) show(key, list, false);
	return tool_finish();
}
