/* SPDX-License-Identifier: MIT
 * The door, as sys.h: sockets that others connect to.
 */
#ifndef TACKLE_SOCKET_H
#define TACKLE_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>

struct sys_socket {
	const char *path;
	mode_t mode;
	gid_t gid; /* (gid_t)-1: as it comes */
	int backlog;
};
/* socket(2), bind(2), listen(2) of a unix socket with that mode and group; nobody can connect
 * before it has them. A socket that is there and that nobody listens at is replaced; conflict (in
 * use) when somebody does, or when it is no socket. *fd is the caller's, close-on-exec. */
int sys_listen_unix(const char *why, const struct sys_socket *s, int *fd);
/* The same of a TCP socket; `name` is the address for people. */
int sys_listen_tcp(const char *why, const char *name, const struct sockaddr *at, socklen_t len,
	int backlog, int *fd);

#endif
