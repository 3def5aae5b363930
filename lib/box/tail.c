/* SPDX-License-Identifier: MIT */
#include "box/tail.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_file(struct tail *t)
{
	t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return t->fd >= 0 || errno == ENOENT ? 0
					     : err_sys("open", t->path, "cannot open %s", t->path);
}

/* The watch first: what is written between the two is seen by one of them. */
int
tail_open(struct tail *t, bool wait)
{
	char dir[PATH_MAX];
	t->watch = -1;
	t->fd = -1;
	if (wait) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(t->path, '/') - t->path), t->path);
		t->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		inotify_add_watch(
			t->watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF);
	}
	return open_file(t);
}

/* A log that is kept in one file begins anew when it is full. */
static void
begin_anew(struct tail *t)
{
	struct stat sb;
	if (fstat(t->fd, &sb) == 0 && sb.st_size < lseek(t->fd, 0, SEEK_CUR)) {
		lseek(t->fd, 0, SEEK_SET);
		buf_reset(&t->rest);
	}
}

/* What there is to read of the file that is open. */
static int
read_on(struct tail *t, tail_fn *fn, void *self)
{
	char piece[64 * 1024];
	ssize_t n;
	begin_anew(t);
	while ((n = read(t->fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("read", t->path, "cannot read %s", t->path);
		buf_add(&t->rest, piece, (size_t)n);
		char *at = t->rest.s, *end;
		size_t left = t->rest.len;
		int r = 0;
		while (r == 0 && (end = memchr(at, '\n', left))) {
			r = fn(self, at, (size_t)(end - at));
			left -= (size_t)(end + 1 - at);
			at = end + 1;
		}
		memmove(t->rest.s, at, left);
		t->rest.len = left;
		if (r != 0)
			return r;
	}
	return 0;
}

static bool
was_set_aside(const struct tail *t)
{
	struct stat ours, there;
	if (stat(t->path, &there) < 0)
		return false;
	return t->fd < 0 || (fstat(t->fd, &ours) == 0 && ours.st_ino != there.st_ino);
}

int
tail_read(struct tail *t, tail_fn *fn, void *self)
{
	int r = 0;
	for (bool more = true; r == 0 && more;) {
		/* Asked before: then nobody writes to the old one any more when it is read. */
		more = was_set_aside(t);
		if (t->fd >= 0)
			r = read_on(t, fn, self);
		if (r == 0 && more) {
			if (t->fd >= 0)
				close(take_fd(&t->fd));
			buf_reset(&t->rest);
			r = open_file(t);
		}
	}
	return r;
}

void
tail_wait(const struct tail *t, int64_t timeout)
{
	char events[4096];
	struct pollfd p = {.fd = t->watch, .events = POLLIN};
	poll(&p, 1, (int)((timeout + 999999) / 1000000));
	while (read(t->watch, events, sizeof(events)) > 0)
		;
}

void
tail_close(struct tail *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->watch >= 0)
		close(t->watch);
	buf_free(&t->rest);
}
