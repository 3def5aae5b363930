/* SPDX-License-Identifier: MIT
 * What the layers below show: overlay's own lookup, for the two things a layer's tar leaves to
 * them.
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/layer_in.h"
#include "image/lower.h"
#include "image/xattrs.h"
#include "mech/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
layer_find_lower(const struct apply *a, const char *path, int *dir, struct stat *sb)
{
	const struct layer_apply *how = a->how;
	struct lowers l = {how->lower, how->n_lower, how->user_xattr};
	bool cut = false;
	/* This layer itself first: it does not hold the thing, but it may hide it. */
	enum look own = lower_look(how->dir, path, how->user_xattr, dir, sb, &cut);
	if (own == LOOK_FOUND)
		close(*dir);
	*dir = -1;
	if (own == LOOK_HIDDEN || (own != LOOK_FAILED && cut))
		return 0;
	int r = own == LOOK_FAILED ? -1 : lower_find(&l, path, dir, sb);
	if (r < 0)
		return err_sys("openat", path, "cannot look for %s in the layers below", path);
	return r;
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
