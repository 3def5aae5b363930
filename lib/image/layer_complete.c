/* SPDX-License-Identifier: MIT
 * What comes last, when the layers below are known: hard links to their files, what parents without
 * an entry of their own inherit, a top that hides everything; then modes and times of directories,
 * which every entry made in them has changed.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "image/layer_in.h"
#include "image/lower.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

static int
finish_link(struct apply *a, const struct layer_link *l)
{
	struct target t, to;
	struct stat sb;
	a->name = l->path;
	memcpy(t.path, l->path, strlen(l->path) + 1);
	memcpy(to.path, l->target, strlen(l->target) + 1);
	if (a->stale)
		layer_forget_places(a);
	if (layer_parent(a, &t, true) < 0)
		return -1;
	/* A later entry took the name. */
	if (fstatat(t.place.fd, t.base, &sb, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	int ok = layer_link(a, &t, &to);
	if (ok == 0) {
		ok = layer_copy_up(a, &to);
		a->name = l->path;
		if (ok > 0)
			ok = layer_parent(a, &t, true) < 0 ? -1 : layer_link(a, &t, &to);
	}
	if (ok == 0)
		return err_set(ERR_INVALID, l->path,
			"cannot make hard link %s: its target %s is not in this layer%s", l->path,
			l->target, a->how->n_lower ? ", nor in those below" : "");
	return ok < 0 ? -1 : 0;
}

/* One directory that is only there as a parent. */
static int
finish_implied(struct apply *a, const char *path, struct layer_dir *d)
{
	struct stat sb;
	auto_fd int parent = -1;
	auto_fd int fd = open_in_root(
		a->how->dir, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	a->name = *path ? path : a->how->shown;
	if (fd < 0)
		return 0; /* replaced by something else since */
	if (!*path)
		return layer_inherit(a, fd, a->how->lower[a->how->n_lower - 1], d);
	int found = layer_find_lower(a, path, &parent, &sb);
	if (found <= 0 || !S_ISDIR(sb.st_mode))
		return found < 0 ? -1 : 0;
	auto_fd int from =
		openat(parent, path_base(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return layer_failed(a, "openat", "read, in the layers below,");
	return layer_inherit(a, fd, from, d);
}

/* One name at the top of a lower layer, when our top is opaque. */
static int
hide_at_top(struct apply *a, int lower, const char *name)
{
	struct stat low, own;
	a->name = name;
	if (fstatat(lower, name, &low, AT_SYMLINK_NOFOLLOW) < 0 || lower_is_whiteout(&low))
		return 0;
	if (fstatat(a->how->dir, name, &own, AT_SYMLINK_NOFOLLOW) < 0) {
		if (bulk_mknod(&a->todo->bulk, a->how->dir, name, S_IFCHR, makedev(0, 0)) < 0)
			return layer_failed(a, "mknodat", "make the whiteout");
		return 0;
	}
	if (!S_ISDIR(own.st_mode))
		return 0;
	auto_fd int fd = openat(a->how->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? layer_failed(a, "openat", "open") : layer_make_opaque(a, fd);
}

static int
finish_opaque_top(struct apply *a, int lower)
{
	struct dirent *de;
	auto_fd int copy = openat(lower, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return err_sys("openat", NULL, "cannot read the top of a layer below");
	take_fd(&copy);
	while ((de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
			hide_at_top(a, lower, de->d_name) < 0)
			return -1;
	return 0;
}

/* A whiteout that hides nothing is a name that a listing shows and nobody can open, where overlay
 * has no lower directory to merge with, and so does not look for whiteouts. */
static int
finish_whiteout(struct apply *a, const char *path)
{
	struct lowers l = {a->how->lower, a->how->n_lower, a->how->user_xattr};
	struct target t;
	struct stat sb;
	bool cut = false;
	auto_fd int parent = -1, below = -1;
	a->name = path;
	if (lower_look(a->how->dir, path, l.user_xattr, &parent, &sb, &cut) != LOOK_HIDDEN)
		return 0; /* replaced since */
	int found = cut ? 0 : lower_find(&l, path, &below, &sb);
	if (found)
		return found < 0 ? layer_failed(a, "openat", "look in the layers below for") : 0;
	memcpy(t.path, path, strlen(path) + 1);
	if (layer_parent(a, &t, false) < 0 ||
		fstatat(t.place.fd, t.base, &sb, AT_SYMLINK_NOFOLLOW) < 0 ||
		!lower_is_whiteout(&sb))
		return 0;
	return bulk_remove(&a->todo->bulk, t.place.fd, t.base) < 0
		? layer_failed(a, "unlinkat", "remove the whiteout")
		: 0;
}

static int
finish_dir(struct apply *a, const char *path, const struct layer_dir *d)
{
	struct stat sb;
	struct bulk *b = &a->todo->bulk;
	a->name = *path ? path : a->how->shown;
	auto_fd int fd = open_in_root(
		a->how->dir, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0; /* a later entry took the name */
	if (fd < 0 || fstat(fd, &sb) < 0)
		return layer_failed(a, "openat2", "open");
	if (sb.st_ino != d->ino)
		return 0;
	if (d->acl &&
		layer_set_xattr(a, fd, "", &(struct tar_xattr){DEFAULT_ACL, d->acl, d->acl_len}) <
			0)
		return -1;
	if ((sb.st_mode & 07777) != d->mode && bulk_chmod(b, fd, "", d->mode) < 0)
		return layer_failed(a, "fchmodat", "set the mode of");
	if (bulk_times(b, fd, "", &d->mtime) < 0)
		return layer_failed(a, "utimensat", "set the time of");
	return 0;
}

/* What the layers below decide. */
static int
finish_with_lowers(struct apply *a)
{
	struct layer_todo *todo = a->todo;
	size_t n_lower = a->how->n_lower;
	for (size_t i = 0; n_lower && i < todo->dirs.n; i++)
		if (todo->dir[i].implied &&
			finish_implied(a, names_at(&todo->dirs, i), &todo->dir[i]) < 0)
			return -1;
	for (size_t i = 0; todo->root_opaque && i < n_lower; i++)
		if (finish_opaque_top(a, a->how->lower[i]) < 0)
			return -1;
	for (size_t i = 0; i < todo->whiteouts.n; i++)
		if (finish_whiteout(a, names_at(&todo->whiteouts, i)) < 0)
			return -1;
	return 0;
}

int
layer_finish(struct apply *a, bool known)
{
	struct layer_todo *todo = a->todo;
	auto_buf struct buf where = BUF_INIT;
	for (size_t i = 0; i < todo->n_link; i++)
		if (finish_link(a, &todo->link[i]) < 0)
			return -1;
	if (known && a->how->form == LAYER_OVERLAY && finish_with_lowers(a) < 0)
		return -1;
	/* Backwards: parents were noted before what is in them, and may then close it to us. */
	for (size_t i = todo->dirs.n; i > 0; i--)
		if (!todo->dir[i - 1].untouched &&
			finish_dir(a, names_at(&todo->dirs, i - 1), &todo->dir[i - 1]) < 0)
			return -1;
	buf_addf(&where, "below %s", a->how->shown);
	bulk_tell(&todo->bulk, buf_str(&where));
	return 0;
}

void
layer_result_free(struct layer_result *r)
{
	struct layer_todo *t = r->todo;
	if (!t)
		return;
	for (size_t i = 0; i < t->dirs.n; i++)
		free(t->dir[i].acl);
	for (size_t i = 0; i < t->n_link; i++) {
		free(t->link[i].path);
		free(t->link[i].target);
	}
	free(t->dir);
	free(t->link);
	names_free(&t->dirs);
	names_free(&t->whiteouts);
	free(t);
	r->todo = NULL;
}
