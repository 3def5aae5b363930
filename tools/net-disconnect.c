/* SPDX-License-Identifier: MIT
 * net-disconnect: takes a box, which may run, out of a network.
 *
 *	net-disconnect back web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "box/endpoint.h"
#include "box/etc.h"
#include "box/network.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/net_link.h"
#include "mech/netns.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool force;

static const struct opt options[] = {
	{'f', "force", NULL, opt_flag, &force, "a box that is not there is fine", false},
	OPT_END,
};

static const struct tool me = {
	.name = "net-disconnect",
	.kind = TOOL_ACTS,
	.usage = "[-f] NETWORK BOX",
	.summary = "Disconnects BOX from a network.",
	.options = options,
	.example = "net-connect back example\nnet-disconnect back example",
	.rights = RIGHTS_ROOT,
};

/* The way out went with the cable. Another network may have one. The process stays inside: there is
 * nothing left to do. */
static int
reroute(const json_t *net)
{
	struct netns ns;
	const char *key, *gateway = "";
	struct ipaddr ip;
	json_t *e;
	json_object_foreach(json_object_get(net, "Networks"), key,
		e) if (!*gateway && !box_flag(e, "Internal")) gateway = box_text(e, "Gateway");
	if (!*gateway || ipaddr_parse(gateway, &ip) < 0)
		return 0;
	if (netns_open(box_text(net, "Netns"), false, &ns) < 0 ||
		sys_netns_enter("go into the namespace", ns.fd, ns.path) < 0)
		return -1;
	struct net *n = net_open();
	int r = n ? 0 : -1;
	if (n && !net_has_default(n, AF_INET))
		r = net_route_default(n, "another network has a way out", &ip);
	if (n)
		net_close(n);
	return r;
}

static int
leave(const struct network *n, const struct box *b, const json_t *doc, json_t *net)
{
	if (endpoint_remove(b, doc, n, net) < 0 || endpoint_write(b, net) < 0 ||
		endpoint_names(b, doc) < 0 || etc_connected(b, doc, net) < 0)
		return -1;
	return 0;
}

static int
disconnect(const struct network *n, const struct box *b)
{
	struct box_state st;
	auto_json json_t *doc = box_read(b, "box.json");
	auto_json json_t *net = box_read_if(b, "network.json");
	json_t *map = box_value(doc, "NetworkingConfig.EndpointsConfig");
	if (!doc)
		return -1;
	if (!json_object_get(map, n->name))
		return err_set(ERR_DENIED, n->name, "container %s is not connected to network %s",
			b->id, n->name);
	box_state(b, &st);
	bool there = (st.status == BOX_RUNNING || st.status == BOX_PAUSED) &&
		json_object_get(json_object_get(net, "Networks"), n->name);
	json_object_del(map, n->name);
	if ((there && leave(n, b, doc, net) < 0) ||
		box_write(b, "box.json", "one network less", doc) < 0)
		return -1;
	return there ? reroute(net) : 0;
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
	if (network_lock(true, &lock) < 0 || network_find(a.operand[0], &n) < 0)
		tool_die();
	if (box_find(a.operand[1], &b) < 0) {
		if (!force || err.class != ERR_NOT_FOUND)
			tool_die();
		err_clear();
		return tool_finish();
	}
	if (disconnect(&n, &b) < 0)
		tool_die();
	network_free(&n);
	return tool_finish();
}
