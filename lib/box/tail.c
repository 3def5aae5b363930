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

/* What there is to read of the file that is open. */
static int
read_on(struct tail *t, tail_fn *fn, void *self)
{
	char piece[64 * 1024];
	ssize_t n;
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

/* The one that came after ours, which may be far behind: what is set aside is called PATH.1,
 * PATH.2 …, the newest first. If ours is gone from there, it is the oldest. */
static void
find_next(const struct tail *t, char path[PATH_MAX])
{
	char name[PATH_MAX];
	struct stat ours, there;
	snprintf(path, PATH_MAX, "%s", t->path);
	if (t->fd < 0 || fstat(t->fd, &ours) < 0)
		return;
	for (int n = 1;; n++) {
		snprintf(name, sizeof(name), "%.*s.%d", PATH_MAX - 12, t->path, n);
		bool missing = stat(name, &there) < 0;
		/* While they are renamed there is no first one. */
		if (missing && n == 1)
			continue;
		if (missing || there.st_ino == ours.st_ino)
			return;
		memcpy(path, name, sizeof(name));
	}
}

static int
open_next(struct tail *t)
{
	char path[PATH_MAX], then[PATH_MAX];
	auto_fd int next = -1;
	/* Meanwhile they may have got other names. */
	do {
		if (next >= 0)
			close(next);
		find_next(t, path);
		next = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (next < 0 && errno != ENOENT)
			return err_sys("open", path, "cannot open %s", path);
		find_next(t, then);
	} while (strcmp(path, then) != 0);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = take_fd(&next);
	buf_reset(&t->rest);
	return 0;
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
		if (r == 0 && more)
			r = open_next(t);
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
