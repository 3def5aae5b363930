/* SPDX-License-Identifier: MIT
 * A root directory of one's own: a private mount tree is built at a directory, then pivot_root(2)
 * makes it / and the old root goes. Unlike after chroot(2) there is nothing left outside to walk
 * back to. Every mount is made before the swap, through descriptors that openat2(2) gave, so that
 * nothing in the new root (symlinks, renames under way) can lead a mount out of it.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "door/tell.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What to do about mounts that come and go in the host from now on: nothing, unless a bind asks to
 * see them. */
static unsigned long
propagation(const struct ct *c)
{
	for (size_t i = 0; i < c->mounts.n; i++)
		if (c->mounts.v[i].propagation & (MS_SLAVE | MS_SHARED))
			return MS_REC | MS_SLAVE;
	return MS_REC | MS_PRIVATE;
}

/* The flags that the root's mount has already: a remount that left them out would ask to lose
 * them, which a user namespace may not (mount_namespaces(7)). */
static int
make_readonly(const struct ct_tree *t)
{
	struct statvfs vfs = {0};
	if (fstatvfs(t->fd, &vfs) < 0)
		return err_sys("statvfs", t->path, "cannot look at %s", t->path);
	unsigned long keep = (vfs.f_flag & ST_NOSUID ? MS_NOSUID : 0) |
		(vfs.f_flag & ST_NODEV ? MS_NODEV : 0) | (vfs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0) |
		(vfs.f_flag & ST_NOATIME ? MS_NOATIME : 0) |
		(vfs.f_flag & ST_RELATIME ? MS_RELATIME : 0);
	return sys_mount_at("the root itself is not to be written", NULL, t->fd, t->path, NULL,
		MS_REMOUNT | MS_BIND | MS_RDONLY | keep, NULL);
}

/* The new root on a mount of its own. */
static int
make_mount_point(const char *path)
{
	return sys_mount("pivot_root wants a mount point: make the new root one", path, path, NULL,
		MS_BIND | MS_REC, NULL);
}

/* A root that was taken along needs no path that leads to it: it lies on top of the old one until
 * they are swapped. */
static int
put_on_top(const struct ct_outside *out, struct ct_tree *t)
{
	auto_fd int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return err_sys("open", "/", "cannot open the root directory");
	t->fd = fcntl(out->root, F_DUPFD_CLOEXEC, 3);
	return sys_bind_at("pivot_root wants a mount point: make the new root one",
		&(struct sys_bind){.source_fd = out->root,
			.target_fd = top,
			.source = t->path,
			.target = t->path,
			.rec = true,
			.detached = true});
}

static int
open_top(const struct ct *c, struct ct_tree *t)
{
	if (c->root.path && !c->root.chroot && make_mount_point(c->root.path) < 0)
		return -1;
	t->fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return t->fd < 0 ? err_sys("open", t->path, "cannot open the root directory %s", t->path)
			 : 0;
}

int
ct_root_build(const struct ct *c, const struct ct_outside *out, struct ct_tree *t)
{
	const struct ct_root *r = &c->root;
	*t = (struct ct_tree){.c = c, .fd = -1, .path = r->path ? r->path : "/", .out = out};
	if (sys_mount("keep our mounts to ourselves", NULL, "/", NULL, propagation(c), NULL) < 0)
		return -1;
	if ((out->root >= 0 ? put_on_top(out, t) : open_top(c, t)) < 0)
		return -1;
	if (ct_mount_all(t) < 0 || ct_dev_make(t) < 0 || ct_mask_all(t) < 0)
		return -1;
	return r->readonly ? make_readonly(t) : 0;
}

int
ct_root_enter(const struct ct_tree *t)
{
	/* With the same directory twice the old root is put on top of the new one: no place has to
	 * be made for it (pivot_root(2), NOTES). */
	static const char why[] = "stand in the new root";
	if ((t->out && t->out->root >= 0 ? sys_fchdir(why, t->fd, t->path)
					 : sys_chdir(why, t->path)) < 0 ||
		sys_pivot_root("swap the roots; the old one lies on top of the new one", ".", ".") <
			0)
		return -1;
	return sys_umount("take the old root away: nothing is left to escape to", ".", MNT_DETACH);
}

/* The path as it really is, symlinks followed: the script must not follow them on the host. */
static void
show(const struct ct_tree *t, const char *path, int fd, char shown[PATH_MAX])
{
	char link[64];
	snprintf(shown, PATH_MAX, "%s%s", t->path[strspn(t->path, "/")] ? t->path : "", path);
	if (!tell_on() || fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, shown, PATH_MAX - 1);
	if (n > 0)
		shown[n] = '\0';
}

/* In a dry run: what would have to be made, in one go. */
static int
tell_making(const struct ct_place *p, enum ct_place_kind kind)
{
	char parent[PATH_MAX];
	snprintf(parent, sizeof(parent), "%s", p->shown);
	if (kind == CT_FILE)
		*strrchr(parent, '/') = '\0';
	if (sys_mkdir_at("a place to mount on", -1, parent, parent, 0755) < 0)
		return -1;
	return kind == CT_FILE ? sys_touch_at("a place to bind a file to", -1, p->shown, p->shown)
			       : 0;
}

/* Makes the last component of `part` in dir. */
static int
make_one(const struct ct_tree *t, int dir, const char *part, bool file)
{
	char shown[PATH_MAX];
	const char *name = path_base(part);
	show(t, "", dir, shown);
	size_t n = strlen(shown);
	snprintf(shown + n, sizeof(shown) - n, "/%s", name);
	return file ? sys_touch_at("a place to bind a file to", dir, name, shown)
		    : sys_mkdir_at("a place to mount on", dir, name, shown, 0755);
}

/* Follows path one component further each time; what is missing is made in the directory that the
 * step before opened. p->fd holds the last one. */
static int
make_path(const struct ct_tree *t, const char *path, enum ct_place_kind kind, struct ct_place *p)
{
	char part[PATH_MAX];
	auto_fd int dir = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
	size_t len = strlen(path);
	for (size_t i = 1; i <= len; i++) {
		if ((path[i] != '/' && path[i]) || path[i - 1] == '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		bool last = !path[i + strspn(path + i, "/")];
		int next = open_in_root(t->fd, part, O_PATH, 0);
		if (next < 0 && errno == ENOENT && step_dry()) {
			show(t, "", dir, p->shown);
			size_t n = strlen(p->shown);
			snprintf(p->shown + n, sizeof(p->shown) - n, "%s",
				path + (strrchr(part, '/') - part));
			return tell_making(p, kind);
		}
		if (next < 0 && errno == ENOENT) {
			if (make_one(t, dir, part, last && kind == CT_FILE) < 0)
				return -1;
			next = open_in_root(t->fd, part, O_PATH, 0);
		}
		if (next < 0)
			return err_sys("openat2", part, "cannot open %s in %s", part, t->path);
		close(dir);
		dir = next;
	}
	p->fd = take_fd(&dir);
	show(t, path, p->fd, p->shown);
	return 0;
}

/* In a dry run, a place on top of which an earlier step would have mounted: what is there now says
 * nothing. */
static bool
covered(const struct ct_tree *t, const char *path)
{
	for (size_t i = 0; i < t->done; i++) {
		const char *over = t->c->mounts.v[i].destination;
		size_t n = strlen(over);
		if (strncmp(path, over, n) == 0 && path[n] == '/')
			return true;
	}
	return false;
}

static int
not_ordinary(const struct ct_tree *t, const char *path)
{
	err_sys("openat2", path, "cannot mount on %s: it must be an ordinary directory of %s", path,
		t->path);
	return err_hint("a symbolic link there could lead the mount somewhere else");
}

int
ct_place_open(
	const struct ct_tree *t, const char *path, enum ct_place_kind kind, struct ct_place *p)
{
	p->fd = -1;
	if (strlen(path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return err_sys("openat2", path, "cannot find a place in %s", t->path);
	}
	show(t, path, -1, p->shown);
	if (step_dry() && covered(t, path))
		return tell_making(p, kind);
	if (kind == CT_ORDINARY_DIR) {
		p->fd = open_no_links(t->fd, path, O_PATH | O_DIRECTORY, 0);
		if (p->fd < 0 && (errno == ELOOP || errno == ENOTDIR))
			return not_ordinary(t, path);
	} else {
		p->fd = open_in_root(t->fd, path, O_PATH, 0);
	}
	if (p->fd < 0 && errno != ENOENT)
		return err_sys("openat2", path, "cannot open %s in %s", path, t->path);
	if (p->fd < 0)
		return make_path(t, path, kind, p);
	show(t, path, p->fd, p->shown);
	return 0;
}
