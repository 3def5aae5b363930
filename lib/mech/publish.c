/* SPDX-License-Identifier: MIT */
#include "mech/publish.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"

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
		"'%s' is not a port to publish (such as 8080:80 or 127.0.0.1:8080:80/udp)", s);
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
	return parse_port(host ? host : text, 0, &out->hport) < 0 ||
			parse_port(container, 1, &out->cport) < 0
		? -1
		: 0;
}

const char *
publish_where(const struct publish *p)
{
	static char where[PUBLISH_TEXT];
	char ip[IPADDR_TEXT];
	bool v6 = p->at.family == AF_INET6;
	snprintf(where, sizeof(where), "%s%s%s:%u", v6 ? "[" : "",
		p->at.family ? ipaddr_text(&p->at, ip) : "0.0.0.0", v6 ? "]" : "", p->hport);
	return where;
}

const char *
publish_text(const struct publish *p, char out[PUBLISH_TEXT])
{
	snprintf(out, PUBLISH_TEXT, "%s:%u/%s", publish_where(p), p->cport, p->udp ? "udp" : "tcp");
	return out;
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

int
publish_claim(struct publish *p)
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

static void
add_element(const struct publish *p, const char *table, const struct ipaddr *to, bool add,
	struct buf *out)
{
	char ip[IPADDR_TEXT];
	const char *proto = p->udp ? "udp" : "tcp";
	char version = to->family == AF_INET6 ? '6' : '4';
	buf_addf(out, "%s element inet %s published%s%c { ", add ? "create" : "delete", table,
		p->at.family ? "_at" : "", version);
	if (p->at.family)
		buf_addf(out, "%s . ", ipaddr_text(&p->at, ip));
	buf_addf(out, "%s . %u", proto, p->hport);
	if (add)
		buf_addf(out, " : %s . %u", ipaddr_text(to, ip), p->cport);
	buf_adds(out, " }\n");
}

void
publish_script(const struct publish *p, const struct bridge *b, const struct lease *l, bool add,
	struct buf *out)
{
	auto_buf struct buf table = BUF_INIT;
	bridge_table(b->name, &table);
	if (p->at.family != AF_INET6)
		add_element(p, table.s, &l->ip, add, out);
	if (p->at.family != AF_INET && b->v6.ip.family) {
		struct cidr v6;
		bridge_v6_of(b, &l->ip, &v6);
		add_element(p, table.s, &v6.ip, add, out);
	}
}
