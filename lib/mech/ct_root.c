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

/* "/" with something mounted on it is reached by "/..": a lookup begins below what covers the
 * root, and ".." of the root looks at what is on top. */
static const char *
reach(const char *path)
{
	return path[strspn(path, "/")] ? path : "/..";
}

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
	return sys_mount("the root itself is not to be written", NULL, reach(t->path), NULL,
		MS_REMOUNT | MS_BIND | MS_RDONLY | keep, NULL);
}

/* The new root on a mount of its own. */
static int
make_mount_point(const char *path)
{
	return sys_mount("pivot_root wants a mount point: make the new root one", path, path, NULL,
		MS_BIND | MS_REC, NULL);
}

int
ct_root_build(const struct ct *c, struct ct_tree *t)
{
	const struct ct_root *r = &c->root;
	bool pivot = r->path && !r->chroot;
	*t = (struct ct_tree){.c = c, .fd = -1, .path = r->path ? r->path : "/"};
	if (sys_mount("keep our mounts to ourselves", NULL, "/", NULL, propagation(c), NULL) < 0)
		return -1;
	if (pivot && make_mount_point(r->path) < 0)
		return -1;
	t->fd = open(
		pivot && !step_dry() ? reach(r->path) : t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->fd < 0)
		return err_sys("open", t->path, "cannot open the root directory %s", t->path);
	if (ct_mount_all(t) < 0 || (r->dev && ct_dev_make(t) < 0) || ct_mask_all(t) < 0)
		return -1;
	return r->readonly ? make_readonly(t) : 0;
}

int
ct_root_enter(const struct ct_tree *t)
{
	/* With the same directory twice the old root is put on top of the new one: no place has to
	 * be made for it (pivot_root(2), NOTES). */
	if (sys_chdir("stand in the new root", reach(t->path)) < 0 ||
		sys_pivot_root("swap the roots; the old one lies on top of the new one", ".", ".") <
			0)
		return -1;
	return sys_umount("take the old root away: nothing is left to escape to", ".", MNT_DETACH);
}

/* Follows path one component further each time; what is missing is made in the directory that the
 * step before opened. *fd holds the last one. */
static int
make_path(const struct ct_tree *t, const char *path, enum ct_place_kind kind, int *fd)
{
	char part[PATH_MAX];
	auto_fd int dir = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
	size_t len = strlen(path);
	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return err_sys("openat2", path, "cannot find %s in %s", path, t->path);
	}
	for (size_t i = 1; i <= len; i++) {
		if ((path[i] != '/' && path[i]) || path[i - 1] == '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		bool last = !path[i + strspn(path + i, "/")];
		int next = open_in_root(t->fd, part, O_PATH, 0);
		if (next < 0 && errno == ENOENT) {
			auto_buf struct buf shown = BUF_INIT;
			path_join(&shown, t->path, part);
			int r = last && kind == CT_FILE ? sys_touch_at("a place to bind a file to",
								  dir, path_base(part), shown.s)
							: sys_mkdir_at("a place to mount on", dir,
								  path_base(part), shown.s, 0755);
			if (r < 0)
				return -1;
			next = open_in_root(t->fd, part, O_PATH, 0);
		}
		if (next < 0 && step_dry())
			return 0; /* the commands for what lies below need no descriptor */
		if (next < 0)
			return err_sys("openat2", part, "cannot open %s in %s", part, t->path);
		close(dir);
		dir = next;
		if (last)
			*fd = take_fd(&dir);
	}
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

/* The path as it really is, symlinks followed: the script must not follow them on the host. */
static void
show_place(const struct ct_tree *t, const char *path, struct ct_place *p)
{
	char link[64];
	snprintf(p->shown, sizeof(p->shown), "%s%s", t->path[strspn(t->path, "/")] ? t->path : "",
		path);
	if (!tell_on() || p->fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->fd);
	ssize_t n = readlink(link, p->shown, sizeof(p->shown) - 1);
	if (n > 0)
		p->shown[n] = '\0';
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
	if (step_dry() && covered(t, path)) {
		show_place(t, path, p);
		return kind == CT_FILE
			? sys_touch_at("a place to bind a file to", -1, path, p->shown)
			: sys_mkdir_at("a place to mount on", -1, path, p->shown, 0755);
	}
	if (kind == CT_ORDINARY_DIR) {
		p->fd = open_no_links(t->fd, path, O_PATH | O_DIRECTORY, 0);
		if (p->fd < 0 && (errno == ELOOP || errno == ENOTDIR))
			return not_ordinary(t, path);
	} else {
		p->fd = open_in_root(t->fd, path, O_PATH, 0);
	}
	if (p->fd < 0 && errno != ENOENT)
		return err_sys("openat2", path, "cannot open %s in %s", path, t->path);
	if (p->fd < 0 && make_path(t, path, kind, &p->fd) < 0)
		return -1;
	show_place(t, path, p);
	return 0;
}
