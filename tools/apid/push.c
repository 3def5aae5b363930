/* SPDX-License-Identifier: MIT */
#include "push.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct push {
	const struct request *r;
	int fd; /* we read from */
	int theirs;
	push_fn *fn;
	upgrade_fn *relay;
	void *self;
};

bool
push_over(int fd)
{
	struct pollfd p = {fd, 0, 0};
	return http_stopping() || (poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP));
}

/* Until there is room: an upgraded connection does not block by itself. False: nobody reads. */
static bool
wait_room(int fd)
{
	struct pollfd p = {fd, POLLOUT, 0};
	int r = 0;
	for (unsigned i = 0; i < 2 * PATIENCE && r == 0 && !http_stopping(); i++)
		r = poll(&p, 1, 500);
	return r > 0 || (r < 0 && errno == EINTR);
}

static int
write_parts(int fd, struct iovec *v, int n)
{
	while (n) {
		ssize_t done = writev(fd, v, n);
		if (done < 0 && (errno == EINTR || (errno == EAGAIN && wait_room(fd))))
			continue;
		if (done < 0)
			return -1;
		for (; n && (size_t)done >= v->iov_len; n--, v++)
			done -= (ssize_t)v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int
push_write(int fd, const void *p, size_t n)
{
	struct iovec v = {(void *)(uintptr_t)p, n};
	return write_parts(fd, &v, 1);
}

void
push_head(char head[8], unsigned char stream, size_t n)
{
	const unsigned char made[8] = {stream, 0, 0, 0, (unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};
	memcpy(head, made, 8);
}

int
push_frame(int fd, unsigned char stream, const void *p, size_t n)
{
	char head[8];
	push_head(head, stream, n);
	struct iovec v[] = {{head, sizeof(head)}, {(void *)(uintptr_t)p, n}};
	return write_parts(fd, v, 2);
}

static void *
run(void *arg)
{
	struct push *p = arg;
	if (p->fn)
		p->fn(p->self, p->theirs);
	else
		p->relay(p->self, p->theirs, "", 0);
	close(p->theirs);
	free(p);
	return NULL;
}

static ssize_t
read_push(void *self, char *to, size_t n)
{
	struct push *p = self;
	for (;;) {
		struct pollfd fd[] = {{p->fd, POLLIN, 0}, request_gone(p->r)};
		if (poll(fd, 2, 500) < 0)
			continue;
		if (fd[1].revents || http_stopping())
			return -1;
		ssize_t got = fd[0].revents ? read(p->fd, to, n) : -1;
		if (got >= 0)
			return got;
		if (fd[0].revents && errno != EINTR && errno != EAGAIN)
			return 0;
	}
}

static void
end_push(void *self)
{
	struct push *p = self;
	close(p->fd);
	free(p);
}

static int
start(struct request *r, const char *type, const struct push *how)
{
	struct push *ours = malloc(sizeof(*ours)), *theirs = malloc(sizeof(*theirs));
	if (!ours || !theirs)
		abort();
	*ours = *theirs = *how;
	if (thread_start(run, theirs, NULL) < 0) {
		free(theirs);
		end_push(ours);
		close(how->theirs);
		return -1;
	}
	const struct source s = {read_push, end_push, ours};
	// cppcheck-suppress memleak ; the end of the stream frees it
	return reply_stream(r, 200, type, &s);
}

int
reply_push(struct request *r, const char *type, push_fn *fn, void *self)
{
	int ends[2];
	if (pipe_pair(ends) < 0)
		return -1;
	fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	const struct push p = {.r = r, .fd = ends[0], .theirs = ends[1], .fn = fn, .self = self};
	return start(r, type, &p);
}

int
reply_relayed(struct request *r, upgrade_fn *fn, void *self)
{
	int ends[2];
	if (request_upgrades(r, "tcp"))
		return reply_upgrade(r, "tcp", fn, self);
	if (stream_pair(ends) < 0)
		return -1;
	/* Such a client gives no input. */
	shutdown(ends[0], SHUT_WR);
	const struct push p = {.r = r, .fd = ends[0], .theirs = ends[1], .relay = fn, .self = self};
	return start(r, STREAM_TYPE, &p);
}
