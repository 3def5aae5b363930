/* SPDX-License-Identifier: MIT
 * Published ports of an ordinary user's box: sockets of the host's network, which rootless-keep
 * gives, and br-relay, which hands on what comes to them.
 */
#include "start.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/channel.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/step.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* "8000-8010" means any free one of them, and 0 whatever the kernel chooses. */
static int
bind_port(const char *kind, const char *ip, const char *port, int *fd)
{
	char *rest;
	unsigned long at = strtoul(port, &rest, 10);
	unsigned long last = *rest == '-' ? strtoul(rest + 1, NULL, 10) : at;
	char what[128];
	do {
		snprintf(what, sizeof(what), "bind %s %s %lu", kind, ip, at);
		if (rootless_ask(what, fd) == 0)
			return 0;
	} while (err.no == EADDRINUSE && at++ < last);
	return -1;
}

int
start_publish(struct start *s, const char *address, const char *key, const char *ip,
	const char *port, char got[16])
{
	struct sockaddr_in6 at = {0};
	socklen_t size = sizeof(at);
	bool udp = strstr(key, "/udp") != NULL;
	int fd = -1;
	snprintf(got, 16, "%s", port);
	if (step_dry())
		return 0;
	if (bind_port(udp ? "udp" : "tcp", *ip && strcmp(ip, "0.0.0.0") != 0 ? ip : "*", port,
		    &fd) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return err_prefix("driver failed programming external connectivity");
	/* The port stands at the same place in both kinds of address. */
	snprintf(got, 16, "%u", ntohs(at.sin6_port));
	fcntl(fd, F_SETFD, 0);
	strlist_add(&s->relay, fmt_new("%d=%s:%lu", fd, address, strtoul(key, NULL, 10)));
	return 0;
}

/* It ends when box-mon does, whatever comes: nobody else has the other end of the pipe. */
int
start_relay(struct start *s)
{
	int ends[2];
	struct strlist l = {0};
	if (!s->relay.n)
		return 0;
	if (pipe_pair(ends) < 0)
		return -1;
	strlist_add(&l, "br-relay");
	strlist_add(&l, "--until");
	strlist_add(&l, fmt_new("%d", ends[0]));
	for (size_t i = 0; i < s->relay.n; i++)
		strlist_add(&l, s->relay.v[i]);
	strlist_add(&l, NULL);
	fcntl(ends[0], F_SETFD, 0);
	const struct run r = {.argv = (char **)(uintptr_t)l.v,
		.fd = {-1, -1, -1},
		.status_fd = -1,
		.session = true};
	pid_t pid = run_start("what comes to the published ports is handed on", &r);
	close(ends[0]);
	for (size_t i = 0; i < s->relay.n; i++)
		close(atoi(s->relay.v[i]));
	fcntl(ends[1], F_SETFD, 0);
	strlist_add(&s->hold, fmt_new("%d", ends[1]));
	return pid < 0 ? -1 : 0;
}
