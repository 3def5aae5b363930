/* SPDX-License-Identifier: MIT */
#include "mech/publish.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int
bad(const char *s)
{
	return err_set(ERR_INVALID, s,
		"'%s' is not a port to publish (such as 8080:80, 127.0.0.1:8080:80/udp or 8000-8010:80-90)",
		s);
}

static int
parse_port(const char *s, int64_t min, uint16_t *out)
{
	int64_t n;
	if (parse_int(s, min, 65535, &n) < 0)
		return err_prefix("port");
	*out = (uint16_t)n;
	return 0;
}

/* "8080" or "8000-8010": the first, and how many follow. */
static int
parse_range(char *s, int64_t min, uint16_t *first, uint16_t *more)
{
	uint16_t last = 0;
	char *dash = strchr(s, '-');
	if (dash)
		*dash++ = '\0';
	if (parse_port(s, dash ? 1 : min, first) < 0 || parse_port(dash ? dash : s, min, &last) < 0)
		return -1;
	if (last < *first)
		return err_set(ERR_INVALID, s, "port range %s-%s ends before it begins", s, dash);
	*more = (uint16_t)(last - *first);
	return 0;
}

/* Cuts "/tcp" or "/udp" off. */
static int
take_protocol(char *text, bool *udp)
{
	char *slash = strrchr(text, '/');
	*udp = slash && strcmp(slash, "/udp") == 0;
	if (slash && !*udp && strcmp(slash, "/tcp") != 0)
		return -1;
	if (slash)
		*slash = '\0';
	return 0;
}

static int
take_address(char *text, struct publish *out)
{
	size_t n = strlen(text);
	if (n > 1 && text[0] == '[' && text[n - 1] == ']') {
		text[n - 1] = '\0';
		text++;
	}
	if (ipaddr_parse(text, &out->at) < 0)
		return -1;
	struct ipaddr any = {.family = out->at.family};
	if (ipaddr_equal(&out->at, &any) && any.family == AF_INET)
		out->at.family = 0;
	if (out->at.family == AF_INET6 && IN6_IS_ADDR_LOOPBACK((struct in6_addr *)out->at.b)) {
		err_set(ERR_UNSUPPORTED, text,
			"cannot publish on [::1]: IPv6 has no route from it to a bridge");
		return err_hint("publish on 127.0.0.1, or on an address of a link");
	}
	return 0;
}

int
publish_parse(const char *s, struct publish *out)
{
	char text[128];
	*out = (struct publish){0};
	if (strlen(s) >= sizeof(text))
		return bad(s);
	memcpy(text, s, strlen(s) + 1);
	if (take_protocol(text, &out->udp) < 0)
		return bad(s);
	char *container = strrchr(text, ':');
	if (!container)
		return bad(s);
	*container++ = '\0';
	char *host = strrchr(text, ':');
	if (host) {
		*host++ = '\0';
		if (take_address(text, out) < 0)
			return err.class == ERR_UNSUPPORTED ? -1 : bad(s);
	}
	if (parse_range(host ? host : text, 0, &out->hport, &out->spare) < 0 ||
		parse_range(container, 1, &out->cport, &out->more) < 0)
		return -1;
	if (out->spare == out->more)
		out->spare = 0;
	else if (out->more)
		return err_set(ERR_INVALID, s,
			"'%s' leads from %d ports to %d: both must be as many, or the second one",
			s, out->spare + 1, out->more + 1);
	return 0;
}

/* "8080", or "8000-8010" where more ports follow. */
static const char *
range_text(uint16_t first, uint16_t more, char out[16])
{
	int n = snprintf(out, 16, "%u", first);
	if (more)
		snprintf(out + n, 16 - (size_t)n, "-%d", first + more);
	return out;
}

const char *
publish_where(const struct publish *p)
{
	static char where[PUBLISH_TEXT];
	char ip[IPADDR_TEXT], ports[16];
	bool v6 = p->at.family == AF_INET6;
	snprintf(where, sizeof(where), "%s%s%s:%s", v6 ? "[" : "",
		p->at.family ? ipaddr_text(&p->at, ip) : "0.0.0.0", v6 ? "]" : "",
		range_text(p->hport, p->spare ? p->spare : p->more, ports));
	return where;
}

const char *
publish_text(const struct publish *p, char out[PUBLISH_TEXT])
{
	char ports[16];
	snprintf(out, PUBLISH_TEXT, "%s:%s/%s", publish_where(p),
		range_text(p->cport, p->more, ports), p->udp ? "udp" : "tcp");
	return out;
}

bool
publish_meets(const struct publish *a, const struct publish *b)
{
	return a->udp == b->udp && ipaddr_equal(&a->at, &b->at) && a->hport <= b->hport + b->more &&
		b->hport <= a->hport + a->more;
}

static socklen_t
socket_address(const struct publish *p, struct sockaddr_storage *ss)
{
	*ss = (struct sockaddr_storage){0};
	if (p->at.family == AF_INET6) {
		struct sockaddr_in6 *a = (struct sockaddr_in6 *)ss;
		a->sin6_family = AF_INET6;
		a->sin6_port = htons(p->hport);
		memcpy(&a->sin6_addr, p->at.b, 16);
		return sizeof(*a);
	}
	struct sockaddr_in *a = (struct sockaddr_in *)ss;
	a->sin_family = AF_INET;
	a->sin_port = htons(p->hport);
	memcpy(&a->sin_addr, p->at.b, 4);
	return sizeof(*a);
}

/* One port. With 0 the kernel chooses. */
static int
claim_one(struct publish *p)
{
	struct sockaddr_storage ss;
	socklen_t len = socket_address(p, &ss);
	int one = 1;
	auto_fd int fd =
		socket(ss.ss_family, (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys("socket", NULL, "cannot make a socket");
	/* Connections of a former server that are still closing must not count as the port in use.
	 */
	if (!p->udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || (!p->udp && listen(fd, 1) < 0) ||
		getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return err_sys("bind", publish_where(p), "cannot publish %s", publish_where(p));
	p->hport = ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port
						  : ((struct sockaddr_in *)&ss)->sin_port);
	return 0;
}

static int
check_taken(const struct publish *p, const struct publish *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (publish_meets(p, &taken[i])) {
			struct publish one = *p;
			if (one.hport < taken[i].hport)
				one.hport = taken[i].hport;
			one.more = 0;
			return err_set(ERR_IN_USE, publish_where(&one),
				"port %s is published already", publish_where(&one));
		}
	return 0;
}

/* All ports of the range, none chosen: each must be free. */
static int
claim_each(const struct publish *p, const struct publish *taken, size_t n)
{
	if (check_taken(p, taken, n) < 0)
		return -1;
	for (unsigned i = 0; i <= p->more; i++) {
		struct publish one = *p;
		one.hport = (uint16_t)(p->hport + i);
		one.more = 0;
		if (claim_one(&one) < 0)
			return -1;
	}
	return 0;
}

int
publish_claim(struct publish *p, bool bound, const struct publish *taken, size_t n_taken)
{
	if (bound)
		return check_taken(p, taken, n_taken);
	if (p->hport == 0) {
		/* What the kernel chooses nobody listens on, but it may be published. */
		for (int tries = 0; tries < 100; tries++) {
			struct publish one = *p;
			if (claim_one(&one) < 0)
				return -1;
			if (check_taken(&one, taken, n_taken) == 0) {
				*p = one;
				return 0;
			}
		}
		return -1;
	}
	if (!p->spare)
		return claim_each(p, taken, n_taken);
	for (unsigned i = 0; i <= p->spare; i++) {
		struct publish one = *p;
		one.hport = (uint16_t)(p->hport + i);
		one.spare = 0;
		if (claim_each(&one, taken, n_taken) == 0) {
			*p = one;
			return 0;
		}
	}
	return err_set(ERR_IN_USE, publish_where(p), "cannot publish %s: none of them is free",
		publish_where(p));
}

static void
add_elements(const struct publish *p, const char *table, const struct ipaddr *to, const char *verb,
	struct buf *out)
{
	char ip[IPADDR_TEXT];
	char version = to->family == AF_INET6 ? '6' : '4';
	buf_addf(out, "%s element inet %s published%s%c {", verb, table, p->at.family ? "_at" : "",
		version);
	for (unsigned i = 0; i <= p->more; i++) {
		buf_adds(out, i ? ", " : " ");
		if (p->at.family)
			buf_addf(out, "%s . ", ipaddr_text(&p->at, ip));
		buf_addf(out, "%s . %u", p->udp ? "udp" : "tcp", p->hport + i);
		if (strcmp(verb, "delete") != 0)
			buf_addf(out, " : %s . %u", ipaddr_text(to, ip), p->cport + i);
	}
	buf_adds(out, " }\n");
}

static void
add_script(const struct publish *p, const struct bridge *b, const struct lease *l, const char *verb,
	struct buf *out)
{
	auto_buf struct buf table = BUF_INIT;
	bridge_table(b->name, &table);
	if (p->at.family != AF_INET6)
		add_elements(p, table.s, &l->ip, verb, out);
	if (p->at.family != AF_INET && b->v6.ip.family) {
		struct cidr v6;
		bridge_v6_of(b, &l->ip, &v6);
		add_elements(p, table.s, &v6.ip, verb, out);
	}
}

void
publish_script(const struct publish *p, const struct bridge *b, const struct lease *l,
	const char *verb, struct buf *out)
{
	/* What is not there cannot be deleted, and may be there in part. */
	if (strcmp(verb, "delete") == 0)
		add_script(p, b, l, "add", out);
	add_script(p, b, l, verb, out);
}

int
publish_drop(const struct lease *l)
{
	for (size_t i = 0; i < l->published.n; i++) {
		char *argv[] = {(char *)(uintptr_t) "br-publish", (char *)(uintptr_t) "--rm",
			(char *)(uintptr_t) "--bridge", (char *)(uintptr_t)l->bridge,
			(char *)(uintptr_t)l->netns, (char *)(uintptr_t)l->published.v[i], NULL};
		int status = run_wait("its published port", argv);
		if (status < 0)
			return -1;
		if (status != 0)
			return err_set(ERR_INTERNAL, l->published.v[i],
				"cannot take back published port %s", l->published.v[i]);
	}
	return 0;
}
