/* SPDX-License-Identifier: MIT
 * What the layers below show: overlay's own lookup, for the two things a layer's tar leaves to
 * them.
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/layer_in.h"
#include "image/xattrs.h"
#include "mech/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum look {
	LOOK_ABSENT, /* nothing here: ask the next layer down */
	LOOK_FOUND,
	LOOK_HIDDEN, /* what is here hides whatever lies below */
	LOOK_FAILED, /* errno says how */
};

/* Looks for path in one layer. *cut: a directory on the way is opaque. */
static enum look
look_in(int layer, const char *path, bool user_xattr, int *parent, struct stat *sb, bool *cut)
{
	char name[NAME_MAX + 1];
	auto_fd int fd = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return LOOK_FAILED;
	for (const char *p = path;;) {
		size_t n = strcspn(p, "/");
		memcpy(name, p, n);
		name[n] = '\0';
		if (fstatat(fd, name, sb, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? LOOK_ABSENT : LOOK_FAILED;
		if (layer_is_whiteout(sb))
			return LOOK_HIDDEN;
		if (!p[n]) {
			*parent = take_fd(&fd);
			return LOOK_FOUND;
		}
		if (!S_ISDIR(sb->st_mode))
			return LOOK_HIDDEN;
		int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			return LOOK_FAILED;
		close(fd);
		fd = sub;
		*cut = *cut || layer_is_opaque(fd, user_xattr);
		p += n + 1;
	}
}

int
layer_find_lower(const struct apply *a, const char *path, int *dir, struct stat *sb)
{
	const struct layer_apply *how = a->how;
	bool cut = false;
	*dir = -1;
	/* This layer itself first: it cannot hold the thing, but hide it. */
	enum look got = look_in(how->dir, path, how->user_xattr, dir, sb, &cut);
	if (got == LOOK_FOUND) {
		close(*dir);
		*dir = -1;
		got = LOOK_ABSENT;
	}
	for (size_t i = how->n_lower; i > 0 && got == LOOK_ABSENT && !cut; i--)
		got = look_in(how->lower[i - 1], path, how->user_xattr, dir, sb, &cut);
	if (got == LOOK_FAILED)
		return err_sys("openat", path, "cannot look for %s in the layers below", path);
	return got == LOOK_FOUND;
}

int
layer_copy_up(struct apply *a, struct target *t)
{
	struct stat sb;
	struct copy c = {.to = a->how->dir, .shown = a->how->shown, .owners = !a->how->no_owner};
	auto_fd int dir = -1;
	int r = layer_find_lower(a, t->path, &dir, &sb);
	if (r <= 0 || S_ISDIR(sb.st_mode))
		return r < 0 ? -1 : 0;
	a->name = t->path;
	a->mtime = sb.st_mtim;
	if (layer_parent(a, t, true) < 0)
		return -1;
	struct copy_source s = {dir, "a layer below", t->base, &sb};
	r = copy_file(&c, &s, t->place.fd, t->base, t->path);
	copy_end(&c);
	for (int i = 0; i < BULK_KINDS; i++)
		a->todo->bulk.n[i] += c.done.n[i];
	a->todo->bulk.bytes += c.done.bytes;
	if (*c.warning)
		layer_left_out(a->r, "%s", c.warning);
	return r < 0 ? -1 : 1;
}

int
layer_inherit(struct apply *a, int fd, int from, struct layer_dir *d)
{
	struct xattrs x = {0};
	struct stat sb;
	int r = fstat(from, &sb) < 0 ? -1 : xattrs_read(&x, from, "");
	if (r < 0)
		r = err_sys("listxattr", a->name, "cannot read %s in the layers below", a->name);
	else if (!a->how->no_owner && (sb.st_uid != a->uid || sb.st_gid != a->gid) &&
		bulk_chown(&a->todo->bulk, fd, "", sb.st_uid, sb.st_gid) < 0)
		r = layer_failed(a, "fchownat", "give the owner of the layers below to");
	for (size_t i = 0; r == 0 && i < x.n; i++)
		r = layer_set_xattr(a, fd, "", &x.v[i]);
	d->mode = sb.st_mode & 07777;
	d->mtime = sb.st_mtim;
	d->untouched = false;
	xattrs_free(&x);
	return r;
}
