/* SPDX-License-Identifier: MIT
 * Sockets of the host's network, for those who cannot reach it any more.
 */
#include "keep.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
address(const char *ip, unsigned port, struct sockaddr_in6 *at, socklen_t *size)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)at;
	*at = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	*size = sizeof(*at);
	/* Nobody's address in the newer form takes what comes in the older one, too. */
	if (strcmp(ip, "*") == 0 || inet_pton(AF_INET6, ip, &at->sin6_addr) == 1)
		return 0;
	*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	*size = sizeof(*v4);
	return inet_pton(AF_INET, ip, &v4->sin_addr) == 1 ? 0 : -1;
}

/* Where the host has no IPv6. */
static int
open_socket(struct sockaddr_in6 *at, socklen_t *size, bool both, int type)
{
	int fd = socket(at->sin6_family, type | SOCK_CLOEXEC, 0);
	if (fd >= 0 || !both)
		return fd;
	in_port_t port = at->sin6_port;
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)at;
	*v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
	*size = sizeof(*v4);
	return socket(AF_INET, type | SOCK_CLOEXEC, 0);
}

int
keep_bind(const char *what, int *fd)
{
	char kind[8], ip[64];
	unsigned port;
	struct sockaddr_in6 at;
	socklen_t size;
	const int yes = 1, no = 0;
	if (sscanf(what, "%7s %63s %u", kind, ip, &port) != 3 || port > UINT16_MAX ||
		address(ip, port, &at, &size) < 0)
		return err_set(ERR_INVALID, what, "cannot bind %s: no address", what);
	bool udp = strcmp(kind, "udp") == 0, both = strcmp(ip, "*") == 0;
	auto_fd int sock = open_socket(&at, &size, both, udp ? SOCK_DGRAM : SOCK_STREAM);
	if (sock < 0)
		return err_sys("socket", what, "cannot make a socket for port %u", port);
	/* What has ended keeps its port for a minute otherwise (tcp(7)). */
	if (!udp)
		setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (at.sin6_family == AF_INET6)
		setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, both ? &no : &yes, sizeof(no));
	if (bind(sock, (struct sockaddr *)&at, size) < 0 || (!udp && listen(sock, 128) < 0)) {
		err_sys("bind", what, "cannot publish port %u/%s", port, kind);
		if (err.no == EACCES)
			return err_hint("ports below that of /proc/sys/net/ipv4/"
					"ip_unprivileged_port_start are root's");
		return err.no == EADDRINUSE ? err_hint("port is already allocated") : -1;
	}
	*fd = take_fd(&sock);
	return 0;
}
