/* SPDX-License-Identifier: MIT
 * br-relay: hands on what comes to sockets that are open already.
 *
 * A socket stays in the network namespace that it was made in, whoever has it. One of the host's,
 * given to a process in the boxes' network, is a door between the two: that is how an ordinary user
 * publishes a port, for he may not change how the host leads packets. Who is behind sees the relay
 * as the one who calls.
 *
 *	br-relay --until 5 3=10.0.0.2:80 4=10.0.0.2:53
 */
#include "relay.h"

#include "base/err.h"
#include "base/parse.h"
#include "door/tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t until = -1;

static const struct opt options[] = {
	{0, "until", "FD", opt_int, &until, "end when the other end of this pipe is closed", false},
	OPT_END,
};

static const struct tool me = {
	.name = "br-relay",
	.kind = TOOL_SERVES,
	.usage = "[--until FD] FD=ADDRESS:PORT...",
	.summary = "Hands what comes to each socket FD on to ADDRESS:PORT.",
	.options = options,
	.example = "true | timeout 1 br-relay --until 0 1=127.0.0.1:80 2>/dev/null || :",
};

size_t
round_add(struct round *r, int fd, short events)
{
	if (r->n == r->size) {
		r->size = r->size ? 2 * r->size : 16;
		r->v = realloc(r->v, r->size * sizeof(*r->v));
		if (!r->v)
			abort();
	}
	r->v[r->n] = (struct pollfd){.fd = fd, .events = events};
	return r->n++;
}

static int
read_address(const char *text, struct port *p)
{
	char ip[64];
	int64_t number;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&p->to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&p->to;
	const char *colon = strrchr(text, ':');
	if (!colon || parse_int(colon + 1, 1, UINT16_MAX, &number) < 0)
		return -1;
	bool bracket = text[0] == '[';
	snprintf(ip, sizeof(ip), "%.*s", (int)(colon - text) - 2 * bracket, text + bracket);
	p->to.ss_family = bracket ? AF_INET6 : AF_INET;
	p->to_size = bracket ? sizeof(*v6) : sizeof(*v4);
	if (bracket)
		v6->sin6_port = htons((uint16_t)number);
	else
		v4->sin_port = htons((uint16_t)number);
	return inet_pton(p->to.ss_family, ip,
		       bracket ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) == 1
		? 0
		: -1;
}

static int
read_port(const char *word, struct port *p)
{
	char digits[16];
	int64_t fd;
	int type;
	socklen_t size = sizeof(type);
	size_t n = strcspn(word, "=");
	snprintf(digits, sizeof(digits), "%.*s", (int)n, word);
	*p = (struct port){0};
	if (!word[n] || parse_int(digits, 0, INT_MAX, &fd) < 0 || read_address(word + n + 1, p) < 0)
		return err_set(ERR_INVALID, word, "%s is not FD=ADDRESS:PORT", word);
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return err_sys("getsockopt", word, "cannot use descriptor %s", digits);
	p->fd = (int)fd;
	p->udp = type == SOCK_DGRAM;
	fcntl(p->fd, F_SETFD, FD_CLOEXEC);
	/* Who called may have gone by the time that we take him. */
	return fcntl(p->fd, F_SETFL, O_NONBLOCK);
}

static void
serve(const struct port *ports, size_t n)
{
	struct round r = {0};
	for (;;) {
		r.n = 0;
		round_add(&r, (int)until, 0);
		for (size_t i = 0; i < n; i++)
			round_add(&r, ports[i].fd, POLLIN);
		int patience = packets_expire();
		streams_wait(&r);
		packets_wait(&r);
		if (poll(r.v, r.n, patience) < 0 && errno != EINTR)
			break;
		if (r.v[0].revents)
			break;
		streams_go_on(&r);
		packets_go_on(&r);
		for (size_t i = 0; i < n; i++)
			if (r.v[1 + i].revents)
				ports[i].udp ? packets_take(&ports[i]) : streams_take(&ports[i]);
	}
	free(r.v);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (!a.n)
		tool_usage("no FD=ADDRESS:PORT given");
	struct port *ports = calloc((size_t)a.n, sizeof(*ports));
	if (!ports)
		abort();
	for (int i = 0; i < a.n; i++)
		if (read_port(a.operand[i], &ports[i]) < 0)
			tool_die();
	serve(ports, (size_t)a.n);
	free(ports);
	return tool_finish();
}
