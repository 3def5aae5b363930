/* SPDX-License-Identifier: MIT
 * The messages are spelled out attribute by attribute, as rtnetlink(7) and the kernel's headers
 * <linux/if_link.h> and <linux/rtnetlink.h> describe them.
 */
#include "mech/net_link.h"

#include "base/err.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/undo.h"
#include "mech/net_msg.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *
mac_text(const uint8_t m[6], char out[18])
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return out;
}

/* The socket by which links were made here: undo goes the same way, also when the process has left
 * for another namespace meanwhile. */
static struct net *undo_net;

static int
undo_link(const char *name, const char *unused)
{
	(void)unused;
	struct nl_msg *msg = net_link_msg(RTM_DELLINK, 0, 0, 0);
	net_put_str(msg, IFLA_IFNAME, name);
	return net_talk(undo_net, msg);
}

static void
push_link(struct net *n, const char *name)
{
	auto_buf struct buf shell = BUF_INIT;
	undo_net = n;
	buf_addf(&shell, "ip link delete %s", tell_sh(name));
	undo_push(undo_link, name, NULL, buf_str(&shell));
}

static void
put_bridge_info(struct nl_msg *msg, bool filter)
{
	const uint8_t on = 1;
	struct nlattr *info = net_nest(msg, IFLA_LINKINFO);
	net_put_str(msg, IFLA_INFO_KIND, "bridge");
	if (filter) {
		struct nlattr *data = net_nest(msg, IFLA_INFO_DATA);
		net_put(msg, IFLA_BR_NF_CALL_IPTABLES, &on, 1);
		net_put(msg, IFLA_BR_NF_CALL_IP6TABLES, &on, 1);
		net_nest_end(msg, data);
	}
	net_nest_end(msg, info);
}

int
net_bridge_add(struct net *n, const char *why, const char *name, const uint8_t mac[6], unsigned mtu,
	bool filter)
{
	struct step st;
	char text[18];
	if (step_open(&st, "newlink", why)) {
		struct nl_msg *msg = net_link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, 0);
		net_put_str(msg, IFLA_IFNAME, name);
		net_put(msg, IFLA_ADDRESS, mac, 6);
		if (mtu)
			net_put_u32(msg, IFLA_MTU, mtu);
		put_bridge_info(msg, filter);
		step_result(&st, net_talk(n, msg));
	}
	if (step_told(&st)) {
		step_call(&st, "RTM_NEWLINK(%s, kind bridge)", tell_c(name));
		step_shell(&st, "ip link add %s address %s", tell_sh(name), mac_text(mac, text));
		if (mtu)
			step_shell(&st, " mtu %u", mtu);
		step_shell(&st, " type bridge%s",
			filter ? " nf_call_iptables 1 nf_call_ip6tables 1" : "");
	}
	if (step_close(&st) < 0)
		return err_sys("newlink", name, "cannot make bridge %s", name);
	push_link(n, name);
	return 0;
}

int
net_ifb_add(struct net *n, const char *why, const char *name)
{
	auto_buf struct buf shell = BUF_INIT;
	struct nl_msg *msg = net_link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, IFF_UP);
	net_put_str(msg, IFLA_IFNAME, name);
	struct nlattr *info = net_nest(msg, IFLA_LINKINFO);
	net_put_str(msg, IFLA_INFO_KIND, "ifb");
	net_nest_end(msg, info);
	buf_addf(&shell, "ip link add %s up type ifb", tell_sh(name));
	if (net_change(n, why, "newlink", name, msg, shell.s) < 0)
		return err_sys("newlink", name, "cannot make link %s", name);
	push_link(n, name);
	return 0;
}

int
net_link_alias(struct net *n, const char *why, const char *name, const char *alias)
{
	auto_buf struct buf shell = BUF_INIT;
	struct nl_msg *msg = net_link_msg(RTM_SETLINK, 0, 0, 0);
	net_put_str(msg, IFLA_IFNAME, name);
	net_put(msg, IFLA_IFALIAS, alias, strlen(alias));
	buf_addf(&shell, "ip link set %s alias %s", tell_sh(name), tell_sh(alias));
	if (net_change(n, why, "setlink", name, msg, shell.s) < 0)
		return err_sys("setlink", name, "cannot name link %s", name);
	return 0;
}

int
net_link_up(struct net *n, const char *why, const char *name)
{
	auto_buf struct buf shell = BUF_INIT;
	struct nl_msg *msg = net_link_msg(RTM_SETLINK, 0, 0, IFF_UP);
	net_put_str(msg, IFLA_IFNAME, name);
	buf_addf(&shell, "ip link set %s up", tell_sh(name));
	if (net_change(n, why, "setlink", name, msg, shell.s) < 0)
		return err_sys("setlink", name, "cannot bring up link %s", name);
	return 0;
}

int
net_link_delete(struct net *n, const char *why, const char *name)
{
	auto_buf struct buf shell = BUF_INIT;
	struct nl_msg *msg = net_link_msg(RTM_DELLINK, 0, 0, 0);
	net_put_str(msg, IFLA_IFNAME, name);
	buf_addf(&shell, "ip link delete %s", tell_sh(name));
	if (net_change(n, why, "dellink", name, msg, shell.s) < 0)
		return err_sys("dellink", name, "cannot remove link %s", name);
	return 0;
}

int
net_addr_add(struct net *n, const char *why, const char *name, const struct cidr *addr)
{
	char text[CIDR_TEXT];
	auto_buf struct buf shell = BUF_INIT;
	size_t size = (size_t)ipaddr_size(&addr->ip);
	bool v6 = addr->ip.family == AF_INET6;
	struct ifaddrmsg head = {
		.ifa_family = (uint8_t)addr->ip.family,
		.ifa_prefixlen = (uint8_t)addr->prefix,
		/* Duplicate address detection would leave the address unusable for a second; the
		 * leases see to it that no address is given twice (RFC 4862 section 5.4). */
		.ifa_flags = v6 ? IFA_F_NODAD : 0,
		.ifa_index = if_nametoindex(name),
	};
	struct nl_msg *msg = net_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	net_put(msg, IFA_LOCAL, addr->ip.b, size);
	net_put(msg, IFA_ADDRESS, addr->ip.b, size);
	if (!v6) {
		/* All host bits 1 (RFC 919): `ip addr add … brd +`. */
		struct cidr brd = cidr_network(addr);
		for (int bit = addr->prefix; bit < 32; bit++)
			brd.ip.b[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
		net_put(msg, IFA_BROADCAST, brd.ip.b, size);
	}
	buf_addf(&shell, "ip addr add %s%s dev %s%s", cidr_text(addr, text), v6 ? "" : " brd +",
		tell_sh(name), v6 ? " nodad" : "");
	if (net_change(n, why, "newaddr", name, msg, shell.s) < 0)
		return err_sys("newaddr", name, "cannot give %s the address %s", name, text);
	return 0;
}

int
net_route_default(struct net *n, const char *why, const struct ipaddr *gateway)
{
	char text[IPADDR_TEXT];
	auto_buf struct buf shell = BUF_INIT;
	bool v6 = gateway->family == AF_INET6;
	struct rtmsg head = {
		.rtm_family = (uint8_t)gateway->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = net_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	net_put(msg, RTA_GATEWAY, gateway->b, (size_t)ipaddr_size(gateway));
	buf_addf(&shell, "ip%s route add default via %s", v6 ? " -6" : "",
		ipaddr_text(gateway, text));
	if (net_change(n, why, "newroute", "default route", msg, shell.s) < 0)
		return err_sys(
			"newroute", "default route", "cannot add a default route through %s", text);
	return 0;
}

/* struct ifinfomsg + names of one end of the pair, inside VETH_INFO_PEER. */
static void
put_peer(struct nl_msg *msg, const struct net_veth *v)
{
	struct ifinfomsg head = {0};
	struct nlattr *peer = net_nest(msg, VETH_INFO_PEER);
	net_nest_head(msg, &head, sizeof(head));
	net_put_str(msg, IFLA_IFNAME, v->peer_name);
	net_put(msg, IFLA_ADDRESS, v->peer_mac, 6);
	net_put_u32(msg, IFLA_MTU, v->mtu);
	net_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)v->peer_fd);
	net_nest_end(msg, peer);
}

static struct nl_msg *
veth_msg(const struct net_veth *v)
{
	/* One message does what takes `ip` five: the pair is made, its far end is born in the other
	 * namespace, the near one is up and a port of the bridge. */
	struct nl_msg *msg = net_link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, IFF_UP);
	net_put_str(msg, IFLA_IFNAME, v->name);
	net_put(msg, IFLA_ADDRESS, v->mac, 6);
	net_put_u32(msg, IFLA_MTU, v->mtu);
	net_put_u32(msg, IFLA_MASTER, (uint32_t)v->bridge_index);
	struct nlattr *info = net_nest(msg, IFLA_LINKINFO);
	net_put_str(msg, IFLA_INFO_KIND, "veth");
	struct nlattr *data = net_nest(msg, IFLA_INFO_DATA);
	put_peer(msg, v);
	net_nest_end(msg, data);
	net_nest_end(msg, info);
	return msg;
}

int
net_veth_add(struct net *n, const char *why, const struct net_veth *v)
{
	struct step st;
	char near[18], far[18];
	if (step_open(&st, "newlink", why))
		step_result(&st, net_talk(n, veth_msg(v)));
	if (step_told(&st)) {
		step_call(&st, "RTM_NEWLINK(%s, kind veth, master %s, peer %s in %s)",
			tell_c(v->name), tell_c(v->bridge), tell_c(v->peer_name), tell_c(v->netns));
		step_shell(&st,
			"ip link add %s address %s mtu %u type veth peer name %s address %s mtu %u netns %s\n"
			"ip link set %s master %s up",
			tell_sh(v->name), mac_text(v->mac, near), v->mtu, tell_sh(v->peer_name),
			mac_text(v->peer_mac, far), v->mtu, tell_sh(v->netns), tell_sh(v->name),
			tell_sh(v->bridge));
	}
	if (step_close(&st) < 0)
		return err_sys(
			"newlink", v->name, "cannot connect %s to bridge %s", v->netns, v->bridge);
	push_link(n, v->name);
	return 0;
}

int
net_port_flags(struct net *n, const char *why, const char *name, bool hairpin, bool isolated)
{
	auto_buf struct buf shell = BUF_INIT;
	struct ifinfomsg head = {.ifi_family = AF_BRIDGE, .ifi_index = (int)if_nametoindex(name)};
	struct nl_msg *msg = net_msg(RTM_SETLINK, 0, &head, sizeof(head));
	uint8_t hair = hairpin, alone = isolated;
	struct nlattr *port = net_nest(msg, IFLA_PROTINFO | NLA_F_NESTED);
	net_put(msg, IFLA_BRPORT_MODE, &hair, 1);
	net_put(msg, IFLA_BRPORT_ISOLATED, &alone, 1);
	net_nest_end(msg, port);
	buf_addf(&shell, "bridge link set dev %s hairpin %s isolated %s", tell_sh(name),
		hairpin ? "on" : "off", isolated ? "on" : "off");
	if (net_change(n, why, "setlink", name, msg, shell.s) < 0)
		return err_sys("setlink", name, "cannot set bridge port flags of %s", name);
	return 0;
}

/* What the child does; its exit status is the errno. */
struct doomed {
	struct net *n;
	const char *name;
};

static int
delete_link(void *arg)
{
	const struct doomed *d = arg;
	struct nl_msg *msg = net_link_msg(RTM_DELLINK, 0, 0, 0);
	net_put_str(msg, IFLA_IFNAME, d->name);
	return net_talk(d->n, msg) < 0 ? errno : 0;
}

/* The kernel takes the name out of its lists first, and only then waits for those who still look at
 * the link. Asking for the name needs no lock that it holds meanwhile (netdevice(7), SIOCGIFINDEX).
 */
static long
delete_behind(struct net *n, const char *name)
{
	struct doomed d = {n, name};
	const struct timespec tick = {.tv_nsec = 200000};
	int status, pid = run_behind(delete_link, &d, net_fd(n));
	if (pid < 0)
		return -1;
	for (int i = 0; i < 50000 && if_nametoindex(name); i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
			return errno ? -1 : 0;
		}
		nanosleep(&tick, NULL);
	}
	return 0;
}

int
net_link_discard(struct net *n, const char *why, const char *name)
{
	struct step st;
	if (!step_dry() && !if_nametoindex(name))
		return 0; /* it went with its namespace */
	if (step_open(&st, "dellink", why))
		step_result(&st, delete_behind(n, name));
	if (step_told(&st)) {
		step_call(&st, "fork(), rtnetlink dellink(%s)", tell_c(name));
		step_shell(&st, "ip link delete %s", tell_sh(name));
	}
	if (step_close(&st) < 0)
		return err_sys("dellink", name, "cannot remove link %s", name);
	return 0;
}
