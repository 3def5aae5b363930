/* SPDX-License-Identifier: MIT */
#include "door/channel.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static int
pair(int type, int ends[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys("socketpair", NULL, "cannot make a channel");
	return 0;
}

int
channel_pair(int ends[2])
{
	return pair(SOCK_SEQPACKET, ends);
}

int
stream_pair(int ends[2])
{
	return pair(SOCK_STREAM, ends);
}

int
pipe_pair(int ends[2])
{
	return pipe2(ends, O_CLOEXEC) < 0 ? err_sys("pipe2", NULL, "cannot make a pipe") : 0;
}

int
pipe_to_child(int *ours, int *theirs, bool we_write)
{
	int ends[2];
	if (pipe_pair(ends) < 0)
		return -1;
	*ours = ends[we_write];
	*theirs = ends[!we_write];
	fcntl(*ours, F_SETFL, O_NONBLOCK);
	return 0;
}

int
channel_send(int sock, const void *data, size_t n, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec vec = {(void *)(size_t)data, n};
	struct msghdr m = {.msg_iov = &vec, .msg_iovlen = 1};
	if (fd >= 0) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *head = CMSG_FIRSTHDR(&m);
		*head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

ssize_t
channel_receive(int sock, void *data, size_t n, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec vec = {data, n};
	struct msghdr m = {.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t got;
	do
		got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	const struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(head), sizeof(*fd));
	return got;
}

ssize_t
channel_take(int sock, void *data, size_t n, int flags)
{
	ssize_t got;
	do
		got = recv(sock, data, n, flags);
	while (got < 0 && errno == ECONNRESET);
	return got;
}

/* *dir is open as long as the address is used. */
static int
address(const char *path, struct sockaddr_un *at, int *dir)
{
	char place[PATH_MAX];
	const char *name = path_base(path);
	*at = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(place, sizeof(place), "%.*s.", (int)(name - path), path);
	*dir = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return -1;
	snprintf(at->sun_path, sizeof(at->sun_path), "/proc/self/fd/%d/%.64s", *dir, name);
	return 0;
}

int
channel_listen(const char *path)
{
	struct sockaddr_un at;
	auto_fd int dir = -1;
	auto_fd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0 || address(path, &at, &dir) < 0)
		return -1;
	unlinkat(dir, path_base(path), 0);
	if (bind(sock, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(sock, 64) < 0)
		return -1;
	return take_fd(&sock);
}

int
channel_connect(const char *path)
{
	struct sockaddr_un at;
	auto_fd int dir = -1;
	auto_fd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0 || address(path, &at, &dir) < 0 ||
		connect(sock, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -1;
	return take_fd(&sock);
}
