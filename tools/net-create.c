/* SPDX-License-Identifier: MIT
 * net-create: a network of one's own for boxes, in which their names are resolved.
 *
 *	net-create --subnet 10.5.0.0/24 back
 *	box-run -d --network back --name db db-image
 *	box-run --rm --network back web-image ping -c1 db
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "box/network.h"
#include "box/words.h"
#include "door/tool.h"

#include <string.h>

static struct {
	struct strlist subnet, gateway, label, option;
	const char *driver;
	bool internal, attachable, json;
} o = {.driver = "bridge"};

static const struct opt options[] = {
	{0, "subnet", "CIDR", opt_list, &o.subnet,
		"its subnet, one IPv4 and one IPv6 at most; without it one that is free", false},
	{0, "gateway", "ADDRESS", opt_list, &o.gateway,
		"the address of the bridge in a subnet (its first)", false},
	{0, "internal", NULL, opt_flag, &o.internal, "no way out of it, and none in", false},
	{'o', "opt", "KEY=VALUE", opt_list, &o.option,
		"of Docker's bridge driver: its link's name, mtu, enable_icc (see the manual)",
		false},
	{'l', "label", "NAME[=VALUE]", opt_list, &o.label, "a label (repeatable)", false},
	{'d', "driver", "NAME", opt_str, &o.driver, "only \"bridge\" is known", false},
	{0, "attachable", NULL, opt_flag, &o.attachable, "noted only: any box may join", false},
	{'j', "json", NULL, opt_flag, &o.json, "print it as net-inspect does, not its id", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-create",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME",
	.summary = "Makes a network for boxes, and prints its id.",
	.options = options,
	.example = "net-create --subnet 10.99.9.0/24 back",
	.rights = RIGHTS_ROOT,
};

/* Options have a value, labels may do without. */
static int
put_options(json_t *doc)
{
	for (size_t i = 0; i < o.option.n; i++) {
		const char *text = o.option.v[i];
		if (!strchr(text, '='))
			return err_set(ERR_INVALID, text, "'%s' is not KEY=VALUE", text);
		if (box_put_label(doc, "Options", text) < 0)
			return -1;
	}
	for (size_t i = 0; i < o.label.n; i++)
		if (box_put_label(doc, "Labels", o.label.v[i]) < 0)
			return -1;
	return 0;
}

static int
make(const char *name, struct network *n)
{
	auto_json json_t *doc = json_object();
	auto_fd int lock = -1;
	if (put_options(doc) < 0 || network_lock(true, &lock) < 0)
		return -1;
	const struct network_wish w = {.name = name,
		.driver = o.driver,
		.subnets = &o.subnet,
		.gateways = &o.gateway,
		.labels = json_object_get(doc, "Labels"),
		.options = json_object_get(doc, "Options"),
		.internal = o.internal,
		.attachable = o.attachable};
	return network_make(&w, n);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct network n;
	if (a.n != 1)
		tool_usage(a.n ? "one NAME is enough" : "no NAME given");
	if (make(a.operand[0], &n) < 0)
		tool_die();
	if (o.json) {
		auto_buf struct buf out = BUF_INIT;
		auto_json json_t *doc = network_show(&n);
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
	} else {
		tool_result("%s", n.id);
	}
	network_free(&n);
	return tool_finish();
}
