/* SPDX-License-Identifier: MIT
 * net-connect: one more network for a box, which may run.
 *
 *	net-connect --alias db back web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "box/endpoint.h"
#include "box/etc.h"
#include "box/network.h"
#include "door/env.h"
#include "door/tool.h"

#include <string.h>

static struct {
	const char *ip;
	struct strlist alias, link;
} o;

static const struct opt options[] = {
	{0, "ip", "ADDRESS", opt_str, &o.ip, "this address, not the next free one", false},
	{0, "alias", "NAME", opt_list, &o.alias, "one more name in this network (repeatable)",
		false},
	{0, "link", "BOX[:NAME]", opt_list, &o.link,
		"a name for another box, below /etc, from its next start on (repeatable)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-connect",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NETWORK BOX",
	.summary = "Connects BOX to one more network.",
	.options = options,
	.example = "net-connect --alias db back example",
	.rights = RIGHTS_ROOT,
};

static json_t *
list(const struct strlist *l)
{
	json_t *out = l->n ? json_array() : json_null();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(out, json_string(l->v[i]));
	return out;
}

static json_t *
asked(void)
{
	json_t *e = json_pack("{s:o,s:o}", "Aliases", list(&o.alias), "Links", list(&o.link));
	json_t *ip = o.ip ? json_pack("{s:s}", "IPv4Address", o.ip) : json_null();
	json_object_set_new(e, "IPAMConfig", ip);
	return e;
}

/* It is as it was. The cable is there once it is noted. */
static int
give_up(const struct network *n, const struct box *b, const json_t *doc, json_t *net)
{
	struct err why = err;
	env_no_faults();
	if (json_object_get(json_object_get(net, "Networks"), n->name) &&
		(endpoint_remove(b, doc, n, net) < 0 || endpoint_write(b, net) < 0))
		tool_complain();
	err = why;
	return -1;
}

/* The cable is laid first: box.json shall not say what cannot be. */
static int
connect_box(const struct network *n, const struct box *b)
{
	struct box_state st;
	auto_json json_t *doc = box_read(b, "box.json");
	auto_json json_t *net = box_read_if(b, "network.json");
	json_t *map = box_value(doc, "NetworkingConfig.EndpointsConfig");
	if (!doc)
		return -1;
	if (!network_of_mode(box_text(doc, "HostConfig.NetworkMode")))
		return err_set(ERR_CONFLICT, n->name,
			"container cannot be connected to a network: its mode is %s",
			box_text(doc, "HostConfig.NetworkMode"));
	if (!n->bridge[0])
		return err_set(ERR_DENIED, n->name,
			"container cannot be disconnected from host network or connected to host network");
	if (json_object_get(map, n->name))
		return err_set(ERR_DENIED, n->name,
			"endpoint with name %s already exists in network %s", box_text(doc, "Name"),
			n->name);
	json_object_set_new(map, n->name, asked());
	box_state(b, &st);
	bool live = net && (st.status == BOX_RUNNING || st.status == BOX_PAUSED);
	if ((live &&
		    (endpoint_add(b, doc, n, net) < 0 || endpoint_write(b, net) < 0 ||
			    endpoint_names(b, doc) < 0 || etc_connected(b, doc, net) < 0)) ||
		box_write(b, "box.json", "one network more", doc) < 0)
		return live ? give_up(n, b, doc, net) : -1;
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct network n;
	struct box b;
	auto_fd int lock = -1;
	if (a.n != 2)
		tool_usage(a.n < 2 ? "NETWORK and BOX are needed" : "more than NETWORK and BOX");
	if (network_lock(true, &lock) < 0 || network_find(a.operand[0], &n) < 0 ||
		box_find(a.operand[1], &b) < 0 || connect_box(&n, &b) < 0)
		tool_die();
	network_free(&n);
	return tool_finish();
}
