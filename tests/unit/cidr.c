/* SPDX-License-Identifier: MIT
 * Addresses and subnets: their text, their bits, and the hosts in them.
 */
#include "base/cidr.h"

#include "base/err.h"
#include "unit.h"

static void
subnets(void)
{
	static const struct {
		const char *text, *want, *network;
	} rows[] = {
		{"10.1.0.0/24", "10.1.0.0/24", "10.1.0.0/24"},
		{"10.1.0.254/24", "10.1.0.254/24", "10.1.0.0/24"},
		{"10.1.2.3/8", "10.1.2.3/8", "10.0.0.0/8"},
		{"10.1.2.3/30", "10.1.2.3/30", "10.1.2.0/30"},
		{"128.0.0.1/1", "128.0.0.1/1", "128.0.0.0/1"},
		{"fd00::1:2/64", "fd00::1:2/64", "fd00::/64"},
		{"FD00:0:0::9/126", "fd00::9/126", "fd00::8/126"},
		{"10.1.0.0", NULL, NULL},
		{"10.1.0.0/", NULL, NULL},
		{"10.1.0.0/0", NULL, NULL},
		{"10.1.0.0/31", NULL, NULL},
		{"10.1.0.0/33", NULL, NULL},
		{"10.1.0.0/-1", NULL, NULL},
		{"10.1.0.0/24x", NULL, NULL},
		{"10.1.0.0/2 4", NULL, NULL},
		{"10.1.0/24", NULL, NULL},
		{"10.1.0.256/24", NULL, NULL},
		{"10.1.0.0.0/24", NULL, NULL},
		{"010.1.0.0/24", NULL, NULL},
		{"fd00::/127", NULL, NULL},
		{"fd00::/129", NULL, NULL},
		{"fd00:::/64", NULL, NULL},
		{"x/24", NULL, NULL},
		{"/24", NULL, NULL},
		{"", NULL, NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64", NULL, NULL},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct cidr c;
		char text[CIDR_TEXT];
		int r = cidr_parse(rows[i].text, &c);
		CHECK((r == 0) == (rows[i].want != NULL), "'%s': %d %s", rows[i].text, r,
			err.message);
		if (r < 0) {
			CHECK(err.class == ERR_INVALID && strstr(err.message, rows[i].text),
				"'%s': %s", rows[i].text, err.message);
			continue;
		}
		if (!rows[i].want)
			continue;
		CHECK_STR(cidr_text(&c, text), rows[i].want);
		struct cidr net = cidr_network(&c);
		CHECK_STR(cidr_text(&net, text), rows[i].network);
		CHECK(cidr_is_network(&net), "%s", text);
		CHECK(cidr_is_network(&c) == (strcmp(rows[i].want, rows[i].network) == 0), "%s",
			rows[i].text);
		CHECK(cidr_contains(&net, &c.ip), "%s", rows[i].text);
	}
}

static void
hosts(void)
{
	static const struct {
		const char *net;
		uint64_t n;
		const char *want;
	} rows[] = {
		{"10.1.0.0/24", 0, "10.1.0.0"},
		{"10.1.0.0/24", 1, "10.1.0.1"},
		{"10.1.0.77/24", 1, "10.1.0.1"},
		{"10.1.0.0/24", 254, "10.1.0.254"},
		{"10.1.0.0/24", 255, NULL}, /* broadcast */
		{"10.1.0.0/24", 256, NULL},
		{"10.1.0.4/30", 2, "10.1.0.6"},
		{"10.1.0.4/30", 3, NULL},
		{"10.0.0.0/8", 65536, "10.1.0.0"},
		{"128.0.0.0/1", 0x7ffffffe, "255.255.255.254"},
		{"128.0.0.0/1", 0x7fffffff, NULL},
		{"128.0.0.0/1", 0x100000000, NULL},
		{"fd00::/126", 3, "fd00::3"}, /* IPv6 has no broadcast */
		{"fd00::/126", 4, NULL},
		{"fd00::/64", UINT64_MAX, "fd00::ffff:ffff:ffff:ffff"},
		{"fd00::/8", UINT64_MAX, "fd00::ffff:ffff:ffff:ffff"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct cidr c;
		struct ipaddr ip;
		char text[IPADDR_TEXT];
		CHECK(cidr_parse(rows[i].net, &c) == 0, "%s", err.message);
		bool there = cidr_host(&c, rows[i].n, &ip);
		CHECK(there == (rows[i].want != NULL), "host %llu of %s",
			(unsigned long long)rows[i].n, rows[i].net);
		if (there && rows[i].want)
			CHECK_STR(ipaddr_text(&ip, text), rows[i].want);
	}
}

static void
overlaps(void)
{
	static const struct {
		const char *a, *b;
		bool want;
	} rows[] = {
		{"10.1.0.0/24", "10.1.0.0/24", true},
		{"10.1.0.0/24", "10.1.1.0/24", false},
		{"10.1.0.0/16", "10.1.200.0/24", true},
		{"10.0.0.0/8", "11.0.0.0/8", false},
		{"0.0.0.0/1", "127.0.0.0/8", true},
		{"0.0.0.0/1", "128.0.0.0/8", false},
		{"10.1.0.0/24", "fd00::/64", false},
		{"fd00::/64", "fd00::1:0/112", true},
		{"fd00::/64", "fd00:0:0:1::/64", false},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct cidr a, b;
		CHECK(cidr_parse(rows[i].a, &a) == 0 && cidr_parse(rows[i].b, &b) == 0, "%s",
			err.message);
		CHECK(cidr_overlaps(&a, &b) == rows[i].want, "%s and %s", rows[i].a, rows[i].b);
		CHECK(cidr_overlaps(&b, &a) == rows[i].want, "%s and %s", rows[i].b, rows[i].a);
	}
}

int
main(void)
{
	RUN(subnets);
	RUN(hosts);
	RUN(overlaps);
	return unit_end();
}
