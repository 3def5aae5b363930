/* SPDX-License-Identifier: MIT */
#include "base/cidr.h"

#include "base/err.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int
ipaddr_size(const struct ipaddr *ip)
{
	return ip->family == AF_INET6 ? 16 : 4;
}

int
ipaddr_parse(const char *s, struct ipaddr *out)
{
	*out = (struct ipaddr){.family = strchr(s, ':') ? AF_INET6 : AF_INET};
	if (inet_pton(out->family, s, out->b) == 1)
		return 0;
	return err_set(ERR_INVALID, s, "'%s' is not an IP address", s);
}

int
cidr_parse(const char *s, struct cidr *out)
{
	char ip[IPADDR_TEXT];
	const char *slash = strchr(s, '/');
	int64_t prefix;
	if (!slash || (size_t)(slash - s) >= sizeof(ip))
		return err_set(ERR_INVALID, s, "'%s' is not a subnet (such as 10.1.0.0/24)", s);
	memcpy(ip, s, (size_t)(slash - s));
	ip[slash - s] = '\0';
	if (ipaddr_parse(ip, &out->ip) < 0)
		return err_set(ERR_INVALID, s, "'%s' is not a subnet (such as 10.1.0.0/24)", s);
	/* A gateway and one host are the least a bridge is good for. */
	if (parse_int(slash + 1, 1, ipaddr_size(&out->ip) * 8 - 2, &prefix) < 0)
		return err_prefix("subnet %s", s);
	out->prefix = (int)prefix;
	return 0;
}

const char *
ipaddr_text(const struct ipaddr *ip, char out[IPADDR_TEXT])
{
	if (!inet_ntop(ip->family, ip->b, out, IPADDR_TEXT))
		out[0] = '\0';
	return out;
}

const char *
cidr_text(const struct cidr *c, char out[CIDR_TEXT])
{
	char ip[IPADDR_TEXT];
	snprintf(out, CIDR_TEXT, "%s/%d", ipaddr_text(&c->ip, ip), c->prefix);
	return out;
}

bool
ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, (size_t)ipaddr_size(a)) == 0;
}

/* The bits of byte i that belong to the network when the prefix has this length. */
static uint8_t
net_bits(int prefix, int i)
{
	int bits = prefix - i * 8;
	return bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits));
}

struct cidr
cidr_network(const struct cidr *c)
{
	struct cidr net = *c;
	for (int i = 0; i < ipaddr_size(&c->ip); i++)
		net.ip.b[i] &= net_bits(c->prefix, i);
	return net;
}

bool
cidr_is_network(const struct cidr *c)
{
	struct cidr net = cidr_network(c);
	return ipaddr_equal(&net.ip, &c->ip);
}

bool
cidr_contains(const struct cidr *net, const struct ipaddr *ip)
{
	if (net->ip.family != ip->family)
		return false;
	for (int i = 0; i < ipaddr_size(ip); i++)
		if ((net->ip.b[i] ^ ip->b[i]) & net_bits(net->prefix, i))
			return false;
	return true;
}

bool
cidr_overlaps(const struct cidr *a, const struct cidr *b)
{
	return a->prefix < b->prefix ? cidr_contains(a, &b->ip) : cidr_contains(b, &a->ip);
}

bool
cidr_host(const struct cidr *c, uint64_t n, struct ipaddr *out)
{
	struct cidr net = cidr_network(c);
	int size = ipaddr_size(&net.ip), host_bits = size * 8 - net.prefix;
	if (host_bits < 64 && n >= (uint64_t)1 << host_bits)
		return false;
	/* Only IPv4 has a broadcast address; in IPv6 the last address is a host as any other. */
	if (net.ip.family == AF_INET && n == ((uint64_t)1 << host_bits) - 1)
		return false;
	*out = net.ip;
	for (int i = size - 1; i >= 0 && n; i--, n >>= 8)
		out->b[i] |= (uint8_t)n;
	return true;
}
