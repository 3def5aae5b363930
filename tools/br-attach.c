/* SPDX-License-Identifier: MIT
 * br-attach: a cable from a bridge to a network namespace, with an address at the far end.
 *
 * The cable is a veth pair: two links, and what goes in at one comes out at the other. One end
 * becomes a port of the bridge, the other is born inside the namespace and is called eth0 there.
 *
 *	br-attach br0 web
 *	ip netns exec web ping -c1 10.1.0.1
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/tool.h"
#include "mech/bridge.h"
#include "mech/lease.h"
#include "mech/net_link.h"
#include "mech/netns.h"
#include "mech/publish.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Bits per second: "10mbit", "1gbit", "500kbit" as tc(8) writes rates, powers of 1000. */
static int
opt_rate(void *to, const char *value)
{
	static const char *const units[] = {"bit", "kbit", "mbit", "gbit"};
	size_t digits = strspn(value, "0123456789");
	char number[24];
	int64_t n;
	uint64_t factor = 1;
	snprintf(number, sizeof(number), "%.*s", (int)digits, value);
	for (size_t i = 0; i < 4; i++, factor *= 1000)
		if (strcasecmp(value + digits, units[i]) == 0) {
			if (parse_int(number, 1, (int64_t)(1000000000000 / factor), &n) < 0)
				return -1;
			*(uint64_t *)to = (uint64_t)n * factor;
			/* Below a kilobyte per second nothing useful passes, and the burst would
			 * last minutes. */
			return *(uint64_t *)to >= 8000
				? 0
				: err_set(ERR_INVALID, value, "rate %s is below 8kbit", value);
		}
	return err_set(ERR_INVALID, value, "'%s' is not a rate (such as 10mbit)", value);
}

static struct {
	const char *ip, *name;
	uint64_t rate;
	bool json;
} o = {.name = "eth0"};

static const struct opt options[] = {
	{0, "ip", "ADDRESS", opt_str, &o.ip, "this address, not the next free one", false},
	{0, "name", "LINK", opt_str, &o.name, "name of the link inside (eth0)", false},
	{0, "rate", "RATE", opt_rate, &o.rate, "at most so many bits a second each way: 10mbit",
		false},
	{'j', "json", NULL, opt_flag, &o.json, "print all that was made as JSON", false},
	OPT_END,
};

static const struct tool me = {
	.name = "br-attach",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... BRIDGE NETNS",
	.summary = "Connects a network namespace to a bridge, and prints its address.",
	.options = options,
	.example = "br-attach br-example web\nbr-detach web",
};

/* Names at most 15 bytes long, the same for the same lease: FNV-1a over bridge and address. */
static void
name_links(struct lease *l)
{
	uint32_t h = 2166136261u;
	for (const char *p = l->bridge; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (int i = 0; i < 4; i++)
		h = (h ^ l->ip.b[i]) * 16777619u;
	snprintf(l->port, sizeof(l->port), "veth%08x", h);
	if (o.rate)
		snprintf(l->ifb, sizeof(l->ifb), "ifb%08x", h);
}

/* What a namespace that ended without br-detach had published would lead to whoever gets its
 * address next. Before the lock, which br-publish takes; an address of a lease that still has
 * something published is not given away. */
static int
drop_dead(struct lease *l, void *arg)
{
	(void)arg;
	return lease_alive(l) ? 0 : publish_drop(l);
}

static int
choose_lease(const struct bridge *b, const struct netns *ns, struct lease *l)
{
	struct ipaddr wanted = {0};
	if (o.ip && ipaddr_parse(o.ip, &wanted) < 0)
		return -1;
	if (o.ip && wanted.family != AF_INET)
		return err_set(ERR_INVALID, o.ip, "--ip %s is not an IPv4 address", o.ip);
	if (lease_choose(b, &wanted, l) < 0)
		return -1;
	snprintf(l->netns, sizeof(l->netns), "%s", ns->path);
	snprintf(l->name, sizeof(l->name), "%s", o.name);
	l->ino = ns->ino;
	name_links(l);
	return lease_write(l);
}

/* A namespace that ended without br-detach takes its cable along, but the kernel takes its time
 * over it, and leaves the ifb link for good. Whoever gets the same address next clears that away.
 */
static int
clear_way(struct net *n, const struct lease *l)
{
	const char *why = "a cable of a namespace that has ended";
	if (if_nametoindex(l->port) && net_link_discard(n, why, l->port) < 0)
		return -1;
	return l->ifb[0] && if_nametoindex(l->ifb) ? net_link_discard(n, why, l->ifb) : 0;
}

/* The side of the host: the pair, its mark, what the port may do, the rates. */
static int
lay_cable(struct net *n, const struct bridge *b, const struct netns *ns, const struct lease *l)
{
	char alias[256], ip[IPADDR_TEXT];
	struct net_veth v = {
		.name = l->port,
		.bridge = b->name,
		.peer_name = o.name,
		.netns = strchr(ns->path, '/') ? ns->path : o.name,
		.mtu = b->mtu,
		.bridge_index = b->index,
		.peer_fd = ns->fd,
	};
	bridge_mac(&l->ip, v.peer_mac);
	memcpy(v.mac, v.peer_mac, 6);
	v.mac[1] = 0x43; /* the near end is another link: its address differs from the far one's */
	snprintf(alias, sizeof(alias), MARK ":%s,%s", b->name, ipaddr_text(&l->ip, ip));
	if (clear_way(n, l) < 0)
		return -1;
	if (net_veth_add(n, "a cable: one end at the bridge, the other in the namespace", &v) < 0 ||
		net_link_alias(n, "the mark", l->port, alias) < 0 ||
		net_port_flags(n,
			"a published port can be reached from its own container (hairpin)", l->port,
			true, b->isolate) < 0)
		return -1;
	if (!o.rate)
		return 0;
	if (net_rate_out(n, "what goes to the container, through a bucket", l->port, o.rate) < 0)
		return -1;
	return net_rate_in(n, "what comes from it, by way of a link that has a queue", l->port,
		l->ifb, o.rate);
}

/* Which default routes the namespace has already: a second cable adds none. */
struct defaults {
	bool v4, v6;
};

static int
look_for_defaults(void *arg)
{
	struct defaults *d = arg;
	struct net *n = net_open();
	if (!n)
		return -1;
	d->v4 = net_has_default(n, AF_INET);
	d->v6 = net_has_default(n, AF_INET6);
	net_close(n);
	return 0;
}

static int
add_routes(struct net *n, const struct bridge *b, const struct defaults *has)
{
	if (b->internal)
		return 0;
	if (!has->v4 &&
		net_route_default(n, "everything else is reached through the bridge", &b->v4.ip) <
			0)
		return -1;
	if (b->v6.ip.family && !has->v6 && net_route_default(n, "the same for IPv6", &b->v6.ip) < 0)
		return -1;
	return 0;
}

/* The side of the namespace. The process stays in it: there is nothing left to do outside. */
static int
set_up_inside(const struct bridge *b, const struct netns *ns, const struct lease *l)
{
	struct cidr v4 = {l->ip, b->v4.prefix}, v6 = {.ip.family = 0};
	char path[128];
	struct defaults has = {false, false};
	static char *no_words[] = {NULL};
	/* A namespace just made has none, and in a dry run is not there to look into. */
	if (!ns->made && sys_netns_visit(ns->fd, look_for_defaults, &has) < 0)
		return -1;
	if (sys_netns_enter("go into the namespace", ns->fd, ns->path) < 0)
		return -1;
	struct net *n = net_open();
	if (!n)
		return -1;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", o.name);
	if (net_link_up(n, "127.0.0.1 works", "lo") < 0)
		return -1;
	if (dir_exists("/proc/sys/net/ipv6") &&
		sys_write("no neighbour tells it its routes (router advertisements)", path, "0",
			NULL) < 0)
		return -1;
	if (net_addr_add(n, "its address", o.name, &v4) < 0)
		return -1;
	if (b->v6.ip.family) {
		bridge_v6_of(b, &l->ip, &v6);
		if (net_addr_add(n, "the same for IPv6", o.name, &v6) < 0)
			return -1;
	}
	if (net_link_up(n, "plug it in", o.name) < 0 || add_routes(n, b, &has) < 0)
		return -1;
	tell_unnest(no_words);
	net_close(n);
	return 0;
}

static void
print(const struct bridge *b, const struct netns *ns, const struct lease *l)
{
	char ip[IPADDR_TEXT], gateway[IPADDR_TEXT];
	uint8_t mac[6];
	auto_buf struct buf line = BUF_INIT;
	ipaddr_text(&l->ip, ip);
	if (!o.json) {
		tool_result("%s", ip);
		return;
	}
	bridge_mac(&l->ip, mac);
	buf_adds(&line, "{\"bridge\":");
	buf_add_json(&line, b->name);
	buf_adds(&line, ",\"netns\":");
	buf_add_json(&line, ns->path);
	buf_addf(&line,
		",\"name\":\"%s\",\"port\":\"%s\",\"ip\":\"%s\",\"prefix\":%d,\"gateway\":\"%s\"",
		l->name, l->port, ip, b->v4.prefix,
		b->internal ? "" : ipaddr_text(&b->v4.ip, gateway));
	if (b->v6.ip.family) {
		struct cidr v6 = b->v6;
		bridge_v6_of(b, &l->ip, &v6);
		buf_addf(&line, ",\"ip6\":\"%s\",\"prefix6\":%d,\"gateway6\":\"%s\"",
			ipaddr_text(&v6.ip, ip), v6.prefix,
			b->internal ? "" : ipaddr_text(&b->v6.ip, gateway));
	}
	buf_addf(&line, ",\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\"}", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	tool_result("%s", line.s);
}

int
main(int argc, char **argv)
{
	struct bridge b;
	struct netns ns;
	struct lease l = {0};
	int lock;
	struct args a = tool_start(&me, argc, argv);
	if (a.n != 2)
		tool_usage("BRIDGE and NETNS are needed");
	if (parse_name("link name", o.name, IFNAMSIZ - 1) < 0)
		tool_die();
	struct net *n = net_open();
	if (!n || bridge_find(n, a.operand[0], &b) < 0 || netns_open(a.operand[1], true, &ns) < 0)
		tool_die();
	if (lease_each(b.name, drop_dead, NULL) < 0 || lease_lock(b.name, &lock) < 0 ||
		choose_lease(&b, &ns, &l) < 0)
		tool_die();
	if (lay_cable(n, &b, &ns, &l) < 0 || set_up_inside(&b, &ns, &l) < 0)
		tool_die();
	print(&b, &ns, &l);
	return tool_finish();
}
