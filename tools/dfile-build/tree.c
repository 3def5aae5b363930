/* SPDX-License-Identifier: MIT
 * The image so far as a tree to work in: its layers joined, and an upper directory that takes what
 * a step changes.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/passwd.h"
#include "door/bulk.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "image/adopt.h"
#include "image/lower.h"
#include "image/manifest.h"
#include "mech/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define ETC_MAX ((size_t)16 << 20)

/* A place that was made to mount something there. */
struct stub {
	char *path; /* below the root, without symlinks */
	bool directory;
	struct timespec before, after; /* when its parent was changed last, without and with it */
};

/* ---- mounted, and taken apart ---- */

static int
open_lowers(struct tree *t, const struct strlist *paths)
{
	t->lower = calloc(paths->n + 1, sizeof(*t->lower));
	if (!t->lower)
		abort();
	for (size_t i = 0; i < paths->n; i++) {
		int fd = open(paths->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_sys("open", paths->v[i], "cannot open layer %s", paths->v[i]);
		t->lower[t->n_lower++] = fd;
	}
	return 0;
}

static int
mount_it(struct tree *t, const struct strlist *layers, bool read_only)
{
	char work[PATH_MAX];
	struct strlist l = {0};
	snprintf(work, sizeof(work), "%.*s/work", PATH_MAX - 16, t->dir);
	strlist_add(&l, "ufs-mount");
	for (const char **w = (const char *[]){"-u", t->upper, "-w", work, NULL};
		*w && !read_only; w++)
		strlist_add(&l, *w);
	strlist_add(&l, t->root);
	for (size_t i = 0; i < layers->n; i++)
		strlist_add(&l, layers->v[i]);
	strlist_add(&l, NULL);
	int r = run_tool(read_only ? "an image to read from"
				   : "the image so far, and a place for what is changed",
		l.v, NULL);
	free(l.v);
	t->mounted = r == 0 && !step_dry();
	return r;
}

/* overlay wants something below: for an image without a layer, an empty directory. */
static int
add_nothing(struct tree *t, struct strlist *layers)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.*s/nothing", PATH_MAX - 16, t->dir);
	strlist_add(layers, str_new(path));
	return sys_mkdir("there is nothing below yet", path, 0755);
}

static int
open_all(struct tree *t, struct strlist *layers, bool read_only)
{
	if (!layers->n && add_nothing(t, layers) < 0)
		return -1;
	if (mount_it(t, layers, read_only) < 0)
		return -1;
	if (step_dry())
		return 0;
	t->fd = open(t->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return t->fd < 0 ? err_sys("open", t->root, "cannot open %s", t->root) : 0;
}

int
tree_open(
	struct build *b, struct stage *s, const struct state *st, bool read_only, struct tree *t)
{
	struct strlist layers = {0};
	*t = (struct tree){.fd = -1};
	snprintf(t->dir, sizeof(t->dir), "%.*s/%u.%u", PATH_MAX - 64, b->dir, s->number, s->count++);
	snprintf(t->upper, sizeof(t->upper), "%.*s/upper", PATH_MAX - 16, t->dir);
	snprintf(t->root, sizeof(t->root), "%.*s/root", PATH_MAX - 16, t->dir);
	if (sys_mkdir("the place of a step", t->dir, 0700) < 0)
		return -1;
	int r = state_layer_paths(b->store, st, &layers) < 0 ||
			(!step_dry() && open_lowers(t, &layers) < 0)
		? -1
		: open_all(t, &layers, read_only);
	for (size_t i = 0; i < layers.n; i++)
		free((char *)(uintptr_t)layers.v[i]);
	free(layers.v);
	return r;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Takes a mount point out of the upper directory, where nothing runs any more, if it is still as it
 * was made: empty. A program may have put anything in its place or above it; no symlink is
 * followed. */
static void
remove_stub(int upper, const struct stub *k)
{
	struct bulk done = {0};
	struct stat sb;
	const char *base = path_base(k->path);
	auto_free char *parent = fmt_new("./%.*s", (int)(base - k->path), k->path);
	auto_fd int dir = open_no_links(upper, parent, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0 || fstatat(dir, base, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (k->directory) {
		auto_fd int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		auto_dir DIR *d = fd >= 0 ? fdopendir(dup(fd)) : NULL;
		const struct dirent *e;
		while (d && (e = readdir(d)))
			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				return;
		if (!d)
			return;
	} else if (!S_ISREG(sb.st_mode) || sb.st_size) {
		return;
	}
	bool untouched = fstat(dir, &sb) == 0 && same_time(&sb.st_mtim, &k->after);
	if (bulk_remove(&done, dir, base) == 0 && untouched)
		bulk_times(&done, dir, "", &k->before);
}

/* A directory that was only touched for the sake of a mount point is no change: it was copied up
 * into the upper directory, and is empty there again. */
static void
remove_touched(const struct tree *t, int upper, const struct stub *k)
{
	struct lowers l = {.fd = t->lower, .n = t->n_lower, .user_xattr = overlay_user_xattr()};
	auto_free char *path = str_new(k->path);
	struct bulk done = {0};
	for (char *slash; (slash = strrchr(path, '/'));) {
		struct stat now, before;
		int below = -1;
		*slash = '\0';
		auto_free char *parent =
			fmt_new("./%.*s", (int)(path_base(path) - path), path);
		auto_fd int dir = open_no_links(upper, parent, O_RDONLY | O_DIRECTORY, 0);
		auto_fd int fd = dir < 0
			? -1
			: openat(dir, path_base(path),
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		auto_dir DIR *d = fd >= 0 ? fdopendir(dup(fd)) : NULL;
		const struct dirent *e;
		bool empty = d != NULL && fstat(fd, &now) == 0 && !lower_is_opaque(fd, l.user_xattr);
		while (empty && (e = readdir(d)))
			empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
		bool same = empty && lower_find(&l, path, &below, &before) == 1 &&
			now.st_mode == before.st_mode && now.st_uid == before.st_uid &&
			now.st_gid == before.st_gid && same_time(&now.st_mtim, &before.st_mtim);
		if (below >= 0)
			close(below);
		if (!same || bulk_remove(&done, dir, path_base(path)) < 0)
			return;
	}
}

int
tree_unmount(struct tree *t)
{
	if (t->fd >= 0)
		close(take_fd(&t->fd));
	if (!t->mounted && !step_dry())
		return 0;
	if (sys_umount("the step is over", t->root, MNT_DETACH) < 0)
		return -1;
	t->mounted = false;
	auto_fd int upper = open(t->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = t->n_stubs; upper >= 0 && i-- > 0;)
		remove_stub(upper, &t->stubs[i]);
	for (size_t i = t->n_stubs; upper >= 0 && i-- > 0;)
		remove_touched(t, upper, &t->stubs[i]);
	return 0;
}

bool
tree_changed(const struct tree *t)
{
	auto_dir DIR *d = opendir(t->upper);
	const struct dirent *e;
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return true;
	return false;
}

int
tree_close(struct tree *t)
{
	struct err why = err;
	if (t->mounted)
		tree_unmount(t);
	for (size_t i = 0; i < t->n_lower; i++)
		close(t->lower[i]);
	free(t->lower);
	for (size_t i = 0; i < t->n_stubs; i++)
		free(t->stubs[i].path);
	free(t->stubs);
	err = why;
	char dir[PATH_MAX];
	memcpy(dir, t->dir, sizeof(dir));
	*t = (struct tree){.fd = -1};
	return dir[0] && (dir_exists(dir) || step_dry())
		? sys_remove_tree("the place of the step", dir)
		: 0;
}

/* ---- what was changed becomes a layer ---- */

/* Nothing in it is younger than SOURCE_DATE_EPOCH says. Directories come after what is in them. */
static int
clamp(int parent, const char *name, const struct timespec *limit, struct bulk *done)
{
	auto_fd int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_dir DIR *d = fd >= 0 ? fdopendir(dup(fd)) : NULL;
	const struct dirent *e;
	struct stat sb;
	if (!d)
		return -1;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (fstatat(fd, e->d_name, &sb, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
		if (S_ISDIR(sb.st_mode) ? clamp(fd, e->d_name, limit, done) < 0
					: sb.st_mtim.tv_sec >= limit->tv_sec &&
					!lower_is_whiteout(&sb) &&
					bulk_times(done, fd, e->d_name, limit) < 0)
			return -1;
	}
	if (fstat(fd, &sb) < 0)
		return -1;
	return sb.st_mtim.tv_sec >= limit->tv_sec ? bulk_times(done, fd, "", limit) : 0;
}

int
tree_adopt(struct build *b, const struct state *st, struct tree *t, struct build_layer *out)
{
	const char *below = st->n ? st->layers[st->n - 1].chain : NULL;
	const struct timespec limit = {.tv_sec = (time_t)b->now};
	struct bulk done = {0};
	struct adopted a;
	if (b->clamp && !step_dry() && clamp(AT_FDCWD, t->upper, &limit, &done) < 0)
		return err_sys("utimensat", t->upper, "cannot set times in %s", t->upper);
	if (done.n[BULK_TIME])
		bulk_tell(&done, t->upper);
	if (layer_adopt(b->store, t->upper, t->lower, t->n_lower, below, &a) < 0)
		return -1;
	if (a.warning[0])
		report_warning("%s", a.warning);
	*out = (struct build_layer){.size = a.size};
	memcpy(out->diff_id, a.diff_id, DIGEST_SIZE);
	memcpy(out->blob, a.diff_id, DIGEST_SIZE);
	memcpy(out->chain, a.chain, DIGEST_SIZE);
	snprintf(out->media_type, sizeof(out->media_type), "%s", MEDIA_OCI_LAYER);
	return 0;
}

/* ---- places in it ---- */

static struct stub *
add_stub(struct tree *t, char *path, bool directory)
{
	t->stubs = realloc(t->stubs, (t->n_stubs + 1) * sizeof(*t->stubs));
	if (!t->stubs)
		abort();
	t->stubs[t->n_stubs] = (struct stub){.path = path, .directory = directory};
	return &t->stubs[t->n_stubs++];
}

/* Where a directory really is, below the root. */
static char *
place_of(const struct tree *t, int dir)
{
	char self[64], top[PATH_MAX], at[PATH_MAX];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", t->fd);
	ssize_t n = readlink(self, top, sizeof(top) - 1);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", dir);
	ssize_t m = readlink(self, at, sizeof(at) - 1);
	if (n < 0 || m < n)
		return NULL;
	at[m] = '\0';
	return str_new(at + n + (at[n] == '/'));
}

/* One part of a path that is not there. */
static int
make_part(struct tree *t, int dir, const char *name, bool directory, const struct owner *o,
	bool stub)
{
	struct stat before = {0}, after = {0};
	struct bulk done = {0};
	if (stub && fstat(dir, &before) < 0)
		return -1;
	if (directory ? bulk_mkdir(&done, dir, name, 0755) < 0
		      : bulk_mknod(&done, dir, name, S_IFREG | 0644, 0) < 0)
		return -1;
	if (o && (o->uid || o->gid) && bulk_chown(&done, dir, name, o->uid, o->gid) < 0)
		return -1;
	if (stub) {
		auto_free char *at = place_of(t, dir);
		if (!at || fstat(dir, &after) < 0)
			return -1;
		struct stub *k =
			add_stub(t, fmt_new("%s%s%s", at, *at ? "/" : "", name), directory);
		k->before = before.st_mtim;
		k->after = after.st_mtim;
	}
	return 0;
}

/* Walks along a path, and makes what is missing of it. Symlinks lead on inside the root; one that
 * leads nowhere is an error. */
static int
walk(struct tree *t, const char *path, bool directory, const struct owner *o, bool stub, int *fd)
{
	auto_free char *at = clean_path(path);
	auto_fd int dir = open_in_root(t->fd, "/", O_PATH | O_DIRECTORY, 0);
	for (char *part = at, *slash; dir >= 0 && *part;
		part = slash ? slash + 1 : strchr(part, '\0')) {
		slash = strchr(part, '/');
		if (slash)
			*slash = '\0';
		int flags = O_PATH | (slash || directory ? O_DIRECTORY : 0);
		int next = open_in_root(t->fd, at, flags, 0);
		if (next < 0 && errno == ENOENT) {
			if (make_part(t, dir, part, slash || directory, o, stub) < 0)
				return err_sys("mkdir", path, "cannot make %s", path);
			next = open_in_root(t->fd, at, flags, 0);
		}
		int no = errno;
		close(take_fd(&dir));
		dir = next;
		errno = no;
		if (slash)
			*slash = '/';
	}
	if (dir < 0)
		return err_sys("openat2", path, "cannot open %s in the image", path);
	if (fd)
		*fd = take_fd(&dir);
	return 0;
}

int
tree_stub(struct tree *t, const char *path, bool directory)
{
	return step_dry() ? 0 : walk(t, path, directory, NULL, true, NULL);
}

int
tree_make_dirs(struct tree *t, const char *path, const struct owner *o, int *fd)
{
	return walk(t, path, true, o, false, fd);
}

/* ---- who is who in it ---- */

static int
read_etc(const struct tree *t, const char *path, struct buf *out)
{
	char piece[4096];
	struct stat sb;
	ssize_t n;
	buf_adds(out, "");
	auto_fd int fd = open_in_root(t->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 || fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode))
		return 0;
	while ((n = read(fd, piece, sizeof(piece))) > 0 && out->len < ETC_MAX)
		buf_add(out, piece, (size_t)n);
	return n < 0 ? err_sys("read", path, "cannot read %s of the image", path) : 0;
}

/* A number is a number, whatever the files say (CVE-2016-3697). */
static int
number(const char *text, uint32_t *id)
{
	int64_t n;
	if (parse_int(text, 0, UINT32_MAX - 1, &n) < 0)
		return -1;
	*id = (uint32_t)n;
	return 0;
}

static int
find_group(const struct tree *t, const char *name, uint32_t *gid)
{
	auto_buf struct buf text = BUF_INIT;
	if (is_digits(name))
		return number(name, gid);
	if (read_etc(t, "/etc/group", &text) < 0)
		return -1;
	return group_find(text.s, name, gid)
		? 0
		: err_set(ERR_NOT_FOUND, name, "unable to find group %s in the image's /etc/group",
			  name);
}

int
tree_owner(const struct tree *t, const char *text, struct owner *o)
{
	auto_buf struct buf passwd = BUF_INIT;
	auto_free char *user = fmt_new("%.*s", (int)strcspn(text, ":"), text);
	const char *group = strchr(text, ':');
	struct passwd_entry e;
	uint32_t id = 0;
	*o = (struct owner){0};
	if (is_digits(user)) {
		if (number(user, &id) < 0)
			return -1;
		o->uid = o->gid = id;
	} else if (*user) {
		if (read_etc(t, "/etc/passwd", &passwd) < 0)
			return -1;
		if (!passwd_find(passwd.s, user, 0, &e))
			return err_set(ERR_NOT_FOUND, user,
				"unable to find user %s in the image's /etc/passwd", user);
		o->uid = e.uid;
		o->gid = e.gid;
	}
	if (!group || !group[1])
		return 0;
	if (find_group(t, group + 1, &id) < 0)
		return -1;
	o->gid = id;
	return 0;
}
