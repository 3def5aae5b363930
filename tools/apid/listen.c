/* SPDX-License-Identifier: MIT */
#include "listen.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/socket.h"
#include "door/state.h"
#include "door/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

int
listen_default(char text[4200])
{
	char run[PATH_MAX];
	if (state_keep_run("the place of the socket", 0755, run) < 0)
		return -1;
	snprintf(text, 4200, "unix://%s/apid.sock", run);
	return 0;
}

/* ---- unix sockets ---- */

static int
mode_of(const struct where *w, mode_t *mode)
{
	char *end;
	unsigned long n = w->mode ? strtoul(w->mode, &end, 8) : 0660;
	if (w->mode && (!*w->mode || *end || n > 0777))
		return err_set(ERR_INVALID, w->mode, "%s is no mode, such as 0660", w->mode);
	*mode = (mode_t)n;
	return 0;
}

static int
group_of(const struct where *w, gid_t *gid)
{
	int64_t n;
	*gid = (gid_t)-1;
	if (!w->group)
		return 0;
	struct group *g = getgrnam(w->group);
	if (g)
		*gid = g->gr_gid;
	else if (is_digits(w->group) && parse_int(w->group, 0, UINT32_MAX - 1, &n) == 0)
		*gid = (gid_t)n;
	else
		return err_set(ERR_NOT_FOUND, w->group, "there is no group %s", w->group);
	return 0;
}

static int
listen_unix(const char *path, const struct where *w, struct listener *l)
{
	mode_t mode = 0;
	gid_t gid;
	char dir[PATH_MAX];
	if (mode_of(w, &mode) < 0 || group_of(w, &gid) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%s", path);
	char *slash = strrchr(dir, '/');
	if (*path != '/' || !slash[1])
		return err_set(ERR_INVALID, path, "%s is not an absolute path", path);
	*slash = '\0';
	if (*dir && sys_keep_dir("the place of the socket", dir, 0755) < 0)
		return -1;
	const struct sys_socket s = {.path = path, .mode = mode, .gid = gid, .backlog = BACKLOG};
	if (sys_listen_unix("requests come in here", &s, &l->fd) < 0)
		return -1;
	snprintf(l->name, sizeof(l->name), "%s", path);
	return 0;
}

/* ---- tcp ---- */

static int
listen_tcp(const char *text, struct listener *l)
{
	char host[256], *port;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list;
	snprintf(host, sizeof(host), "%s", text);
	host[strcspn(host, "/")] = '\0';
	port = strrchr(host, ':');
	if (!port || !port[1] || strchr(port, ']'))
		return err_set(ERR_INVALID, text, "%s is not HOST:PORT", text);
	*port++ = '\0';
	char *name = host + (*host == '[');
	name[strcspn(name, "]")] = '\0';
	int no = getaddrinfo(*name ? name : NULL, port, &hints, &list);
	if (no)
		return err_set(
			ERR_INVALID, text, "cannot listen at %s: %s", text, gai_strerror(no));
	int r = sys_listen_tcp(
		"requests come in here", text, list->ai_addr, list->ai_addrlen, BACKLOG, &l->fd);
	freeaddrinfo(list);
	l->tcp = true;
	snprintf(l->name, sizeof(l->name), "%s", text);
	return r;
}

/* ---- systemd ---- */

/* sd_listen_fds(3): LISTEN_FDS of them, from 3 on, if LISTEN_PID is us. */
static int
take_given(struct listener *l, unsigned *n)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t who = 0, count = 0;
	if (!pid || !fds || parse_int(pid, 1, INT_MAX, &who) < 0 || who != getpid() ||
		parse_int(fds, 1, LISTEN_MAX, &count) < 0)
		return err_set(ERR_INVALID, "fd://", "no sockets were handed over (LISTEN_FDS)");
	for (int fd = 3; fd < 3 + count && *n < LISTEN_MAX; fd++) {
		struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
		socklen_t len = sizeof(at);
		if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
			return err_sys("getsockname", "fd://", "cannot use descriptor %d", fd);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		l[*n] = (struct listener){.fd = fd, .tcp = at.ss_family != AF_UNIX};
		snprintf(l[*n].name, sizeof(l[*n].name), "localhost");
		++*n;
	}
	return 0;
}

int
listen_at(const char *host, const struct where *w, struct listener *l, unsigned *n)
{
	int r;
	if (*n == LISTEN_MAX)
		return err_set(ERR_INVALID, host, "more than %d places", LISTEN_MAX);
	struct listener *one = &l[*n];
	*one = (struct listener){.fd = -1};
	if (strncmp(host, "fd://", 5) == 0)
		return take_given(l, n);
	if (strncmp(host, "unix://", 7) == 0)
		r = listen_unix(host + 7, w, one);
	else if (strncmp(host, "tcp://", 6) == 0)
		r = listen_tcp(host + 6, one);
	else
		r = err_set(ERR_INVALID, host, "%s is none of unix:///PATH, tcp://HOST:PORT, fd://",
			host);
	*n += r == 0;
	return r;
}

void
listen_end(const struct listener *l)
{
	if (!l->tcp && l->name[0] == '/')
		sys_unlink("nobody listens there any more", l->name);
}
