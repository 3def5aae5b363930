/* SPDX-License-Identifier: MIT */
#include "mech/net_msg.h"

#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"

#include <errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

struct net {
	struct nl_sock *sock;
	int no; /* errno of the kernel's last answer */
};

/* libnl folds errno values together (NLE_*); the kernel's own number is in the message. */
static int
on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct net *n = arg;
	(void)from;
	n->no = -e->error;
	return NL_STOP;
}

struct net *
net_open(void)
{
	struct net *n = calloc(1, sizeof(*n));
	if (!n)
		abort();
	n->sock = nl_socket_alloc();
	if (!n->sock)
		abort();
	int r = nl_connect(n->sock, NETLINK_ROUTE);
	if (r < 0) {
		err_sys("socket", "rtnetlink", "cannot open a netlink socket");
		net_close(n);
		return NULL;
	}
	nl_socket_modify_err_cb(n->sock, NL_CB_CUSTOM, on_error, n);
	return n;
}

void
net_close(struct net *n)
{
	if (!n)
		return;
	nl_socket_free(n->sock);
	free(n);
}

/* Sends and waits for the acknowledgement. Frees the message. 0, or -1 with errno set. */
int
net_talk(struct net *n, struct nl_msg *msg)
{
	n->no = 0;
	int r = nl_send_auto(n->sock, msg);
	if (r >= 0)
		r = nl_wait_for_ack(n->sock);
	nlmsg_free(msg);
	if (r >= 0)
		return 0;
	errno = n->no ? n->no : EIO;
	return -1;
}

int
net_fd(const struct net *n)
{
	return nl_socket_get_fd(n->sock);
}

struct nl_msg *
net_msg(int type, int flags, const void *head, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	if (!msg || nlmsg_append(msg, (void *)(uintptr_t)head, len, NLMSG_ALIGNTO) < 0)
		abort();
	return msg;
}

struct nl_msg *
net_link_msg(int type, int flags, int index, unsigned up)
{
	struct ifinfomsg head = {.ifi_index = index, .ifi_flags = up, .ifi_change = up};
	return net_msg(type, flags, &head, sizeof(head));
}

void
net_put(struct nl_msg *msg, int type, const void *data, size_t len)
{
	if (nla_put(msg, type, (int)len, data) < 0)
		abort();
}

void
net_put_str(struct nl_msg *msg, int type, const char *s)
{
	net_put(msg, type, s, strlen(s) + 1);
}

void
net_put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	net_put(msg, type, &value, sizeof(value));
}

struct nlattr *
net_nest(struct nl_msg *msg, int type)
{
	struct nlattr *a = nla_nest_start(msg, type);
	if (!a)
		abort();
	return a;
}

void
net_nest_head(struct nl_msg *msg, const void *head, size_t len)
{
	if (nlmsg_append(msg, (void *)(uintptr_t)head, len, NLMSG_ALIGNTO) < 0)
		abort();
}

void
net_nest_end(struct nl_msg *msg, struct nlattr *attr)
{
	nla_nest_end(msg, attr);
}

void
net_msg_free(struct nl_msg *msg)
{
	nlmsg_free(msg);
}

int
net_change(struct net *n, const char *why, const char *call, const char *name, struct nl_msg *msg,
	const char *shell)
{
	struct step st;
	if (step_open(&st, call, why))
		step_result(&st, net_talk(n, msg));
	else
		net_msg_free(msg);
	if (step_told(&st)) {
		step_call(&st, "rtnetlink %s(%s)", call, tell_c(name));
		step_shell(&st, "%s", shell);
	}
	return (int)step_close(&st);
}

/* What the kernel tells about links, addresses and routes. */

struct found {
	struct net_link_info *info;
	bool any;
};

static int
on_link(struct nl_msg *msg, void *arg)
{
	struct found *f = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct ifinfomsg *head = nlmsg_data(h);
	struct nlattr *tb[IFLA_MAX + 1], *li[IFLA_INFO_MAX + 1];
	if (h->nlmsg_type != RTM_NEWLINK || nlmsg_parse(h, sizeof(*head), tb, IFLA_MAX, NULL) < 0)
		return NL_OK;
	f->any = true;
	f->info->index = head->ifi_index;
	if (tb[IFLA_IFALIAS])
		nla_strlcpy(f->info->alias, tb[IFLA_IFALIAS], sizeof(f->info->alias));
	if (tb[IFLA_MTU])
		f->info->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(f->info->mac, nla_data(tb[IFLA_ADDRESS]), 6);
	if (tb[IFLA_LINKINFO] &&
		nla_parse_nested(li, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0 &&
		li[IFLA_INFO_KIND])
		nla_strlcpy(f->info->kind, li[IFLA_INFO_KIND], sizeof(f->info->kind));
	return NL_OK;
}

/* Asks, and gives each answer to `each`. */
static int
ask(struct net *n, struct nl_msg *msg, nl_recvmsg_msg_cb_t each, void *arg)
{
	struct nl_cb *own = nl_socket_get_cb(n->sock); /* a reference of ours */
	struct nl_cb *cb = nl_cb_clone(own);
	nl_cb_put(own);
	n->no = 0;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, each, arg);
	int r = nl_send_auto(n->sock, msg);
	nlmsg_free(msg);
	if (r >= 0)
		r = nl_recvmsgs(n->sock, cb);
	nl_cb_put(cb);
	if (r >= 0 && !n->no)
		return 0;
	errno = n->no ? n->no : EIO;
	return -1;
}

int
net_link_get(struct net *n, const char *name, struct net_link_info *out)
{
	struct found f = {.info = out};
	*out = (struct net_link_info){0};
	struct nl_msg *msg = net_link_msg(RTM_GETLINK, 0, 0, 0);
	net_put_str(msg, IFLA_IFNAME, name);
	if (ask(n, msg, on_link, &f) < 0 || !f.any)
		return err_sys("netlink", name, "cannot find link %s", name);
	/* The kernel answers a question for one link with the answer and an acknowledgement. */
	nl_wait_for_ack(n->sock);
	return 0;
}

struct addrs {
	struct cidr *out;
	int index, n, max;
};

static int
on_addr(struct nl_msg *msg, void *arg)
{
	struct addrs *a = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct ifaddrmsg *head = nlmsg_data(h);
	struct nlattr *tb[IFA_MAX + 1];
	if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*head), tb, IFA_MAX, NULL) < 0 ||
		(int)head->ifa_index != a->index || a->n == a->max)
		return NL_OK;
	/* Not the link-local one, which every IPv6 link has by itself. */
	struct nlattr *ip = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!ip || head->ifa_scope == RT_SCOPE_LINK || nla_len(ip) > 16)
		return NL_OK;
	struct cidr *c = &a->out[a->n++];
	*c = (struct cidr){.ip.family = head->ifa_family, .prefix = head->ifa_prefixlen};
	memcpy(c->ip.b, nla_data(ip), (size_t)nla_len(ip));
	return NL_OK;
}

int
net_link_addrs(struct net *n, int index, struct cidr *out, int max)
{
	struct addrs a = {out, index, 0, max};
	struct ifaddrmsg head = {.ifa_family = AF_UNSPEC};
	struct nl_msg *msg = net_msg(RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
	if (ask(n, msg, on_addr, &a) < 0)
		return err_sys("netlink", "addresses", "cannot list addresses");
	return a.n;
}

struct routes {
	struct cidr *v;
	int n;
	bool has_default;
};

static int
on_route(struct nl_msg *msg, void *arg)
{
	struct routes *r = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct rtmsg *head = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*head), tb, RTA_MAX, NULL) < 0 ||
		head->rtm_table != RT_TABLE_MAIN)
		return NL_OK;
	if (head->rtm_dst_len == 0)
		r->has_default = true;
	if (head->rtm_dst_len == 0 || !tb[RTA_DST] || nla_len(tb[RTA_DST]) > 16)
		return NL_OK;
	struct cidr *v = realloc(r->v, (size_t)(r->n + 1) * sizeof(*v));
	if (!v)
		abort();
	r->v = v;
	v[r->n] = (struct cidr){.ip.family = head->rtm_family, .prefix = head->rtm_dst_len};
	memcpy(v[r->n++].ip.b, nla_data(tb[RTA_DST]), (size_t)nla_len(tb[RTA_DST]));
	return NL_OK;
}

static int
list_routes(struct net *n, int family, struct routes *r)
{
	struct rtmsg head = {.rtm_family = (uint8_t)family};
	return ask(n, net_msg(RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head)), on_route, r);
}

bool
net_has_default(struct net *n, int family)
{
	struct routes r = {0};
	int failed = list_routes(n, family, &r);
	free(r.v);
	return failed == 0 && r.has_default;
}

int
net_routes(struct net *n, struct cidr **out, int *count)
{
	struct routes r = {0};
	if (list_routes(n, AF_UNSPEC, &r) < 0) {
		free(r.v);
		return err_sys("netlink", "routes", "cannot list routes");
	}
	*out = r.v;
	*count = r.n;
	return 0;
}
