/* SPDX-License-Identifier: MIT
 * Makes what an entry describes: files, directories, links, devices, with all that belongs to them.
 * The order matters: content, owner (chown(2) takes away setuid bits and file capabilities), mode,
 * attributes, times.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "image/layer_in.h"
#include "image/lower.h"
#include "image/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int
other_kind(const struct apply *a, const struct target *t, const char *there, const char *is)
{
	auto_buf struct buf path = BUF_INIT;
	path_join(&path, a->how->shown, t->path);
	return err_set(ERR_INVALID, path.s, "cannot overwrite %s %s with %s %s", there, path.s, is,
		t->path);
}

int
layer_clear(struct apply *a, const struct target *t, bool *whiteout)
{
	struct stat sb;
	if (fstatat(t->place.fd, t->base, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return layer_failed(a, "fstatat", "look at what is in the place of");
	if (a->how->keep_kinds && S_ISDIR(sb.st_mode) && !whiteout)
		return other_kind(a, t, "directory", "non-directory");
	if (a->how->keep_kinds && !S_ISDIR(sb.st_mode) && whiteout)
		return other_kind(a, t, "non-directory", "directory");
	if (whiteout)
		*whiteout = lower_is_whiteout(&sb);
	/* Places that were found by way of it are no longer what they were. */
	a->stale = a->stale || S_ISDIR(sb.st_mode) || S_ISLNK(sb.st_mode);
	if (bulk_remove(&a->todo->bulk, t->place.fd, t->base) < 0)
		return layer_failed(a, "unlinkat", "replace what is in the place of");
	return 0;
}

/* After a failed call: whether the place was taken, is free now, and the call is worth a second
 * try. Otherwise `err` says what failed. */
static bool
made_room(struct apply *a, const struct target *t, bool *tried, const char *call, const char *verb)
{
	if (errno != EEXIST || *tried) {
		layer_failed(a, call, verb);
		return false;
	}
	*tried = true;
	return layer_clear(a, t, NULL) == 0;
}

int
layer_set_xattr(struct apply *a, int dir, const char *name, const struct tar_xattr *x)
{
	/* An image must not be able to say to overlay what only we may say. */
	if (xattr_is_overlays(x->name))
		return 0;
	if (bulk_setxattr(&a->todo->bulk, dir, name, x->name, x->value, x->len) == 0)
		return 0;
	/* Not every file system takes every attribute, nor from everybody: Docker goes on, too. */
	if (errno != ENOTSUP && errno != EPERM && errno != EACCES)
		return err_sys(
			"setxattr", a->name, "cannot set attribute %s of %s", x->name, a->name);
	layer_left_out(a->r, "attribute %s of %s: %s", x->name, a->name, strerror(errno));
	return 0;
}

static int
set_xattrs(struct apply *a, const struct tar_entry *e, int dir, const char *name)
{
	for (size_t i = 0; i < e->n_xattr; i++) {
		if (e->type == TAR_DIR && strcmp(e->xattr[i].name, DEFAULT_ACL) == 0)
			continue;
		if (layer_set_xattr(a, dir, name, &e->xattr[i]) < 0)
			return -1;
	}
	return 0;
}

static bool
owner_differs(const struct apply *a, const struct tar_entry *e)
{
	return e->uid != a->uid || e->gid != a->gid;
}

static int
set_owner(struct apply *a, const struct tar_entry *e, const struct place *p, int dir,
	const char *name)
{
	if (a->how->no_owner)
		return 0;
	/* The largest number stands for "no change" in chown(2). */
	if (e->uid < 0 || e->uid >= UINT32_MAX || e->gid < 0 || e->gid >= UINT32_MAX)
		return err_set(ERR_INVALID, a->name, "cannot make %s: its owner %lld:%lld is no id",
			a->name, (long long)e->uid, (long long)e->gid);
	/* What we make is ours and our group's already, or the directory's where that is setgid. */
	if (e->uid == a->uid && e->gid == p->gid)
		return 0;
	if (bulk_chown(&a->todo->bulk, dir, name, (uid_t)e->uid, (gid_t)e->gid) == 0)
		return 0;
	err_sys("fchownat", a->name, "cannot give %s to owner %lld:%lld", a->name,
		(long long)e->uid, (long long)e->gid);
	if (err.no == EINVAL)
		err_hint("this user namespace has no such id: map a range of ids with newuidmap, "
			 "or use --no-same-owner");
	if (err.no == EPERM)
		err_hint("only root may give files away: use --no-same-owner, or a user namespace");
	return -1;
}

/* A program that ran as its owner must not come to run as us because its owner was left out. */
static mode_t
wanted_mode(const struct apply *a, const struct tar_entry *e)
{
	return a->how->no_owner && owner_differs(a, e) ? e->mode & 01777 : e->mode;
}

/* Owner, mode, attributes, times of what was just made with e->mode & 0777 under the umask: an open
 * file (name ""), or the symlink or device of that name. */
static int
dress(struct apply *a, const struct tar_entry *e, const struct place *p, int dir, const char *name)
{
	mode_t mode = wanted_mode(a, e);
	if (set_owner(a, e, p, dir, name) < 0)
		return -1;
	if (e->type != TAR_SYMLINK && mode != (e->mode & 0777 & ~a->umask) &&
		bulk_chmod(&a->todo->bulk, dir, name, mode) < 0)
		return layer_failed(a, "fchmodat", "set the mode of");
	if (e->n_xattr && set_xattrs(a, e, dir, name) < 0)
		return -1;
	if (bulk_times(&a->todo->bulk, dir, name, &e->mtime) < 0)
		return layer_failed(a, "utimensat", "set the time of");
	return 0;
}

static int
write_content(struct apply *a, struct tar_reader *tar, const struct tar_entry *e, int fd)
{
	const void *data;
	int64_t offset, end = 0;
	ssize_t n;
	while ((n = tar_data(tar, &data, &offset)) > 0) {
		a->r->bytes += (uint64_t)n;
		if (a->how->max_bytes && a->r->bytes > a->how->max_bytes)
			return err_set(ERR_NO_SPACE, a->name,
				"cannot write %s: the layer has more than %llu bytes", a->name,
				(unsigned long long)a->how->max_bytes);
		if (bulk_write(&a->todo->bulk, fd, data, (size_t)n, offset) < 0)
			return layer_failed(a, "pwrite", "write");
		end = offset + n;
	}
	if (n < 0)
		return err_prefix("%s", a->name);
	if (end < e->size && bulk_truncate(&a->todo->bulk, fd, e->size) < 0)
		return layer_failed(a, "ftruncate", "give its size to");
	return 0;
}

static int
make_file(struct apply *a, struct tar_reader *tar, const struct tar_entry *e, struct target *t)
{
	bool tried = false;
	auto_fd int fd = -1;
	while ((fd = bulk_create(&a->todo->bulk, t->place.fd, t->base, e->mode & 0777)) < 0)
		if (!made_room(a, t, &tried, "openat", "make"))
			return -1;
	if (write_content(a, tar, e, fd) < 0)
		return -1;
	return dress(a, e, &t->place, fd, "");
}

static int
make_symlink(struct apply *a, const struct tar_entry *e, struct target *t)
{
	bool tried = false;
	while (bulk_symlink(&a->todo->bulk, e->link, t->place.fd, t->base) < 0)
		if (!made_room(a, t, &tried, "symlinkat", "make"))
			return -1;
	return dress(a, e, &t->place, t->place.fd, t->base);
}

static int
make_node(struct apply *a, const struct tar_entry *e, struct target *t)
{
	bool tried = false;
	mode_t kind = e->type == TAR_FIFO ? S_IFIFO : e->type == TAR_CHAR ? S_IFCHR : S_IFBLK;
	dev_t dev = kind == S_IFIFO ? 0 : makedev((unsigned)e->major, (unsigned)e->minor);
	if (kind != S_IFIFO &&
		(e->major < 0 || e->major > 0xfff || e->minor < 0 || e->minor > 0xfffff))
		return err_set(ERR_INVALID, a->name, "cannot make %s: there is no device %lld:%lld",
			a->name, (long long)e->major, (long long)e->minor);
	/* Overlay sees a whiteout in it, whoever made it. */
	if (kind == S_IFCHR && dev == makedev(0, 0) && a->how->form == LAYER_OVERLAY)
		return layer_hide(a, t);
	while (bulk_mknod(&a->todo->bulk, t->place.fd, t->base, kind | (e->mode & 0777), dev) < 0) {
		/* Devices are root's on the host: who has none gets his /dev from ns-exec. */
		if (errno == EPERM) {
			layer_left_out(
				a->r, "device %s: only root on the host may make it", a->name);
			return 0;
		}
		if (!made_room(a, t, &tried, "mknodat", "make"))
			return -1;
	}
	return dress(a, e, &t->place, t->place.fd, t->base);
}

/* Remembers a hard link whose target is not here: it may be in a layer below. */
static int
link_later(struct apply *a, const char *path, const char *to)
{
	struct layer_todo *todo = a->todo;
	if (todo->n_link == todo->link_cap) {
		todo->link_cap = todo->link_cap ? todo->link_cap * 2 : 16;
		todo->link = reallocarray(todo->link, todo->link_cap, sizeof(*todo->link));
		if (!todo->link)
			abort();
	}
	todo->link[todo->n_link++] = (struct layer_link){str_new(path), str_new(to)};
	return 0;
}

static bool
same_file(const struct target *x, const struct target *y)
{
	struct stat a, b;
	return fstatat(x->place.fd, x->base, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
		fstatat(y->place.fd, y->base, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Opens the parent of to->path, if the target is here. Returns 1, 0 when not, -1. */
static int
find_link_target(struct apply *a, struct target *to)
{
	struct stat sb;
	if (layer_parent(a, to, false) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return layer_failed(a, "openat2", "find the target of");
	}
	if (fstatat(to->place.fd, to->base, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return !(lower_is_whiteout(&sb) && a->how->form == LAYER_OVERLAY);
}

int
layer_link(struct apply *a, struct target *t, struct target *to)
{
	bool tried = false;
	int found = find_link_target(a, to);
	if (found <= 0)
		return found;
	while (bulk_link(&a->todo->bulk, to->place.fd, to->base, t->place.fd, t->base) < 0) {
		/* A link to itself, or one that is there already: removing it would lose the file.
		 */
		if (errno == EEXIST && same_file(to, t))
			return 1;
		if (!made_room(a, t, &tried, "linkat", "make hard link"))
			return -1;
	}
	return 1;
}

static int
make_link(struct apply *a, const struct tar_entry *e, struct target *t)
{
	struct target to;
	struct stat sb;
	if (layer_clean(e->link, to.path) < 0)
		return err_prefix("hard link %s", a->name);
	if (!*to.path)
		return err_set(
			ERR_INVALID, a->name, "cannot make %s: a hard link to the top", a->name);
	int ok = layer_link(a, t, &to);
	if (ok)
		return ok < 0 ? -1 : 0;
	if (fstatat(t->place.fd, t->base, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
		layer_clear(a, t, NULL) < 0)
		return -1;
	return link_later(a, t->path, to.path);
}

/* Takes off what an earlier entry of this directory had and this one has not. */
static int
drop_xattrs(struct apply *a, int fd)
{
	char list[XATTR_LIST_MAX];
	ssize_t len = flistxattr(fd, list, sizeof(list));
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(list + i) + 1) {
		if (xattr_is_overlays(list + i) || strcmp(list + i, "security.selinux") == 0)
			continue;
		if (bulk_removexattr(&a->todo->bulk, fd, "", list + i) < 0 && errno != ENODATA)
			return layer_failed(a, "removexattr", "take off the attributes of");
	}
	return 0;
}

/* Makes or finds the directory itself. *found: it was there. */
static int
place_dir(struct apply *a, const struct tar_entry *e, const struct target *t, bool *found,
	bool *whiteout)
{
	struct stat sb;
	/* Our own right to write in it is needed until the end. */
	mode_t mode = (e->mode & 0777) | 0700;
	if (!*t->base) {
		*found = true;
		return 0;
	}
	if (bulk_mkdir(&a->todo->bulk, t->place.fd, t->base, mode) == 0)
		return 0;
	if (errno != EEXIST || fstatat(t->place.fd, t->base, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return layer_failed(a, "mkdirat", "make");
	*found = S_ISDIR(sb.st_mode);
	if (*found)
		return 0;
	if (layer_clear(a, t, whiteout) < 0)
		return -1;
	if (bulk_mkdir(&a->todo->bulk, t->place.fd, t->base, mode) < 0)
		return layer_failed(a, "mkdirat", "make");
	return 0;
}

/* Notes what waits until all entries are in it: mode, times, the default ACL. */
static int
note_dir(struct apply *a, const struct tar_entry *e, const struct target *t, const struct stat *sb)
{
	struct layer_dir d = {.ino = sb->st_ino, .mode = wanted_mode(a, e), .mtime = e->mtime};
	for (size_t i = 0; i < e->n_xattr; i++) {
		if (strcmp(e->xattr[i].name, DEFAULT_ACL) != 0 || !e->xattr[i].len)
			continue;
		free(d.acl);
		d.acl_len = e->xattr[i].len;
		d.acl = malloc(d.acl_len);
		if (!d.acl)
			abort();
		memcpy(d.acl, e->xattr[i].value, d.acl_len);
	}
	return layer_note_dir(a, t->path, strlen(t->path), &d);
}

static int
make_dir(struct apply *a, const struct tar_entry *e, struct target *t)
{
	bool found = false, whiteout = false;
	struct stat sb;
	if (place_dir(a, e, t, &found, &whiteout) < 0)
		return -1;
	auto_fd int fd = openat(*t->base ? t->place.fd : a->how->dir, *t->base ? t->base : ".",
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0)
		return layer_failed(a, "openat", "open");
	/* Of what was there we know neither owner nor attributes. */
	struct place theirs = {.gid = found ? (gid_t)-1 : t->place.gid};
	if (set_owner(a, e, &theirs, fd, "") < 0 || (found && drop_xattrs(a, fd) < 0) ||
		set_xattrs(a, e, fd, "") < 0)
		return -1;
	if (whiteout && a->how->form == LAYER_OVERLAY && layer_make_opaque(a, fd) < 0)
		return -1;
	if (note_dir(a, e, t, &sb) < 0 || fstat(fd, &sb) < 0)
		return -1;
	layer_keep_place(a, t->path, take_fd(&fd), &sb);
	return 0;
}

int
layer_make(struct apply *a, struct tar_reader *tar, const struct tar_entry *e, struct target *t)
{
	if (!*t->path && e->type != TAR_DIR)
		return err_set(ERR_INVALID, a->name,
			"cannot make %s: the top of a layer can only be a directory",
			*a->name ? a->name : "an entry without a name");
	switch (e->type) {
	case TAR_DIR:
		return make_dir(a, e, t);
	case TAR_SYMLINK:
		return make_symlink(a, e, t);
	case TAR_LINK:
		return make_link(a, e, t);
	case TAR_CHAR:
	case TAR_BLOCK:
	case TAR_FIFO:
		return make_node(a, e, t);
	default:
		return make_file(a, tar, e, t);
	}
}
