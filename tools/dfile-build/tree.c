/* SPDX-License-Identifier: MIT
 * The image so far as a tree to work in: its layers joined, and an upper directory that takes what
 * a step changes.
 */
#include "tree_in.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/bulk.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "image/adopt.h"
#include "image/lower.h"
#include "image/manifest.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- mounted, and taken apart ---- */

/* A stage's layers, opened as they come: each step has those of the one before, and one more. */
static struct {
	const struct stage *of;
	int *fd;
	size_t n;
} lowers;

static void
close_lowers(void)
{
	while (lowers.n)
		close(lowers.fd[--lowers.n]);
	free(lowers.fd);
	lowers.fd = NULL;
}

/* Lends the tree those of the stage so far. */
static int
open_lowers(const struct stage *s, const struct strlist *paths, struct tree *t)
{
	if (lowers.of != s)
		close_lowers();
	lowers.of = s;
	lowers.fd = reallocarray(lowers.fd, paths->n + 1, sizeof(*lowers.fd));
	if (!lowers.fd)
		abort();
	while (lowers.n < paths->n) {
		const char *path = paths->v[lowers.n];
		int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_sys("open", path, "cannot open layer %s", path);
		lowers.fd[lowers.n++] = fd;
	}
	t->lower = lowers.fd;
	t->n_lower = paths->n;
	return 0;
}

static int
mount_it(struct tree *t, const struct strlist *layers, bool read_only)
{
	char work[PATH_MAX];
	struct strlist l = {0};
	snprintf(work, sizeof(work), "%.*s/work", PATH_MAX - 16, t->dir);
	strlist_add(&l, "ufs-mount");
	if (!read_only) {
		strlist_add(&l, "-u");
		strlist_add(&l, t->upper);
		strlist_add(&l, "-w");
		strlist_add(&l, work);
	}
	strlist_add(&l, t->root);
	for (size_t i = 0; i < layers->n; i++)
		strlist_add(&l, layers->v[i]);
	strlist_add(&l, NULL);
	int r = run_tool(read_only ? "an image to read from"
				   : "the image so far, and a place for what is changed",
		l.v, NULL);
	free(l.v);
	if (r < 0)
		return -1;
	t->mounted = !step_dry();
	return 0;
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

static int
make_place(struct build *b, struct stage *s, struct tree *t)
{
	*t = (struct tree){.fd = -1};
	snprintf(
		t->dir, sizeof(t->dir), "%.*s/%u.%u", PATH_MAX - 64, b->dir, s->number, s->count++);
	snprintf(t->upper, sizeof(t->upper), "%.*s/upper", PATH_MAX - 16, t->dir);
	snprintf(t->root, sizeof(t->root), "%.*s/root", PATH_MAX - 16, t->dir);
	return sys_mkdir("the place of a step", t->dir, 0700);
}

static void
free_paths(struct strlist *layers)
{
	for (size_t i = 0; i < layers->n; i++)
		free((char *)(uintptr_t)layers->v[i]);
	free(layers->v);
}

int
tree_open(struct build *b, struct stage *s, const struct state *st, bool read_only, struct tree *t)
{
	struct strlist layers = {0};
	if (make_place(b, s, t) < 0)
		return -1;
	int r = state_layer_paths(b->store, st, &layers) < 0 ||
			(!read_only && !step_dry() && open_lowers(s, &layers, t) < 0)
		? -1
		: open_all(t, &layers, read_only);
	free_paths(&layers);
	return r;
}

int
tree_open_bare(struct build *b, struct stage *s, const struct state *st, struct tree *t)
{
	struct strlist layers = {0};
	if (make_place(b, s, t) < 0)
		return -1;
	t->bare = true;
	memcpy(t->root, t->upper, sizeof(t->root));
	int r = state_layer_paths(b->store, st, &layers);
	if (r == 0)
		r = sys_mkdir("a layer that looks at none below", t->upper, 0755);
	if (r == 0 && !step_dry())
		r = open_lowers(s, &layers, t);
	if (r == 0 && !step_dry() && (t->fd = open(t->upper, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		r = err_sys("open", t->upper, "cannot open %s", t->upper);
	free_paths(&layers);
	return r;
}

int
tree_unmount(struct tree *t)
{
	if (t->fd >= 0)
		close(take_fd(&t->fd));
	if (t->bare || (!t->mounted && !step_dry()))
		return 0;
	if (sys_umount("the step is over", t->root, MNT_DETACH) < 0)
		return -1;
	t->mounted = false;
	tree_remove_stubs(t);
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
		if (S_ISDIR(sb.st_mode)
				? clamp(fd, e->d_name, limit, done) < 0
				: sb.st_mtim.tv_sec >= limit->tv_sec && !lower_is_whiteout(&sb) &&
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
	if ((t->bare ? layer_adopt_alone : layer_adopt)(
		    b->store, t->upper, t->lower, t->n_lower, below, &a) < 0)
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
