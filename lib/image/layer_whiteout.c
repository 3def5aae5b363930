/* SPDX-License-Identifier: MIT
 * What is gone. A whiteout concerns the layers below only: what this layer itself holds under that
 * name stays, whichever of the two comes first in the tar (OCI image specification, "Whiteouts").
 * Both together mean that this layer's replaces what was there, which for a directory overlay has
 * to be told: it is opaque, or the lower one would show through.
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/layer_in.h"
#include "image/lower.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

int
layer_make_opaque(struct apply *a, int dir)
{
	const char *name = lower_opaque_name(a->how->user_xattr);
	if (bulk_setxattr(&a->todo->bulk, dir, "", name, "y", 1) == 0)
		return 0;
	err_sys("setxattr", a->name, "cannot mark the directory of %s opaque", a->name);
	if (err.no == EPERM && !a->how->user_xattr)
		err_hint("only root on the host may set trusted.* attributes: use --userxattr");
	return -1;
}

/* Removes what this layer did not make. Directories that it made or describes stay, and are looked
 * into. */
static int
clear_older(struct apply *a, int dir)
{
	struct dirent *de;
	struct stat sb;
	auto_fd int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d || fstat(copy, &sb) < 0)
		return layer_failed(a, "openat", "look into the directory of");
	take_fd(&copy); /* the stream closes it */
	while (errno = 0, (de = readdir(d))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (!layer_made(a, sb.st_ino, de->d_name)) {
			a->stale = true;
			if (bulk_remove(&a->todo->bulk, dir, de->d_name) < 0)
				return layer_failed(a, "unlinkat", "remove what is hidden by");
			continue;
		}
		auto_fd int sub =
			openat(dir, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0 && clear_older(a, sub) < 0)
			return -1;
	}
	return errno ? layer_failed(a, "readdir", "look into the directory of") : 0;
}

/* The directory hides all that is below it. */
static int
opaque(struct apply *a, const struct target *t)
{
	a->r->whiteouts++;
	if (!a->fresh && clear_older(a, t->place.fd) < 0)
		return -1;
	if (a->how->form == LAYER_FLAT)
		return 0;
	/* Overlay does not look at the mark of its top directory: it takes a whiteout for each
	 * name, which only the layers below know. */
	if (!strchr(t->path, '/'))
		a->todo->root_opaque = true;
	return layer_make_opaque(a, t->place.fd);
}

/* This layer has something of that name itself. */
static int
hide_below(struct apply *a, const struct target *t)
{
	auto_fd int fd =
		openat(t->place.fd, t->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP
			? 0
			: layer_failed(a, "openat", "open what is in the place of");
	if (!a->fresh && clear_older(a, fd) < 0)
		return -1;
	return a->how->form == LAYER_OVERLAY ? layer_make_opaque(a, fd) : 0;
}

int
layer_hide(struct apply *a, const struct target *t)
{
	struct stat sb;
	bool there = fstatat(t->place.fd, t->base, &sb, AT_SYMLINK_NOFOLLOW) == 0;
	a->r->whiteouts++;
	if (there && layer_made(a, t->place.ino, t->base) && !lower_is_whiteout(&sb))
		return hide_below(a, t);
	if (there && layer_clear(a, t, NULL) < 0)
		return -1;
	/* mknod(2) lets everybody make the device 0:0, which is none (Linux 5.8). */
	if (a->how->form == LAYER_FLAT)
		return 0;
	if (bulk_mknod(&a->todo->bulk, t->place.fd, t->base, S_IFCHR, makedev(0, 0)) < 0)
		return layer_failed(a, "mknodat", "make the whiteout");
	if (names_add(&a->todo->whiteouts, t->path, strlen(t->path), NULL) < 0)
		return layer_failed(a, NULL, "remember the whiteout");
	return 0;
}

int
layer_whiteout(struct apply *a, struct target *t)
{
	char *base = t->path + (t->base - t->path);
	if (strcmp(base, WHITEOUT_OPAQUE) == 0)
		return opaque(a, t);
	memmove(base, base + sizeof(WHITEOUT) - 1, strlen(base) - (sizeof(WHITEOUT) - 1) + 1);
	if (!*t->base || strcmp(t->base, ".") == 0 || strcmp(t->base, "..") == 0)
		return err_set(ERR_INVALID, a->name,
			"cannot apply the whiteout %s: it names a directory by itself", a->name);
	return layer_hide(a, t);
}
