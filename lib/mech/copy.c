/* SPDX-License-Identifier: MIT */
#include "mech/copy.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static int
copy_failed(const struct copy *c, const struct copy_source *s)
{
	return err_sys("copy", s->path, "cannot copy %s/%s to %s", s->shown, s->path, c->shown);
}

static void
warn(struct copy *c, const char *path, const char *what)
{
	if (!c->warning[0])
		snprintf(c->warning, sizeof(c->warning), "%s/%s: %s (%s)", c->shown, path, what,
			err_name(errno));
}

/* ---- files with several names ---- */

struct link {
	dev_t dev;
	ino_t ino;
	char path[]; /* of the first copy, below the tree's root */
};

static int
link_order(const void *pa, const void *pb)
{
	const struct link *a = pa, *b = pb;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

void
copy_end(struct copy *c)
{
	tdestroy(c->links, free);
	c->links = NULL;
}

/* The copy of the same inode, NULL when there is none yet: then path is remembered. */
static const char *
first_name(struct copy *c, const struct stat *sb, const char *path)
{
	size_t n = strlen(path) + 1;
	struct link *l = malloc(sizeof(*l) + n);
	if (!l)
		abort();
	l->dev = sb->st_dev;
	l->ino = sb->st_ino;
	memcpy(l->path, path, n);
	struct link **found = tsearch(l, &c->links, link_order);
	if (!found)
		abort();
	if (*found == l)
		return NULL;
	free(l);
	return (*found)->path;
}

static int
make_link(struct copy *c, const char *first, int dir, const char *name)
{
	char parent[PATH_MAX];
	const char *base = path_base(first);
	snprintf(parent, sizeof(parent), "%.*s.", (int)(base - first), first);
	auto_fd int fd = open_no_links(c->to, parent, O_PATH | O_DIRECTORY, 0);
	return fd < 0 ? -1 : bulk_link(&c->done, fd, base, dir, name);
}

/* ---- attributes ---- */

static bool
overlay_mark(const char *attr)
{
	return strncmp(attr, "trusted.overlay.", 16) == 0 ||
		strncmp(attr, "user.overlay.", 13) == 0;
}

/* Where attributes are read: from an open file, or by its name, for there is no flistxattr(2) for
 * descriptors of O_PATH, and none for symlinks. */
struct origin {
	int fd; /* -1: by name */
	char name[PATH_MAX];
};

/* A file system that knows no such attributes, and a kernel that lets only its owner set it, cost a
 * warning: better a copy without them than none. */
static int
copy_attribute(struct copy *c, const struct origin *o, const char *attr, int dir, const char *name,
	const char *path)
{
	char value[65536]; /* XATTR_SIZE_MAX */
	ssize_t n = o->fd < 0 ? lgetxattr(o->name, attr, value, sizeof(value))
			      : fgetxattr(o->fd, attr, value, sizeof(value));
	if (n < 0)
		return errno == ENODATA ? 0 : -1;
	if (bulk_setxattr(&c->done, dir, name, attr, value, (size_t)n) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EPERM)
		return -1;
	warn(c, path, "cannot keep its extended attributes");
	return 0;
}

static int
copy_xattrs(struct copy *c, const struct copy_source *s, int from, int dir, const char *name,
	const char *path)
{
	char list[65536]; /* XATTR_LIST_MAX */
	struct origin o = {.fd = from};
	int len = snprintf(o.name, sizeof(o.name), "/proc/self/fd/%d/%s", s->root, s->path);
	if (from < 0 && len >= (int)sizeof(o.name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	ssize_t n = from < 0 ? llistxattr(o.name, list, sizeof(list))
			     : flistxattr(from, list, sizeof(list));
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -1;
	for (const char *p = list; p < list + n; p += strlen(p) + 1)
		if (!overlay_mark(p) && copy_attribute(c, &o, p, dir, name, path) < 0)
			return -1;
	return 0;
}

static int
copy_owner(struct copy *c, const struct stat *sb, int dir, const char *name, const char *path)
{
	if (!c->owners || bulk_chown(&c->done, dir, name, sb->st_uid, sb->st_gid) == 0)
		return 0;
	/* A user namespace knows only the ids that are mapped into it. */
	if (errno != EINVAL && errno != EPERM)
		return -1;
	warn(c, path, "cannot keep its owner");
	return 0;
}

/* Most files are made with the mode that they are to have. */
static int
copy_mode(struct copy *c, const struct stat *sb, int dir, const char *name)
{
	struct stat made;
	mode_t mode = sb->st_mode & 07777;
	if (S_ISLNK(sb->st_mode)) /* has none */
		return 0;
	if (!*name && fstat(dir, &made) == 0 && (made.st_mode & 07777) == mode)
		return 0;
	return bulk_chmod(&c->done, dir, name, mode);
}

/* Of `name` in `dir`, or of dir itself (""); `from` is the source, open, or -1. In this order:
 * chown takes away setuid bits and file capabilities, everything changes the times. */
static int
copy_attributes(struct copy *c, const struct copy_source *s, int from, int dir, const char *name,
	const char *path)
{
	if (copy_owner(c, s->sb, dir, name, path) < 0 || copy_mode(c, s->sb, dir, name) < 0 ||
		copy_xattrs(c, s, from, dir, name, path) < 0)
		return -1;
	return bulk_times(&c->done, dir, name, &s->sb->st_mtim);
}

int
copy_dir_attributes(struct copy *c, const struct copy_source *s, int fd, const char *path)
{
	return copy_attributes(c, s, -1, fd, "", path) < 0 ? copy_failed(c, s) : 0;
}

/* ---- content ---- */

/* Copies from *at up to `end`, or as far as the file goes. */
static int
copy_span(struct copy *c, int from, int to, off_t *at, off_t end)
{
	static char piece[1 << 18];
	while (*at < end) {
		size_t want =
			end - *at < (off_t)sizeof(piece) ? (size_t)(end - *at) : sizeof(piece);
		ssize_t n = pread(from, piece, want, *at);
		if (n < 0)
			return -1;
		if (n == 0)
			break; /* it has become shorter */
		if (bulk_write(&c->done, to, piece, (size_t)n, *at) < 0)
			return -1;
		*at += n;
	}
	return 0;
}

/* The pieces between the holes, where the file system tells them (lseek(2), SEEK_DATA). A file that
 * takes as many blocks as it is long has none. */
static int
copy_data(struct copy *c, int from, int to, const struct stat *sb)
{
	bool dense = sb->st_blocks * 512 >= sb->st_size;
	off_t at = 0, end = sb->st_size, done = 0;
	while (at < sb->st_size && (dense || (at = lseek(from, at, SEEK_DATA)) >= 0)) {
		if (!dense && (end = lseek(from, at, SEEK_HOLE)) < 0)
			return -1;
		done = at;
		if (copy_span(c, from, to, &done, end) < 0)
			return -1;
		at = end;
	}
	/* ENXIO: nothing but a hole up to the end. */
	if (at < 0 && errno != ENXIO)
		return -1;
	return done < sb->st_size ? bulk_truncate(&c->done, to, sb->st_size) : 0;
}

/* By way of its descriptor, which spares looking up its name for each attribute. */
static int
copy_regular(
	struct copy *c, const struct copy_source *s, int dir, const char *name, const char *path)
{
	auto_fd int from = open_no_links(s->root, s->path, O_RDONLY | O_NOFOLLOW, 0);
	if (from < 0)
		return -1;
	auto_fd int to = bulk_create(&c->done, dir, name, s->sb->st_mode & 0777);
	if (to < 0 || copy_data(c, from, to, s->sb) < 0)
		return -1;
	return copy_attributes(c, s, from, to, "", path);
}

static int
copy_symlink(struct copy *c, const struct copy_source *s, int dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(s->root, s->path, target, sizeof(target) - 1);
	if (n < 0)
		return -1;
	target[n] = '\0';
	return bulk_symlink(&c->done, target, dir, name);
}

static int
copy_node(struct copy *c, const struct copy_source *s, int dir, const char *name, const char *path)
{
	mode_t kind = s->sb->st_mode & S_IFMT;
	if (bulk_mknod(&c->done, dir, name, kind | 0600, s->sb->st_rdev) == 0)
		return copy_attributes(c, s, -1, dir, name, path);
	if (errno != EPERM || (kind != S_IFCHR && kind != S_IFBLK))
		return -1;
	warn(c, path, "cannot make a device here, left out");
	return 0;
}

static int
copy_one(struct copy *c, const struct copy_source *s, int dir, const char *name, const char *path)
{
	if (S_ISREG(s->sb->st_mode))
		return copy_regular(c, s, dir, name, path);
	if (!S_ISLNK(s->sb->st_mode))
		return copy_node(c, s, dir, name, path);
	if (copy_symlink(c, s, dir, name) < 0)
		return -1;
	return copy_attributes(c, s, -1, dir, name, path);
}

int
copy_file(struct copy *c, const struct copy_source *s, int dir, const char *name, const char *path)
{
	const char *first = s->sb->st_nlink > 1 ? first_name(c, s->sb, path) : NULL;
	if (first && make_link(c, first, dir, name) == 0)
		return 0;
	/* It was left out, lies behind a directory closed to us, or has all the names it may. */
	if (first && errno != ENOENT && errno != EACCES && errno != EMLINK)
		return copy_failed(c, s);
	return copy_one(c, s, dir, name, path) < 0 ? copy_failed(c, s) : 0;
}
