/* SPDX-License-Identifier: MIT
 * Two plain trees side by side, name by name. A file has changed when anything that a tar says of
 * it has: type, mode, owner, size, time of change, attributes, target or device. The content itself
 * is only read where that leaves a doubt.
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/changes_in.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* The directories at hand in both trees. They are closed before the walk goes down, and opened
 * again afterwards: a tree may be deeper than a process may have files open. */
struct dirs {
	int old, new; /* -1 for one that is not there, or closed */
};

static void
close_dirs(struct dirs *d)
{
	if (d->old >= 0)
		close(d->old);
	if (d->new >= 0)
		close(d->new);
	d->old = d->new = -1;
}

/* Opens the directory at w->path in both trees, or only in the new one. */
static int
open_dirs(struct walk *w, struct dirs *d, bool both)
{
	d->new = walk_open(w, w->how->dir);
	d->old = both ? walk_open(w, w->how->from) : -1;
	return d->new < 0 || (both && d->old < 0) ? walk_failed(w, "read directory") : 0;
}

/* One name in both trees. */
struct pair {
	const char *name;
	int old_dir, new_dir;
	struct stat old, new;
};

static int
same_xattrs(struct walk *w, const struct pair *p)
{
	if (xattrs_read(&w->xa, p->old_dir, p->name) < 0 ||
		xattrs_read(&w->xb, p->new_dir, p->name) < 0)
		return walk_failed(w, "read the attributes of");
	return xattrs_equal(&w->xa, &w->xb);
}

static int
same_target(struct walk *w, const struct pair *p)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t na = readlinkat(p->old_dir, p->name, a, sizeof(a));
	ssize_t nb = readlinkat(p->new_dir, p->name, b, sizeof(b));
	if (na < 0 || nb < 0)
		return walk_failed(w, "read the symbolic link");
	return na == nb && memcmp(a, b, (size_t)na) == 0;
}

/* Offset of the next data at or after `at`; size when there is only a hole. */
static off_t
next_data(int fd, off_t at, off_t size)
{
	off_t data = lseek(fd, at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? size : at;
	return data;
}

/* Compares what is data in either of two files; holes on both sides are passed over. */
static int
same_bytes(struct walk *w, int a, int b, off_t size)
{
	char x[32 * 1024], y[sizeof(x)];
	for (off_t at = 0; at < size;) {
		off_t in_a = next_data(a, at, size), in_b = next_data(b, at, size);
		at = in_a < in_b ? in_a : in_b;
		if (at >= size)
			break;
		ssize_t n = pread(a, x, sizeof(x), at);
		if (n < 0 || pread(b, y, sizeof(y), at) != n)
			return n < 0 ? walk_failed(w, "read") : 0;
		if (n == 0)
			break;
		if (memcmp(x, y, (size_t)n) != 0)
			return 0;
		at += n;
	}
	return 1;
}

/* Same size and same time. With nanoseconds in it nobody got that time by chance; whole seconds are
 * what unpacking a tar leaves, on whatever the content is. */
static int
same_content(struct walk *w, const struct pair *p)
{
	if (p->new.st_mtim.tv_nsec || !p->new.st_size ||
		(p->old.st_dev == p->new.st_dev && p->old.st_ino == p->new.st_ino))
		return 1;
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	auto_fd int a = openat(p->old_dir, p->name, flags);
	auto_fd int b = openat(p->new_dir, p->name, flags);
	if (a < 0 || b < 0)
		return walk_failed(w, "read");
	return same_bytes(w, a, b, p->new.st_size);
}

/* 1, 0 or -1. */
static int
same(struct walk *w, const struct pair *p)
{
	const struct stat *a = &p->old, *b = &p->new;
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
		a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
		return 0;
	if ((S_ISREG(a->st_mode) && a->st_size != b->st_size) ||
		((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev))
		return 0;
	int r = S_ISLNK(a->st_mode)   ? same_target(w, p)
		: S_ISREG(a->st_mode) ? same_content(w, p)
				      : 1;
	return r == 1 ? same_xattrs(w, p) : r;
}

/* All that is in a directory that was not there before. */
static int
walk_added(struct walk *w)
{
	struct listing l = {0};
	struct dirs d;
	int ok = open_dirs(w, &d, false);
	if (ok == 0 && listing_read(&l, d.new) < 0)
		ok = walk_failed(w, "read directory");
	for (size_t i = 0; ok == 0 && i < l.n; i++) {
		struct stat sb;
		if (d.new < 0 && open_dirs(w, &d, false) < 0) {
			ok = -1;
			break;
		}
		size_t up = walk_down(w, l.v[i]);
		if (fstatat(d.new, l.v[i], &sb, AT_SYMLINK_NOFOLLOW) < 0) {
			ok = walk_failed(w, "look at");
		} else if (walk_fits(w, l.v[i], &sb)) {
			walk_note(w, LAYER_ADDED, &sb);
			if (S_ISDIR(sb.st_mode)) {
				close_dirs(&d);
				ok = walk_added(w);
			}
		}
		walk_up(w, up);
	}
	close_dirs(&d);
	listing_free(&l);
	return ok;
}

/* A directory in both. It stands in the list if anything in it does. */
static int
visit_dirs(struct walk *w, bool eq)
{
	struct change *here = walk_note(w, LAYER_CHANGED, NULL);
	size_t at = (size_t)(here - w->c->v), real = w->c->n_real;
	if (walk_trees(w) < 0)
		return -1;
	if (!eq || w->c->n_real > real)
		return 0;
	if (w->c->n == at + 1) {
		walk_unnote(w);
	} else {
		w->c->v[at].kind = 'U';
		w->c->n_real--;
	}
	return 0;
}

static int
visit_both(struct walk *w, const struct pair *p, struct dirs *d)
{
	bool dir = S_ISDIR(p->new.st_mode);
	bool other = (p->old.st_mode & S_IFMT) != (p->new.st_mode &S_IFMT);
	int eq = other ? 0 : same(w, p);
	if (eq < 0)
		return -1;
	if (dir)
		close_dirs(d);
	if (dir && !other)
		return visit_dirs(w, eq);
	if (!eq)
		walk_note(w, LAYER_CHANGED, &p->new);
	else if (p->new.st_nlink > 1)
		walk_note(w, 'U', &p->new);
	return dir ? walk_added(w) : 0;
}

static int
visit_name(struct walk *w, const char *name, struct dirs *d)
{
	struct pair p = {.name = name, .old_dir = d->old, .new_dir = d->new};
	bool before = fstatat(d->old, name, &p.old, AT_SYMLINK_NOFOLLOW) == 0;
	bool after = fstatat(d->new, name, &p.new, AT_SYMLINK_NOFOLLOW) == 0;
	if (after && !walk_fits(w, name, &p.new))
		return 0;
	if (before && after)
		return visit_both(w, &p, d);
	if (after) {
		walk_note(w, LAYER_ADDED, &p.new);
		if (!S_ISDIR(p.new.st_mode))
			return 0;
		close_dirs(d);
		return walk_added(w);
	}
	if (before && strncmp(name, ".wh.", 4) != 0)
		walk_note(w, LAYER_DELETED, NULL);
	return 0;
}

/* The next name of two sorted lists. */
static const char *
next_name(const struct listing *a, size_t *i, const struct listing *b, size_t *k)
{
	int order = *i == a->n ? 1 : *k == b->n ? -1 : strcmp(a->v[*i], b->v[*k]);
	const char *name = order <= 0 ? a->v[*i] : b->v[*k];
	*i += order <= 0;
	*k += order >= 0;
	return name;
}

static int
walk_names(struct walk *w, struct dirs *d)
{
	struct listing old = {0}, new = {0};
	int ok = 0;
	if (listing_read(&old, d->old) < 0 || listing_read(&new, d->new) < 0)
		ok = walk_failed(w, "read directory");
	for (size_t i = 0, k = 0; ok == 0 && (i < old.n || k < new.n);) {
		const char *name = next_name(&old, &i, &new, &k);
		if (d->new < 0 && open_dirs(w, d, true) < 0) {
			ok = -1;
			break;
		}
		size_t up = walk_down(w, name);
		ok = visit_name(w, name, d);
		walk_up(w, up);
	}
	listing_free(&old);
	listing_free(&new);
	return ok;
}

/* The top has no name; its own attributes are compared here. */
static int
walk_top(struct walk *w, struct dirs *d)
{
	struct pair p = {.name = ".", .old_dir = d->old, .new_dir = d->new};
	if (fstat(d->old, &p.old) < 0 || fstat(d->new, &p.new) < 0)
		return walk_failed(w, "look at");
	int eq = same(w, &p);
	walk_note(w, LAYER_CHANGED, NULL);
	if (eq < 0 || walk_names(w, d) < 0)
		return -1;
	if (eq && w->c->n_real == 1) {
		w->c->v[0].kind = 'U';
		w->c->n_real = 0;
	}
	return 0;
}

int
walk_trees(struct walk *w)
{
	struct dirs d;
	int ok = open_dirs(w, &d, true);
	if (ok == 0)
		ok = w->path.len ? walk_names(w, &d) : walk_top(w, &d);
	close_dirs(&d);
	return ok;
}

int
walk_whole(struct walk *w)
{
	const char *only = w->how->only;
	struct stat sb;
	if (!only)
		return walk_added(w);
	walk_down(w, only);
	if (fstatat(w->how->dir, only, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return walk_failed(w, "look at");
	if (!walk_fits(w, only, &sb))
		return err_set(ERR_INVALID, only, "cannot copy %s: %s", only, w->r->warning);
	walk_note(w, LAYER_ADDED, &sb);
	return S_ISDIR(sb.st_mode) ? walk_added(w) : 0;
}
