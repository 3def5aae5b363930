/* SPDX-License-Identifier: MIT */
#include "mech/bridge.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/state.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int
bridge_check_name(const char *name)
{
	return parse_name("bridge name", name, IFNAMSIZ - 1);
}

void
bridge_alias(const struct bridge *b, char out[256])
{
	char v4[CIDR_TEXT] = "", v6[CIDR_TEXT] = "";
	if (b->v4.ip.family)
		cidr_text(&b->v4, v4);
	if (b->v6.ip.family)
		cidr_text(&b->v6, v6);
	snprintf(out, 256, MARK ":%s,%s,%s,%s", v4, v6, b->internal ? "internal" : "",
		b->isolate	    ? "isolated"
			: b->no_icc ? "no-icc"
				    : "");
}

/* One comma-separated part of the alias; empty when it is not there. */
static const char *
next_part(const char *p, char *out, size_t size)
{
	size_t n = strcspn(p, ",");
	snprintf(out, size, "%.*s", (int)n, p);
	return p + n + (p[n] == ',');
}

static int
read_alias(const char *alias, struct bridge *b)
{
	char part[CIDR_TEXT];
	if (strncmp(alias, MARK ":", strlen(MARK) + 1) != 0)
		return -1;
	const char *p = next_part(alias + strlen(MARK) + 1, part, sizeof(part));
	if (*part && cidr_parse(part, &b->v4) < 0)
		return -1;
	p = next_part(p, part, sizeof(part));
	if (*part && cidr_parse(part, &b->v6) < 0)
		return -1;
	p = next_part(p, part, sizeof(part));
	b->internal = strcmp(part, "internal") == 0;
	next_part(p, part, sizeof(part));
	b->isolate = strcmp(part, "isolated") == 0;
	b->no_icc = b->isolate || strcmp(part, "no-icc") == 0;
	return 0;
}

int
bridge_find(struct net *n, const char *name, struct bridge *out)
{
	struct net_link_info info;
	*out = (struct bridge){0};
	if (bridge_check_name(name) < 0)
		return -1;
	if (net_link_get(n, name, &info) < 0) {
		err_prefix("bridge %s", name);
		return err_hint("make it first: br-setup %s", name);
	}
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->index = info.index;
	out->mtu = info.mtu;
	if (strcmp(info.kind, "bridge") != 0 || read_alias(info.alias, out) < 0) {
		err_set(ERR_INVALID, name, "link %s is no bridge made by br-setup", name);
		return err_hint("br-setup NAME makes one");
	}
	return 0;
}

int
bridge_check_subnet(struct net *n, const struct cidr *c)
{
	auto_free struct cidr *routes = NULL;
	int count = 0;
	char mine[CIDR_TEXT], theirs[CIDR_TEXT];
	if (net_routes(n, &routes, &count) < 0)
		return -1;
	for (int i = 0; i < count; i++) {
		if (!cidr_overlaps(&routes[i], c))
			continue;
		struct cidr net = cidr_network(c);
		err_set(ERR_CONFLICT, cidr_text(&net, mine),
			"subnet %s overlaps %s, which is in use here", mine,
			cidr_text(&routes[i], theirs));
		return err_hint("choose another with --subnet, or none for the next free one");
	}
	return 0;
}

int
bridge_choose_subnet(struct net *n, struct cidr *out)
{
	auto_free struct cidr *routes = NULL;
	int count = 0;
	if (net_routes(n, &routes, &count) < 0)
		return -1;
	for (unsigned third = 0; third < 256; third++) {
		struct cidr c = {.ip = {AF_INET, {10, 88, (uint8_t)third, 0}}, .prefix = 24};
		bool taken = false;
		for (int i = 0; i < count && !taken; i++)
			taken = cidr_overlaps(&routes[i], &c);
		if (!taken) {
			*out = c;
			return 0;
		}
	}
	err_set(ERR_NO_SPACE, "10.88.0.0/16", "no subnet is free in 10.88.0.0/16");
	return err_hint("choose one with --subnet");
}

void
bridge_mac(const struct ipaddr *ip, uint8_t mac[6])
{
	mac[0] = 0x02;
	mac[1] = 0x42;
	memcpy(mac + 2, ip->b + ipaddr_size(ip) - 4, 4);
}

void
bridge_v6_of(const struct bridge *b, const struct ipaddr *v4, struct cidr *out)
{
	uint64_t host = 0;
	for (int i = 0; i < 4; i++)
		host = host << 8 | v4->b[i];
	host &= ((uint64_t)1 << (32 - b->v4.prefix)) - 1;
	*out = b->v6;
	cidr_host(&b->v6, host, &out->ip);
}

void
bridge_table(const char *name, struct buf *out)
{
	buf_addf(out, MARK "-%s", name);
}

/* Destination NAT for what is addressed to this host on a published port. */
static void
add_dnat(struct buf *out, const char *ip, char version)
{
	buf_addf(out,
		"\t\tfib daddr type local dnat %s to %s daddr . meta l4proto . th dport map @published_at%c\n"
		"\t\tfib daddr type local dnat %s to meta l4proto . th dport map @published%c\n",
		ip, ip, version, ip, version);
}

static void
add_maps(struct buf *out, char version)
{
	buf_addf(out,
		"\tmap published_at%c { type ipv%c_addr . inet_proto . inet_service : ipv%c_addr . inet_service; }\n"
		"\tmap published%c { type inet_proto . inet_service : ipv%c_addr . inet_service; }\n",
		version, version, version, version, version);
}

/* Source NAT: out into the world under the host's address (masquerade), and back to a published
 * port from its own subnet (hairpin: the answer must come back through us, or nobody would undo the
 * NAT). */
static void
add_snat(struct buf *out, const struct bridge *b, const struct cidr *c, const char *ip)
{
	char net[CIDR_TEXT];
	struct cidr n = cidr_network(c);
	cidr_text(&n, net);
	if (!b->internal)
		buf_addf(out, "\t\t%s saddr %s oifname != \"%s\" masquerade\n", ip, net, b->name);
	buf_addf(out, "\t\t%s saddr %s oifname \"%s\" ct status dnat masquerade\n", ip, net,
		b->name);
}

static void
add_forward(struct buf *out, const struct bridge *b)
{
	buf_adds(out, "\tchain forward {\n\t\ttype filter hook forward priority 0;\n");
	if (b->internal)
		buf_addf(out,
			"\t\tiifname \"%s\" oifname != \"%s\" drop\n\t\toifname \"%s\" iifname != \"%s\" drop\n",
			b->name, b->name, b->name, b->name);
	/* Networks do not reach each other: what comes out of another bridge gets no further than
	 * published ports (as moby has it, libnetwork/drivers/bridge). What belongs to no
	 * connection, such as an answer that nobody asked for, is neither new nor translated. */
	buf_addf(out,
		"\t\tmeta iifkind \"bridge\" iifname != \"%s\" oifname \"%s\" ct state invalid,untracked drop\n",
		b->name, b->name);
	buf_addf(out,
		"\t\tmeta iifkind \"bridge\" iifname != \"%s\" oifname \"%s\" ct state new ct status & dnat == 0 drop\n",
		b->name, b->name);
	/* From port to port, and round by the gateway. Published ports stay reachable. */
	if (b->no_icc)
		for (int i = 0; i < 2; i++)
			buf_addf(out, "\t\tiifname \"%s\" oifname \"%s\" ct state %s drop\n",
				b->name, b->name, i ? "new ct status & dnat == 0" : "invalid");
	buf_adds(out, "\t}\n");
}

void
bridge_rules(const struct bridge *b, struct buf *out)
{
	bool v6 = b->v6.ip.family;
	buf_adds(out, "create table inet ");
	bridge_table(b->name, out);
	buf_adds(out, "\ntable inet ");
	bridge_table(b->name, out);
	buf_adds(out, " {\n");
	add_maps(out, '4');
	if (v6)
		add_maps(out, '6');
	/* Before anything else looks at it: 127/8 is this host's alone, however route_localnet is
	 * set and whatever is published on 127.0.0.1 (CVE-2020-8558). */
	buf_adds(out,
		"\tchain guard {\n\t\ttype filter hook prerouting priority -300;\n"
		"\t\tiifname != \"lo\" ip daddr 127.0.0.0/8 drop\n\t}\n");
	buf_adds(out, "\tchain arriving {\n\t\ttype nat hook prerouting priority -100;\n");
	add_dnat(out, "ip", '4');
	if (v6)
		add_dnat(out, "ip6", '6');
	/* [::1] has no way out over a bridge (no route_localnet for IPv6): left alone, it is
	 * refused at once. */
	buf_adds(out,
		"\t}\n\tchain local {\n\t\ttype nat hook output priority -100;\n"
		"\t\tip6 daddr ::1 return\n");
	add_dnat(out, "ip", '4');
	if (v6)
		add_dnat(out, "ip6", '6');
	/* What the host asks at the gateway's own address does not leave it. */
	buf_adds(out,
		"\t}\n\tchain leaving {\n\t\ttype nat hook postrouting priority 100;\n"
		"\t\toifname \"lo\" return\n");
	add_snat(out, b, &b->v4, "ip");
	if (v6)
		add_snat(out, b, &b->v6, "ip6");
	buf_addf(out, "\t\tip saddr 127.0.0.0/8 oifname \"%s\" masquerade\n\t}\n", b->name);
	add_forward(out, b);
	buf_adds(out, "}\n");
}
