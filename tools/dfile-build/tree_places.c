/* SPDX-License-Identifier: MIT
 * Places in the tree: directories that are made, and mount points that go again.
 */
#include "tree_in.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/bulk.h"
#include "door/step.h"
#include "image/lower.h"
#include "mech/overlay.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Takes a mount point out of the upper directory, where nothing runs any more, if it is still as it
 * was made: empty. A program may have put anything in its place or above it; no symlink is
 * followed. */
static void
remove_stub(int upper, const struct stub *k)
{
	struct bulk done = {0};
	struct stat sb;
	const char *base = path_base(k->path);
	auto_free char *parent = fmt_new("./%.*s", (int)(base - k->path), k->path);
	auto_fd int dir = open_no_links(upper, parent, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0 || fstatat(dir, base, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (k->directory) {
		auto_fd int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		auto_dir DIR *d = fd >= 0 ? fdopendir(dup(fd)) : NULL;
		const struct dirent *e;
		while (d && (e = readdir(d)))
			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				return;
		if (!d)
			return;
	} else if (!S_ISREG(sb.st_mode) || sb.st_size) {
		return;
	}
	bool untouched = fstat(dir, &sb) == 0 && same_time(&sb.st_mtim, &k->after);
	if (bulk_remove(&done, dir, base) == 0 && untouched)
		bulk_times(&done, dir, "", &k->before);
}

/* A directory that was only touched for the sake of a mount point is no change: it was copied up
 * into the upper directory, and is empty there again. */
static void
remove_touched(const struct tree *t, int upper, const struct stub *k)
{
	struct lowers l = {.fd = t->lower, .n = t->n_lower, .user_xattr = overlay_user_xattr()};
	auto_free char *path = str_new(k->path);
	struct bulk done = {0};
	for (char *slash; (slash = strrchr(path, '/'));) {
		struct stat now, before;
		int below = -1;
		*slash = '\0';
		auto_free char *parent = fmt_new("./%.*s", (int)(path_base(path) - path), path);
		auto_fd int dir = open_no_links(upper, parent, O_RDONLY | O_DIRECTORY, 0);
		auto_fd int fd = dir < 0 ? -1
					 : openat(dir, path_base(path),
						   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		auto_dir DIR *d = fd >= 0 ? fdopendir(dup(fd)) : NULL;
		const struct dirent *e;
		bool empty =
			d != NULL && fstat(fd, &now) == 0 && !lower_is_opaque(fd, l.user_xattr);
		while (empty && (e = readdir(d)))
			empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
		bool same = empty && lower_find(&l, path, &below, &before) == 1 &&
			now.st_mode == before.st_mode && now.st_uid == before.st_uid &&
			now.st_gid == before.st_gid && same_time(&now.st_mtim, &before.st_mtim);
		if (below >= 0)
			close(below);
		if (!same || bulk_remove(&done, dir, path_base(path)) < 0)
			return;
	}
}

void
tree_remove_stubs(const struct tree *t)
{
	auto_fd int upper = t->n_stubs ? open(t->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = t->n_stubs; upper >= 0 && i-- > 0;)
		remove_stub(upper, &t->stubs[i]);
	for (size_t i = t->n_stubs; upper >= 0 && i-- > 0;)
		remove_touched(t, upper, &t->stubs[i]);
}

static struct stub *
add_stub(struct tree *t, char *path, bool directory)
{
	t->stubs = realloc(t->stubs, (t->n_stubs + 1) * sizeof(*t->stubs));
	if (!t->stubs)
		abort();
	t->stubs[t->n_stubs] = (struct stub){.path = path, .directory = directory};
	return &t->stubs[t->n_stubs++];
}

/* Where a directory really is, below the root. */
static char *
place_of(const struct tree *t, int dir)
{
	char self[64], top[PATH_MAX], at[PATH_MAX];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", t->fd);
	ssize_t n = readlink(self, top, sizeof(top) - 1);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", dir);
	ssize_t m = readlink(self, at, sizeof(at) - 1);
	if (n < 0 || m < n)
		return NULL;
	at[m] = '\0';
	return str_new(at + n + (at[n] == '/'));
}

#define LINKS_MAX 40 /* as the kernel has it: path_resolution(7) */

/* On the way along a path. */
struct walk {
	struct tree *t;
	const struct owner *owner; /* of what is made; NULL: root */
	bool stub; /* it goes again */
	unsigned links; /* that led to nothing */
};

static int
make_part(
	struct tree *t, int dir, const char *name, bool directory, const struct owner *o, bool stub)
{
	struct stat before = {0}, after = {0};
	struct bulk done = {0};
	if (stub && fstat(dir, &before) < 0)
		return -1;
	if (directory ? bulk_mkdir(&done, dir, name, 0755) < 0
		      : bulk_mknod(&done, dir, name, S_IFREG | 0644, 0) < 0)
		return -1;
	if (o && (o->uid || o->gid) && bulk_chown(&done, dir, name, o->uid, o->gid) < 0)
		return -1;
	if (stub) {
		auto_free char *at = place_of(t, dir);
		if (!at || fstat(dir, &after) < 0)
			return -1;
		struct stub *k =
			add_stub(t, fmt_new("%s%s%s", at, *at ? "/" : "", name), directory);
		k->before = before.st_mtim;
		k->after = after.st_mtim;
	}
	return 0;
}

static int walk_along(struct walk *w, const char *path, bool directory, int *fd);

/* Makes what a symlink in `dir` leads to, inside the root. 1: done, 0: it is none, -1 with `err`
 * set. */
static int
make_target(struct walk *w, int dir, const char *name, bool directory)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	auto_free char *at = n < 0 ? NULL : place_of(w->t, dir);
	if (!at)
		return 0;
	target[n] = '\0';
	if (++w->links > LINKS_MAX) {
		errno = ELOOP;
		return err_sys("openat2", target, "cannot open %s in the image", target);
	}
	auto_free char *whole = fmt_new("%s/%s", *target == '/' ? "" : at, target);
	return walk_along(w, whole, directory, NULL) < 0 ? -1 : 1;
}

/* One part of a path that is not there: or it is a symlink to nowhere, which a mount point may be
 * behind, as for runc; an image of a whole system has its /etc/resolv.conf so. */
static int
make_missing(struct walk *w, int dir, const char *name, bool directory, const char *path)
{
	int made = w->stub ? make_target(w, dir, name, directory) : 0;
	if (made)
		return made < 0 ? -1 : 0;
	return make_part(w->t, dir, name, directory, w->owner, w->stub) < 0
		? err_sys("mkdir", path, "cannot make %s", path)
		: 0;
}

/* Walks along a path, and makes what is missing of it. Symlinks lead on inside the root; one that
 * leads nowhere is an error, but for mount points. */
static int
walk_along(struct walk *w, const char *path, bool directory, int *fd)
{
	const struct tree *t = w->t;
	auto_free char *at = path_clean(path);
	auto_fd int dir = open_in_root(t->fd, "/", O_PATH | O_DIRECTORY, 0);
	for (char *part = at, *slash; dir >= 0 && *part;
		part = slash ? slash + 1 : strchr(part, '\0')) {
		slash = strchr(part, '/');
		if (slash)
			*slash = '\0';
		int flags = O_PATH | (slash || directory ? O_DIRECTORY : 0);
		int next = open_in_root(t->fd, at, flags, 0);
		if (next < 0 && errno == ENOENT) {
			if (make_missing(w, dir, part, slash || directory, path) < 0)
				return -1;
			next = open_in_root(t->fd, at, flags, 0);
		}
		int no = errno;
		close(take_fd(&dir));
		dir = next;
		errno = no;
		if (slash)
			*slash = '/';
	}
	if (dir < 0)
		return err_sys("openat2", path, "cannot open %s in the image", path);
	if (fd)
		*fd = take_fd(&dir);
	return 0;
}

int
tree_stub(struct tree *t, const char *path, bool directory)
{
	struct walk w = {.t = t, .stub = true};
	return step_dry() ? 0 : walk_along(&w, path, directory, NULL);
}

int
tree_make_dirs(struct tree *t, const char *path, const struct owner *o, int *fd)
{
	struct walk w = {.t = t, .owner = o};
	return walk_along(&w, path, true, fd);
}
