/* SPDX-License-Identifier: MIT */
#include "base/auto.h"
#include "base/err.h"
#include "door/socket.h"
#include "door/step.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket's name has room for 107 bytes; a directory's descriptor makes any path short. */
static int
address(const char *path, struct sockaddr_un *at, int *dir)
{
	char parent[PATH_MAX];
	snprintf(parent, sizeof(parent), "%s", path);
	char *slash = strrchr(parent, '/');
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (slash)
		*slash = '\0';
	*dir = open(slash && *parent ? parent
			: slash	     ? "/"
				     : ".",
		O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return -1;
	int n = snprintf(at->sun_path, sizeof(at->sun_path), "/proc/self/fd/%d/%s", *dir,
		slash ? slash + 1 : path);
	if (n < (int)sizeof(at->sun_path))
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* What a program that was killed has left. */
static int
clear(const char *path, const struct sockaddr_un *at)
{
	struct stat sb;
	if (lstat(path, &sb) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(sb.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN) {
		errno = EADDRINUSE;
		return -1;
	}
	return errno == ECONNREFUSED ? unlink(path) : -1;
}

static int
listen_unix(const struct sys_socket *s, int *fd)
{
	struct sockaddr_un at;
	auto_fd int dir = -1;
	auto_fd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || address(s->path, &at, &dir) < 0 || clear(s->path, &at) < 0)
		return -1;
	/* The socket's file gets its mode from the descriptor before bind(2) makes it, less the
	 * umask; group and mode are right before anybody can connect, for nobody listens yet. */
	if (fchmod(sock, 0600) < 0 || bind(sock, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		(s->gid != (gid_t)-1 && lchown(s->path, (uid_t)-1, s->gid) < 0) ||
		chmod(s->path, s->mode) < 0 || listen(sock, s->backlog) < 0)
		return -1;
	*fd = take_fd(&sock);
	return 0;
}

int
sys_listen_unix(const char *why, const struct sys_socket *s, int *fd)
{
	struct step st;
	*fd = -1;
	if (step_open(&st, "bind", why))
		step_result(&st, listen_unix(s, fd));
	if (step_told(&st)) {
		step_call(&st, "bind(AF_UNIX, %s), mode %03o", tell_c(s->path), s->mode);
		step_shell(&st, ": # a socket at %s", tell_sh(s->path));
	}
	if (step_close(&st) < 0)
		return err_sys("bind", s->path, "cannot listen at %s", s->path);
	return 0;
}

static int
listen_tcp(const struct sockaddr *at, socklen_t len, int backlog, int *fd)
{
	int on = 1;
	auto_fd int sock = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(sock, at, len) < 0 || listen(sock, backlog) < 0)
		return -1;
	*fd = take_fd(&sock);
	return 0;
}

int
sys_listen_tcp(const char *why, const char *name, const struct sockaddr *at, socklen_t len,
	int backlog, int *fd)
{
	struct step st;
	*fd = -1;
	if (step_open(&st, "bind", why))
		step_result(&st, listen_tcp(at, len, backlog, fd));
	if (step_told(&st)) {
		step_call(&st, "bind(AF_INET, %s)", tell_c(name));
		step_shell(&st, ": # a socket at %s", tell_sh(name));
	}
	if (step_close(&st) < 0)
		return err_sys("bind", name, "cannot listen at %s", name);
	return 0;
}
