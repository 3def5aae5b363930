/* SPDX-License-Identifier: MIT
 * Questions by TCP (RFC 7766): what is too long for a packet is asked for again in this way. They
 * are few, and each connection has a child of its own, which may wait for it.
 */
#include "resolve.h"

#include "base/auto.h"
#include "door/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 64
#define CHILDREN_EACH 16 /* so that none takes all */
#define PATIENCE 5 /* seconds without a word */
#define ALL_IN_ALL 60 /* seconds for a connection */

static struct child {
	pid_t pid; /* 0: free */
	struct in_addr of;
} children[CHILDREN_MAX];

struct connection {
	int fd;
	struct in_addr gateway, from;
};

static bool
read_whole(int fd, void *to, size_t n)
{
	for (uint8_t *p = to; n > 0;) {
		ssize_t r = recv(fd, p, n, MSG_WAITALL);
		if (r <= 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

/* A message has its length before it (RFC 1035, section 4.2.2). */
static bool
read_message(int fd, uint8_t message[NS_MAXMSG], size_t *n)
{
	uint8_t size[2];
	if (!read_whole(fd, size, 2))
		return false;
	*n = (size_t)size[0] << 8 | size[1];
	return read_whole(fd, message, *n);
}

static bool
write_message(int fd, const void *message, size_t n)
{
	auto_buf struct buf all = BUF_INIT;
	buf_addc(&all, (char)(n >> 8));
	buf_addc(&all, (char)n);
	buf_add(&all, message, n);
	for (size_t at = 0; at < all.len;) {
		ssize_t w = send(fd, all.s + at, all.len - at, MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		at += (size_t)w;
	}
	return true;
}

static void
be_patient(int fd)
{
	const struct timeval t = {.tv_sec = PATIENCE};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* The answer takes the place of the question once it is there, whole. */
static bool
ask(const struct sockaddr_storage *at, uint8_t message[NS_MAXMSG], size_t *n)
{
	static uint8_t got[NS_MAXMSG];
	size_t size_got;
	socklen_t size = at->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						   : sizeof(struct sockaddr_in);
	unsigned id = (unsigned)message[0] << 8 | message[1];
	auto_fd int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	be_patient(fd);
	if (connect(fd, (const struct sockaddr *)at, size) < 0 || !write_message(fd, message, *n) ||
		!read_message(fd, got, &size_got) || dns_code(got, size_got, (uint16_t)id) < 0)
		return false;
	memcpy(message, got, *n = size_got);
	return true;
}

static bool
serve_one(const struct connection *c, uint8_t message[NS_MAXMSG], size_t n)
{
	auto_buf struct buf out = BUF_INIT;
	struct servers on = {.n = 0};
	names_reread();
	const struct network_names *asked = names_at(c->gateway);
	if (!asked)
		return false;
	switch (answer(asked, c->from, message, n, true, &out, &on)) {
	case ANSWERED:
		return write_message(c->fd, out.s, out.len);
	case ASK_ON:
		for (size_t i = 0; i < on.n; i++)
			if (ask(&on.at[i], message, &n))
				return write_message(c->fd, message, n);
		answer_failure(message, n, &out);
		return out.len && write_message(c->fd, out.s, out.len);
	case SILENCE:
		break;
	}
	return false;
}

static int
serve(void *arg)
{
	static uint8_t message[NS_MAXMSG];
	const struct connection *c = arg;
	size_t n;
	alarm(ALL_IN_ALL);
	be_patient(c->fd);
	while (read_message(c->fd, message, &n) && serve_one(c, message, n))
		;
	return 0;
}

unsigned
stream_reap(void)
{
	unsigned n = 0;
	for (struct child *c = children; c < children + CHILDREN_MAX; c++) {
		if (c->pid && waitpid(c->pid, NULL, WNOHANG) != 0)
			c->pid = 0;
		n += c->pid != 0;
	}
	return n;
}

/* NULL: it has to do without. */
static struct child *
place_for(struct in_addr of)
{
	struct child *free = NULL;
	unsigned its = 0;
	for (struct child *c = children; c < children + CHILDREN_MAX; c++) {
		if (!c->pid)
			free = c;
		else if (c->of.s_addr == of.s_addr)
			its++;
	}
	return its < CHILDREN_EACH ? free : NULL;
}

void
stream_take(const struct network_names *asked)
{
	struct sockaddr_in who = {0};
	socklen_t size = sizeof(who);
	auto_fd int fd = accept4(asked->tcp, (struct sockaddr *)&who, &size, SOCK_CLOEXEC);
	struct connection c = {fd, asked->gateway, who.sin_addr};
	struct child *place = fd < 0 ? NULL : place_for(who.sin_addr);
	pid_t pid = place ? run_behind(serve, &c, fd) : -1;
	if (pid > 0)
		*place = (struct child){pid, who.sin_addr};
}
