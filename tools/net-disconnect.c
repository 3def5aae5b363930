/* SPDX-License-Identifier: MIT
 * net-disconnect: takes a box, which may run, out of a network.
 *
 *	net-disconnect back web
 */
#include "base/err.h"
#include "base/json.h"
#include "box/endpoint.h"
#include "box/expose.h"
#include "box/member.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/net_link.h"
#include "mech/netns.h"

#include <sys/socket.h>

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

/* The gateway of a network that is not internal, of that family; false where there is none. */
static bool
find_gateway(const json_t *net, const char *member, struct ipaddr *ip)
{
	const char *key;
	json_t *e;
	json_object_foreach(
		json_object_get(net, "Networks"), key, e) if (!box_flag(e, "Internal") &&
		*box_text(e, member)) return ipaddr_parse(box_text(e, member), ip) == 0;
	return false;
}

/* The way out went with the cable. Another network may have one. The process stays inside: there is
 * nothing left to do. */
static int
reroute(const json_t *net)
{
	struct netns ns;
	struct ipaddr way[2];
	bool has[] = {
		find_gateway(net, "Gateway", &way[0]), find_gateway(net, "IPv6Gateway", &way[1])};
	if (!has[0] && !has[1])
		return 0;
	if (netns_open(box_text(net, "Netns"), false, &ns) < 0 ||
		sys_netns_enter("go into the namespace", ns.fd, ns.path) < 0)
		return -1;
	struct net *n = net_open();
	int r = n ? 0 : -1;
	for (int i = 0; r == 0 && i < 2; i++)
		if (has[i] && !net_has_default(n, i ? AF_INET6 : AF_INET))
			r = net_route_default(n, "another network has a way out", &way[i]);
	if (n)
		net_close(n);
	return r;
}

static int
leave(const struct member *m)
{
	bool there = json_object_get(json_object_get(m->net, "Networks"), m->n.name);
	if (!json_object_get(m->asked, m->n.name))
		return err_set(ERR_DENIED, m->n.name, "container %s is not connected to network %s",
			m->b.id, m->n.name);
	json_object_del(m->asked, m->n.name);
	if ((there &&
		    (endpoint_remove(&m->b, m->doc, &m->n, m->net) < 0 || member_settle(m) < 0)) ||
		box_write(&m->b, "box.json", "one network less", m->doc) < 0)
		return -1;
	if (!there)
		return 0;
	/* Into the box's network namespace goes who has done all else. */
	if (expose_follow(&m->b, m->net) == 0)
		return reroute(m->net);
	struct err why = err;
	if (reroute(m->net) < 0)
		tool_complain();
	err = why;
	return -1;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct member m;
	if (member_open(&a, &m) < 0) {
		if (!force || !m.n.doc || err.class != ERR_NOT_FOUND)
			tool_die();
		err_clear();
	} else if (leave(&m) < 0) {
		tool_die();
	}
	member_close(&m);
	return tool_finish();
}
