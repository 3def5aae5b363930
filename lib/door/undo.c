/* SPDX-License-Identifier: MIT */
#include "door/undo.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

struct undo {
	undo_fn *fn;
	char *a, *b, *shell;
	struct undo *before;
};
static struct undo *last;
/* Where those of the tool begin that is made part of us: undo_down(). */
static struct undo *kept;

int
undo_rmdir(const char *a, const char *b)
{
	(void)b;
	return rmdir(a);
}

int
undo_unlink(const char *a, const char *b)
{
	(void)b;
	return unlink(a);
}

int
undo_umount(const char *a, const char *b)
{
	(void)b;
	/* Lazily: whatever looked in meanwhile must not keep the mount alive. */
	return umount2(a, MNT_DETACH | UMOUNT_NOFOLLOW);
}

int
undo_write(const char *a, const char *b)
{
	auto_fd int fd = open(a, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = strlen(b);
	return fd >= 0 && write(fd, b, n) == (ssize_t)n ? 0 : -1;
}

int
undo_rename(const char *a, const char *b)
{
	return rename(a, b);
}

void
undo_push(undo_fn *fn, const char *a, const char *b, const char *shell)
{
	if (step_dry())
		return;
	struct undo *u = malloc(sizeof(*u));
	if (!u)
		abort();
	*u = (struct undo){fn, str_new(a), b ? str_new(b) : NULL, str_new(shell), last};
	last = u;
}

static void
drop(struct undo *u)
{
	last = u->before;
	free(u->a);
	free(u->b);
	free(u->shell);
	free(u);
}

void
undo_all(void)
{
	int no = errno;
	while (last != kept) {
		auto_buf struct buf line = BUF_INIT;
		int r = last->fn(last->a, last->b);
		buf_addf(&line, "# undo%s%s\n%s", r < 0 ? ": " : "", r < 0 ? strerror(errno) : "",
			last->shell);
		tell_line(buf_str(&line));
		if (r < 0 && errno != ENOENT)
			dprintf(STDERR_FILENO, "cannot undo %s: %s (%s)\n", last->shell,
				strerror(errno), err_name(errno));
		drop(last);
	}
	errno = no;
}

void
undo_forget(void)
{
	while (last != kept)
		drop(last);
}

void
undo_down(void)
{
	kept = last;
}

void
undo_up(void)
{
	kept = NULL;
}
