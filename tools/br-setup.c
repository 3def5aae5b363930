/* SPDX-License-Identifier: MIT
 * br-setup: a bridge with an address, and the rules by which what is attached to it reaches the
 *world.
 *
 * A bridge is a switch inside the kernel. Its own address is the gateway of everything plugged into
 * it; the host forwards, and hides the subnet behind its own address (masquerade).
 *
 *	br-setup --subnet 10.1.0.0/24 br0
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/bridge.h"
#include "mech/lease.h"
#include "mech/net_nft.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct {
	struct strlist subnets;
	bool internal, no_icc, remove;
	int64_t mtu;
} o;

static const struct opt options[] = {
	{0, "subnet", "CIDR", opt_list, &o.subnets,
		"its subnet; a host part is the gateway's address (10.1.0.254/24); one IPv4 and one IPv6 at most",
		false},
	{0, "internal", NULL, opt_flag, &o.internal, "no way out of the subnet, and none in",
		false},
	{0, "no-icc", NULL, opt_flag, &o.no_icc, "what is attached cannot reach each other", false},
	{0, "mtu", "BYTES", opt_int, &o.mtu, "largest packet, also of what is attached later",
		false},
	{0, "rm", NULL, opt_flag, &o.remove, "take the bridge away again", false},
	OPT_END,
};

static const struct tool me = {
	.name = "br-setup",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME\n--rm NAME",
	.summary = "Makes a bridge with forwarding and masquerade, and prints its address.",
	.options = options,
	.example = "br-setup --subnet 10.99.7.0/24 br-example\nbr-setup --rm br-example",
};

/* --subnet: a network means its first host is the gateway. */
static int
take_subnet(const char *text, struct bridge *b)
{
	struct cidr c;
	if (cidr_parse(text, &c) < 0)
		return -1;
	struct cidr *to = c.ip.family == AF_INET6 ? &b->v6 : &b->v4;
	if (to->ip.family)
		return err_set(
			ERR_INVALID, text, "--subnet %s: there is one of this kind already", text);
	*to = c;
	if (cidr_is_network(&c))
		cidr_host(&c, 1, &to->ip);
	return 0;
}

static int
plan(struct net *n, const char *name, struct bridge *b)
{
	snprintf(b->name, sizeof(b->name), "%s", name);
	b->mtu = (unsigned)o.mtu;
	b->internal = o.internal;
	b->no_icc = o.no_icc;
	b->isolate = o.no_icc && !file_exists("/proc/sys/net/bridge/bridge-nf-call-iptables");
	for (size_t i = 0; i < o.subnets.n; i++)
		if (take_subnet(o.subnets.v[i], b) < 0)
			return -1;
	if (!b->v4.ip.family) {
		if (bridge_choose_subnet(n, &b->v4) < 0)
			return -1;
		cidr_host(&b->v4, 1, &b->v4.ip);
	} else if (bridge_check_subnet(n, &b->v4) < 0) {
		return -1;
	}
	return b->v6.ip.family ? bridge_check_subnet(n, &b->v6) : 0;
}

/* Writes a value to a file of /proc/sys that does not hold it yet; a missing one (no IPv6 here) is
 * fine. */
static int
set_sysctl(const char *why, const char *path, const char *value)
{
	char now[32];
	if (file_read_line(path, now, sizeof(now)) == 0 && strcmp(now, value) != 0)
		return sys_write(why, path, value, NULL);
	return 0;
}

static int
set_forwarding(const struct bridge *b)
{
	if (b->internal)
		return 0;
	if (set_sysctl("the host passes packets on between its links",
		    "/proc/sys/net/ipv4/ip_forward", "1") < 0)
		return -1;
	return b->v6.ip.family
		? set_sysctl("the same for IPv6", "/proc/sys/net/ipv6/conf/all/forwarding", "1")
		: 0;
}

/* The bridge is new: what its files will hold is known, and in a dry run they are not there yet. */
static int
refuse_advertisements(const struct bridge *b)
{
	char path[128];
	if (!dir_exists("/proc/sys/net/ipv6"))
		return 0;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", b->name);
	return sys_write(
		"nobody on the bridge may tell the host its routes (router advertisements)", path,
		"0", NULL);
}

static int
make(struct net *n, const struct bridge *b)
{
	uint8_t mac[6];
	char alias[256];
	auto_buf struct buf rules = BUF_INIT;
	bridge_mac(&b->v4.ip, mac);
	bridge_alias(b, alias);
	bridge_rules(b, &rules);
	/* The bridge first: if there is one of this name, its leases are not ours to touch. */
	if (net_bridge_add(n, "a switch inside the kernel", b->name, mac, b->mtu,
		    b->no_icc && !b->isolate) < 0 ||
		lease_prepare_bridge(b->name) < 0 ||
		net_link_alias(n, "the mark, and what br-attach needs to know", b->name, alias) <
			0 ||
		refuse_advertisements(b) < 0 ||
		net_addr_add(n, "the gateway of all that is attached", b->name, &b->v4) < 0)
		return -1;
	if (b->v6.ip.family && net_addr_add(n, "the same for IPv6", b->name, &b->v6) < 0)
		return -1;
	if (net_link_up(n, "plug it in", b->name) < 0 || set_forwarding(b) < 0)
		return -1;
	return nft_change(
		"masquerade, published ports, isolation: one table of our own, in one transaction",
		b->name, rules.s);
}

/* A chain of somebody else's that drops what is forwarded would swallow our packets: rules of ours
 * cannot overrule it (nft(8): a packet passes only if every chain lets it). */
static void
warn_of_drops(const char *name)
{
	auto_buf struct buf chains = BUF_INIT;
	if (o.internal || nft_ask("list chains", &chains) < 0)
		return;
	for (char *p = chains.s; p && (p = strstr(p, "hook forward priority")); p++) {
		char *end = strchr(p, '\n');
		char *drop = strstr(p, "policy drop");
		if (!drop || (end && drop > end))
			continue;
		tool_warn(
			"a forward chain with policy drop is in the way of what comes and goes by %s; "
			"if it is iptables': iptables -I FORWARD -i %s -j ACCEPT; "
			"iptables -I FORWARD -o %s -j ACCEPT",
			name, name, name);
		return;
	}
}

static int
refuse_if_alive(struct lease *l, void *arg)
{
	(void)arg;
	if (!lease_alive(l))
		return 0;
	err_set(ERR_IN_USE, l->bridge, "bridge %s is in use by %s", l->bridge, l->netns);
	return err_hint("br-detach %s first", l->netns);
}

static void
take_away(struct net *n, const char *name)
{
	struct bridge b;
	auto_buf struct buf rules = BUF_INIT;
	if (bridge_find(n, name, &b) < 0 || lease_each(name, refuse_if_alive, NULL) < 0)
		tool_die();
	/* Made first, in case that somebody has flushed all rules. */
	for (int i = 0; i < 2; i++) {
		buf_adds(&rules, i ? "delete table inet " : "add table inet ");
		bridge_table(name, &rules);
		buf_addc(&rules, '\n');
	}
	if (nft_change("its rules", name, rules.s) < 0 ||
		net_link_delete(n, "the bridge itself", name) < 0 || lease_forget_bridge(name) < 0)
		tool_die();
}

int
main(int argc, char **argv)
{
	struct bridge b = {0};
	char text[CIDR_TEXT];
	struct args a = tool_start(&me, argc, argv);
	if (a.n != 1)
		tool_usage("one NAME is needed");
	if (bridge_check_name(a.operand[0]) < 0)
		tool_die();
	struct net *n = net_open();
	if (!n)
		tool_die();
	if (o.remove) {
		take_away(n, a.operand[0]);
		return tool_finish();
	}
	if (plan(n, a.operand[0], &b) < 0 || make(n, &b) < 0)
		tool_die();
	warn_of_drops(b.name);
	tool_result("%s", cidr_text(&b.v4, text));
	return tool_finish();
}
