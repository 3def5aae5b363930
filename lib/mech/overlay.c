/* SPDX-License-Identifier: MIT */
#include "mech/overlay.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/undo.h"
#include "mech/overlay_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A layer committed from UPPER has to be complete by itself, so nothing in it may point to lower
 * layers: no metacopy (a file's attributes without its content), no redirect_dir (a renamed
 * directory without what is in it; it is copied by mv(1) instead), and those that a foreign layer
 * holds are refused, for they can name any directory. index would tie UPPER to one set of layers,
 * and xino would make inode numbers depend on the host. Kernels differ in their defaults, so each
 * is said. */
#define OPTIONS "index=off,metacopy=off,redirect_dir=nofollow,xino=off"

/* Inode number of the first user namespace, the same since Linux 3.8 (PROC_USER_INIT_INO). */
#define FIRST_USER_NAMESPACE 0xeffffffdu

bool
overlay_user_xattr(void)
{
	struct stat sb;
	return stat("/proc/self/ns/user", &sb) == 0 && sb.st_ino != FIRST_USER_NAMESPACE;
}

/* Opened, for that asks all at once: it is there, a directory, and may be read. The mount itself
 * would succeed with a layer that cannot be read, and every look into it fail. */
int
overlay_check_layers(const struct overlay *o)
{
	for (size_t i = 0; i < o->n; i++) {
		const char *layer = o->layers[i];
		auto_fd int fd = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			continue;
		err_sys("open", layer, "cannot open layer %s", layer);
		if (err.no == ENOTDIR)
			err_hint("a layer is a directory: ufs-apply makes one of a tar");
		return -1;
	}
	return 0;
}

static int
check_count(const struct overlay *o)
{
	if (o->n == 0)
		return err_set(
			ERR_INVALID, o->dir, "cannot mount overlay on %s: no layers given", o->dir);
	if (o->n <= OVERLAY_MAX_LAYERS)
		return 0;
	err_set(ERR_INVALID, o->dir,
		"cannot mount overlay on %s: %zu layers, and the kernel stacks at most %d", o->dir,
		o->n, OVERLAY_MAX_LAYERS);
	return err_hint("squash makes one layer of several; --copy has no such limit");
}

struct user_of_upper {
	const char *upper;
	struct buf point;
};

static int
uses_upper(void *self, const struct mount_entry *m)
{
	struct user_of_upper *u = self;
	auto_buf struct buf upper = BUF_INIT;
	if (strcmp(m->type, "overlay") != 0 || !mountinfo_option(m, "upperdir", &upper) ||
		strcmp(upper.s, u->upper) != 0)
		return 0;
	buf_adds(&u->point, m->point);
	return 1;
}

/* The kernel lets two overlays write to one directory, and only warns in its log that what comes of
 * it is undefined. */
static int
check_upper_free(const struct overlay *o, const char *upper)
{
	struct user_of_upper u = {.upper = upper};
	int r = mountinfo_each("/proc/self/mountinfo", uses_upper, &u);
	if (r > 0) {
		err_set(ERR_IN_USE, o->upper,
			"cannot mount overlay on %s: %s is the upper directory of %s already",
			o->dir, o->upper, u.point.s);
		err_hint("every overlay needs an upper directory of its own");
	}
	buf_free(&u.point);
	return r ? -1 : 0;
}

/* What a user namespace shows in place of an id that it does not know, and takes from nobody. */
#define OVERFLOW_ID 65534

static bool
can_give_to(const struct stat *sb)
{
	return geteuid() == 0 &&
		!(overlay_user_xattr() && (sb->st_uid == OVERFLOW_ID || sb->st_gid == OVERFLOW_ID));
}

/* The merged root has the attributes of UPPER, not of the layers, so a new UPPER gets those of the
 * top layer: /tmp as the root of a layer keeps its sticky bit, a root of user 1000 its owner. */
static int
make_upper(const struct overlay *o, const char *upper)
{
	const char *top = o->layers[o->n - 1];
	struct stat want, is;
	if (dir_exists(upper))
		return 0;
	if (sys_mkdir_all("the upper directory: it takes all that is written", upper, 0755) < 0)
		return -1;
	if (stat(top, &want) < 0)
		return err_sys("stat", top, "cannot look at layer %s", top);
	if (step_dry() || stat(upper, &is) < 0)
		is = (struct stat){.st_uid = geteuid(), .st_gid = getegid()};
	if ((want.st_uid != is.st_uid || want.st_gid != is.st_gid) && can_give_to(&want) &&
		sys_chown("its owner is that of the merged root: as in the top layer", upper,
			want.st_uid, want.st_gid) < 0)
		return -1;
	return sys_chmod("its mode is that of the merged root: as in the top layer", upper,
		want.st_mode & 07777);
}

static int
undo_work(const char *a, const char *b)
{
	return dir_exists(a) ? undo_rmdir(a, b) : 0;
}

/* Its parents are ordinary directories, but nobody has a business in WORK itself. The kernel makes
 * WORK/work as soon as it looks there, and leaves it, even when the mount fails for another reason
 * afterwards. */
static int
make_work(const char *work)
{
	static const char why[] = "the kernel's scratch, on the same file system";
	auto_buf struct buf parent = BUF_INIT, inner = BUF_INIT, shell = BUF_INIT;
	buf_add(&parent, work, (size_t)(path_base(work) - work));
	if (sys_mkdir_all(why, buf_str(&parent), 0755) < 0 || sys_mkdir_all(why, work, 0700) < 0)
		return -1;
	path_join(&inner, work, "work");
	buf_adds(&shell, "rmdir ");
	buf_add_sh(&shell, inner.s);
	if (!dir_exists(inner.s))
		undo_push(undo_work, inner.s, NULL, shell.s);
	return 0;
}

/* The older call where the newer cannot be had: ENOSYS before Linux 5.2, EPERM where a seccomp
 * filter does not know it, EINVAL before 6.8 which brought lowerdir+. */
static bool
too_old(void)
{
	return (strcmp(err.call, "fsopen") == 0 && (err.no == ENOSYS || err.no == EPERM)) ||
		(strcmp(err.call, "fsconfig") == 0 && err.no == EINVAL);
}

static int
mount_layers(const struct sys_overlay *m)
{
	static const char why[] = "join the layers; in the command the topmost stands first";
	if (sys_overlay_fsopen(why, m) == 0)
		return 0;
	struct err first = err;
	if (!too_old())
		return -1;
	if (sys_overlay_mount("the same by the older call, which every kernel has", m) == 0)
		return 0;
	/* The same complaint twice: the newer call says more about it. */
	if (err.no == first.no && first.hint[0])
		err = first;
	return -1;
}

/* Where the kernel cannot write to WORK (a full disk), it mounts read-only and says so only in its
 * log. */
static int
check_writable(const struct overlay *o)
{
	struct statvfs fs;
	if (step_dry() || !o->upper || statvfs(o->dir, &fs) < 0 || !(fs.f_flag & ST_RDONLY))
		return 0;
	err_set(ERR_NO_SPACE, o->work,
		"cannot mount overlay on %s: the kernel cannot write to %s, and would make it read-only",
		o->dir, o->work);
	return err_hint("the file system of %s may be full", o->work);
}

static int
mount_overlay(const struct overlay *o, struct sys_overlay *m)
{
	if (o->upper &&
		(check_upper_free(o, m->upper) < 0 || make_upper(o, m->upper) < 0 ||
			make_work(m->work) < 0))
		return -1;
	if (o->uid_map.n)
		return overlay_shifted(o, m, mount_layers) < 0 ? -1 : check_writable(o);
	if (mount_layers(m) < 0) {
		overlay_hint(o);
		return -1;
	}
	return check_writable(o);
}

/* Overlay wants two directories at least. One layer alone is bound to its place, and the bind made
 * read-only, keeping the flags that the layer's own mount has (a user namespace may not drop
 * them). A bind mount shows its file system's source, not our mark, hence the note. */
static int
bind_layer(const char *layer, const char *dir)
{
	struct statvfs fs;
	unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
	if (statvfs(layer, &fs) < 0)
		return err_sys("statvfs", layer, "cannot look at layer %s", layer);
	flags |= fs.f_flag & ST_NOSUID ? MS_NOSUID : 0;
	flags |= fs.f_flag & ST_NODEV ? MS_NODEV : 0;
	flags |= fs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0;
	if (state_note("mount", dir) < 0)
		return -1;
	if (sys_mount("one layer needs no overlay: show it at a second place", layer, dir, NULL,
		    MS_BIND, NULL) < 0)
		return -1;
	return sys_mount("and there read-only", NULL, dir, NULL, flags, NULL);
}

void
overlay_free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* The directory that layers lie in, and its real name: those of a store lie side by side, and the
 * way to them is looked up once, not for each of hundreds. */
struct parent {
	const char *of; /* a layer in it */
	size_t len; /* of its path up to the last slash */
	struct buf real;
};

static int
resolve(const char *layer, struct parent *p, struct buf *out)
{
	struct stat sb;
	const char *base = path_base(layer);
	size_t len = (size_t)(base - layer);
	/* "", "." and "..", and what is a link, are called otherwise. */
	if (!len || !base[strspn(base, ".")] || lstat(layer, &sb) < 0 || S_ISLNK(sb.st_mode))
		return path_resolve(layer, out);
	if (!p->of || p->len != len || strncmp(p->of, layer, len) != 0) {
		auto_free char *dir = fmt_new("%.*s", (int)len, layer);
		buf_reset(&p->real);
		if (path_resolve(dir, &p->real) < 0)
			return -1;
		p->of = layer;
		p->len = len;
	}
	path_join(out, p->real.s, base);
	return 0;
}

char **
overlay_names(const struct overlay *o)
{
	struct parent p = {0};
	char **names = calloc(o->n, sizeof(*names));
	if (!names)
		abort();
	size_t n = 0;
	int r = 0;
	for (; r == 0 && n < o->n; n++) {
		struct buf b = BUF_INIT;
		r = resolve(o->layers[n], &p, &b);
		names[n] = buf_take(&b);
	}
	buf_free(&p.real);
	if (r == 0)
		return names;
	overlay_free_names(names, n);
	return NULL;
}

int
overlay_mount(const struct overlay *o)
{
	auto_buf struct buf dir = BUF_INIT, upper = BUF_INIT, work = BUF_INIT;
	if (check_count(o) < 0 || overlay_check_layers(o) < 0)
		return -1;
	if (path_resolve(o->dir, &dir) < 0 || (o->upper && path_resolve(o->upper, &upper) < 0) ||
		(o->work && path_resolve(o->work, &work) < 0))
		return -1;
	char **layers = overlay_names(o);
	if (!layers)
		return -1;
	struct sys_overlay m = {.target = dir.s,
		.lower = (const char *const *)layers,
		.n_lower = o->n,
		.upper = upper.s,
		.work = work.s,
		.options = overlay_user_xattr() ? OPTIONS ",userxattr" : OPTIONS};
	int r = sys_mkdir_all("where the merged tree will appear", dir.s, 0755);
	if (r == 0)
		r = o->n == 1 && !o->upper ? bind_layer(layers[0], dir.s) : mount_overlay(o, &m);
	overlay_free_names(layers, o->n);
	return r;
}

static void
add_maps(struct strlist *l, const char *option, const struct ct_id_maps *m)
{
	for (size_t i = 0; i < m->n; i++) {
		strlist_add(l, option);
		strlist_add(l,
			fmt_new("%u:%u:%u", m->v[i].container_id, m->v[i].host_id, m->v[i].size));
	}
}

void
overlay_words(const struct overlay *o, struct strlist *l)
{
	const char *const first[] = {"ufs-mount", "-u", o->upper, "-w", o->work};
	for (size_t i = 0; i < (o->upper ? 5 : 1); i++)
		strlist_add(l, first[i]);
	add_maps(l, "--uid-map", &o->uid_map);
	add_maps(l, "--gid-map", &o->gid_map);
	strlist_add(l, o->dir);
	for (size_t i = 0; i < o->n; i++)
		strlist_add(l, o->layers[i]);
	strlist_add(l, NULL);
}
