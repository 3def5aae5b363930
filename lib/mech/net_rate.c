/* SPDX-License-Identifier: MIT
 * Limits of a link's rate. A queueing discipline shapes only what goes out; what comes in is turned
 * to an ifb link ("intermediate functional block"), whose going out is shaped instead.
 */
#include "mech/net_link.h"

#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/undo.h"
#include "mech/net_msg.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The scheduler's clock ticks every 64 ns (PSCHED_SHIFT 6, include/net/pkt_sched.h). */
#define TICK_NS 64

/* Room for bursts: a tenth of a second at most 64 KiB, but never below a few full frames, or
 * nothing larger would pass at all (tc-tbf(8)). */
static uint32_t
burst_bytes(uint64_t bytes_per_s)
{
	uint64_t burst = bytes_per_s / 100;
	if (burst < 16384)
		return 16384;
	/* Offloaded segments of up to 64 KiB arrive as one packet: they must fit. */
	return burst > 262144 ? 262144 : (uint32_t)burst;
}

static int
put_tbf(struct net *n, const char *why, const char *name, uint64_t bits_per_s)
{
	uint64_t rate = bits_per_s / 8;
	uint32_t burst = burst_bytes(rate),
		 limit = burst + (uint32_t)(rate / 20 > 1 << 24 ? 1 << 24 : rate / 20);
	auto_buf struct buf shell = BUF_INIT;
	struct tcmsg head = {.tcm_ifindex = (int)if_nametoindex(name), .tcm_parent = TC_H_ROOT};
	struct tc_tbf_qopt opt = {
		.rate = {.linklayer = TC_LINKLAYER_ETHERNET,
			.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate},
		.limit = limit,
		.buffer = (uint32_t)((uint64_t)burst * 1000000000 / (rate ? rate : 1) / TICK_NS),
	};
	struct nl_msg *msg =
		net_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	net_put_str(msg, TCA_KIND, "tbf");
	struct nlattr *options = net_nest(msg, TCA_OPTIONS);
	net_put(msg, TCA_TBF_PARMS, &opt, sizeof(opt));
	net_put(msg, TCA_TBF_BURST, &burst, sizeof(burst));
	if (rate > UINT32_MAX)
		net_put(msg, TCA_TBF_RATE64, &rate, sizeof(rate));
	net_nest_end(msg, options);
	buf_addf(&shell, "tc qdisc replace dev %s root tbf rate %llubit burst %u limit %u",
		tell_sh(name), (unsigned long long)bits_per_s, burst, limit);
	if (net_change(n, why, "newqdisc", name, msg, shell.s) < 0)
		return err_sys("newqdisc", name, "cannot limit the rate of %s", name);
	return 0;
}

int
net_rate_out(struct net *n, const char *why, const char *name, uint64_t bits_per_s)
{
	return put_tbf(n, why, name, bits_per_s);
}

static int
add_ingress(struct net *n, const char *name)
{
	auto_buf struct buf shell = BUF_INIT;
	struct tcmsg head = {.tcm_ifindex = (int)if_nametoindex(name),
		.tcm_parent = TC_H_INGRESS,
		.tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0)};
	struct nl_msg *msg = net_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	net_put_str(msg, TCA_KIND, "ingress");
	buf_addf(&shell, "tc qdisc add dev %s ingress", tell_sh(name));
	if (net_change(n, "a place to look at what comes in", "newqdisc", name, msg, shell.s) < 0)
		return err_sys("newqdisc", name, "cannot limit the rate into %s", name);
	return 0;
}

/* u32 with a key that matches everything (matchall is not in every kernel), and the action that
 * sends the packet out by another link (tc-mirred(8)). */
static void
put_redirect(struct nl_msg *msg, int to)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key key;
	} match = {.sel = {.flags = TC_U32_TERMINAL, .nkeys = 1}};
	struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (unsigned)to};
	struct nlattr *options = net_nest(msg, TCA_OPTIONS);
	net_put(msg, TCA_U32_SEL, &match, sizeof(match));
	struct nlattr *actions = net_nest(msg, TCA_U32_ACT);
	struct nlattr *first = net_nest(msg, 1);
	net_put_str(msg, TCA_ACT_KIND, "mirred");
	struct nlattr *args = net_nest(msg, TCA_ACT_OPTIONS);
	net_put(msg, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
	net_nest_end(msg, args);
	net_nest_end(msg, first);
	net_nest_end(msg, actions);
	net_nest_end(msg, options);
}

static int
redirect(struct net *n, const char *name, const char *ifb)
{
	auto_buf struct buf shell = BUF_INIT;
	struct tcmsg head = {.tcm_ifindex = (int)if_nametoindex(name),
		.tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0),
		.tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL))};
	struct nl_msg *msg =
		net_msg(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	net_put_str(msg, TCA_KIND, "u32");
	put_redirect(msg, (int)if_nametoindex(ifb));
	buf_addf(&shell,
		"tc filter add dev %s parent ffff: prio 1 protocol all u32 match u32 0 0 "
		"action mirred egress redirect dev %s",
		tell_sh(name), tell_sh(ifb));
	if (net_change(n, "turn it to the ifb link", "newtfilter", name, msg, shell.s) < 0)
		return err_sys("newtfilter", name, "cannot limit the rate into %s", name);
	return 0;
}

int
net_rate_in(struct net *n, const char *why, const char *name, const char *ifb, uint64_t bits_per_s)
{
	if (net_ifb_add(n, why, ifb) < 0 ||
		put_tbf(n, "and shape what goes through it", ifb, bits_per_s) < 0)
		return -1;
	return add_ingress(n, name) < 0 || redirect(n, name, ifb) < 0 ? -1 : 0;
}
