/* SPDX-License-Identifier: MIT */
#include "mech/overlay_merge.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct merge {
	struct copy *copy;
	const char *const *layers; /* their names, for messages */
	int *root; /* and open directories */
};

/* A directory of the merged tree: the layers that make it up, topmost first. */
struct merged_dir {
	const char *path; /* below the root of each: "." or "usr/bin" */
	size_t *layer;
	size_t n;
};

static struct copy_source
source(const struct merge *m, size_t layer, const char *path, const struct stat *sb)
{
	return (struct copy_source){m->root[layer], m->layers[layer], path, sb};
}

static int
look(const struct merge *m, size_t layer, const char *path, struct stat *sb)
{
	return fstatat(m->root[layer], path, sb, AT_SYMLINK_NOFOLLOW);
}

static int
look_failed(const struct merge *m, size_t layer, const char *path)
{
	return err_sys("open", path, "cannot read %s/%s", m->layers[layer], path);
}

/* A character device 0:0 in place of a file that is gone. */
static bool
is_whiteout(const struct stat *sb)
{
	return S_ISCHR(sb->st_mode) && sb->st_rdev == makedev(0, 0);
}

/* A directory with the mark hides those of its name below. A mount looks for one of the two names
 * (overlay_user_xattr()); layers come from root and from others, and no image can bring either. */
static bool
is_opaque(const struct merge *m, size_t layer, const char *path)
{
	char place[PATH_MAX], value = 0;
	snprintf(place, sizeof(place), "/proc/self/fd/%d/%s", m->root[layer], path);
	return (lgetxattr(place, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y') ||
		(lgetxattr(place, "user.overlay.opaque", &value, 1) == 1 && value == 'y');
}

/* The layers of `in`, from number `first` on, whose directories at d->path are merged: down to one
 * that is opaque, is no directory, or is a whiteout. */
static void
find_layers(const struct merge *m, const struct merged_dir *in, size_t first, struct merged_dir *d)
{
	struct stat sb;
	d->n = 0;
	for (size_t i = first; i < in->n; i++) {
		if (look(m, in->layer[i], d->path, &sb) < 0)
			continue;
		if (!S_ISDIR(sb.st_mode))
			break;
		d->layer[d->n++] = in->layer[i];
		if (is_opaque(m, in->layer[i], d->path))
			break;
	}
}

static size_t *
new_layers(size_t n)
{
	size_t *v = calloc(n, sizeof(*v));
	if (!v)
		abort();
	return v;
}

/* All names in one directory of one layer, copied: the recursion holds no directory open for
 * reading. */
static int
read_names(const struct merge *m, size_t layer, const char *path, struct strlist *names)
{
	struct dirent *e;
	auto_fd int fd = open_no_links(m->root[layer], path, O_RDONLY | O_DIRECTORY, 0);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return look_failed(m, layer, path);
	take_fd(&fd);
	while (errno = 0, (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strlist_add(names, str_new(e->d_name));
	return errno ? look_failed(m, layer, path) : 0;
}

static void
free_names(struct strlist *names)
{
	for (size_t i = 0; i < names->n; i++)
		free((void *)(uintptr_t)names->v[i]);
	free(names->v);
}

/* Whether a layer above number `below` has the name already, be it as a whiteout. */
static bool
seen_above(const struct merge *m, const struct merged_dir *d, size_t below, const char *path)
{
	struct stat sb;
	for (size_t i = 0; i < below; i++)
		if (look(m, d->layer[i], path, &sb) == 0)
			return true;
	return false;
}

static int merge_dir(const struct merge *m, const struct merged_dir *d, int fd);

static int
merge_subdir(const struct merge *m, const struct merged_dir *in, size_t first, const char *path,
	int to, const char *name)
{
	struct merged_dir d = {.path = path, .layer = new_layers(in->n)};
	int r = -1;
	auto_fd int fd = -1;
	find_layers(m, in, first, &d);
	if (bulk_mkdir(&m->copy->done, to, name, 0700) == 0)
		fd = open_no_links(to, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		err_sys("mkdir", path, "cannot make directory %s/%s", m->copy->shown, path);
	else
		r = merge_dir(m, &d, fd);
	free(d.layer);
	return r;
}

/* One name of layer number i of d. */
static int
merge_entry(const struct merge *m, const struct merged_dir *d, size_t i, const char *name, int to)
{
	struct stat sb;
	auto_buf struct buf path = BUF_INIT;
	if (strcmp(d->path, ".") != 0)
		buf_addf(&path, "%s/", d->path);
	buf_adds(&path, name);
	if (seen_above(m, d, i, path.s))
		return 0;
	if (look(m, d->layer[i], path.s, &sb) < 0)
		return look_failed(m, d->layer[i], path.s);
	if (is_whiteout(&sb))
		return 0;
	if (S_ISDIR(sb.st_mode))
		return merge_subdir(m, d, i, path.s, to, name);
	struct copy_source s = source(m, d->layer[i], path.s, &sb);
	return copy_file(m->copy, &s, to, name, path.s);
}

/* Fills fd; its attributes are those of the topmost layer that has it. */
static int
merge_dir(const struct merge *m, const struct merged_dir *d, int fd)
{
	struct stat sb;
	for (size_t i = 0; i < d->n; i++) {
		struct strlist names = {0};
		int r = read_names(m, d->layer[i], d->path, &names);
		for (size_t k = 0; k < names.n && r == 0; k++)
			r = merge_entry(m, d, i, names.v[k], fd);
		free_names(&names);
		if (r < 0)
			return -1;
	}
	if (look(m, d->layer[0], d->path, &sb) < 0)
		return look_failed(m, d->layer[0], d->path);
	struct copy_source s = source(m, d->layer[0], d->path, &sb);
	return copy_dir_attributes(m->copy, &s, fd, d->path);
}

static int
open_roots(struct merge *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		m->root[i] = open(m->layers[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (m->root[i] >= 0)
			continue;
		err_sys("open", m->layers[i], "cannot open layer %s", m->layers[i]);
		while (i-- > 0)
			close(m->root[i]);
		return -1;
	}
	return 0;
}

int
overlay_merge(struct copy *c, const char *const *layers, size_t n)
{
	struct merge m = {.copy = c, .layers = layers, .root = calloc(n, sizeof(int))};
	struct merged_dir top = {.path = ".", .layer = new_layers(n), .n = n};
	int r = -1;
	if (!m.root)
		abort();
	for (size_t i = 0; i < n; i++)
		top.layer[i] = n - 1 - i;
	if (open_roots(&m, n) == 0) {
		auto_fd int fd = openat(c->to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? err_sys("open", c->shown, "cannot open %s", c->shown)
			   : merge_dir(&m, &top, fd);
		for (size_t i = 0; i < n; i++)
			close(m.root[i]);
	}
	free(m.root);
	free(top.layer);
	return r;
}
