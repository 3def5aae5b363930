/* SPDX-License-Identifier: MIT
 * Where an entry goes. Names come from strangers: they are cleaned as text first, and then only
 * ever opened below the layer's directory, by openat2(2) with RESOLVE_IN_ROOT: a symlink on the way
 * is followed as a process would that has the directory as its root, so it cannot lead out.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "image/layer_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
layer_failed(const struct apply *a, const char *call, const char *verb)
{
	return err_sys(call, a->name, "cannot %s %s", verb, a->name);
}

void
layer_left_out(struct layer_result *r, const char *fmt, ...)
{
	va_list ap;
	if (r->skipped++)
		return;
	va_start(ap, fmt);
	vsnprintf(r->warning, sizeof(r->warning), fmt, ap);
	va_end(ap);
}

int
layer_clean(const char *name, char out[PATH_MAX])
{
	size_t len = 0, n;
	for (const char *p = name; *p; p += n) {
		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 0 || (n == 1 && *p == '.'))
			continue;
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			/* At the front of a relative name it means outside; of "/.." it is "/". */
			if (len == 0 && *name != '/')
				return err_set(ERR_INVALID, name,
					"cannot use the name %s: it leads outside", name);
			while (len && out[--len] != '/')
				;
			continue;
		}
		if (len + n + 2 > PATH_MAX || n > NAME_MAX) {
			errno = ENAMETOOLONG;
			return err_sys(NULL, name, "cannot make %s", name);
		}
		if (len)
			out[len++] = '/';
		memcpy(out + len, p, n);
		len += n;
	}
	out[len] = '\0';
	return 0;
}

void
layer_forget_places(struct apply *a)
{
	for (int i = 0; i < PLACES; i++) {
		if (!a->places[i].path)
			continue;
		close(a->places[i].place.fd);
		free(a->places[i].path);
		a->places[i].path = NULL;
	}
	a->stale = false;
}

static bool
cached(struct apply *a, const char *path, size_t len, struct place *out)
{
	for (int i = 0; i < PLACES; i++) {
		if (!a->places[i].path || a->places[i].len != len ||
			memcmp(a->places[i].path, path, len) != 0)
			continue;
		a->places[i].used = ++a->clock;
		*out = a->places[i].place;
		return true;
	}
	return false;
}

/* Puts an open directory in the place that was unused for longest. The one used last stays, so two
 * can be held at a time (a hard link has two parents). */
static void
keep(struct apply *a, const char *path, size_t len, int fd, const struct stat *sb)
{
	int at = 0;
	struct place old;
	if (cached(a, path, len, &old)) {
		for (at = 0; a->places[at].used != a->clock; at++)
			;
	} else {
		for (int i = 0; i < PLACES; i++)
			if (!a->places[i].path || a->places[i].used < a->places[at].used)
				at = i;
	}
	if (a->places[at].path)
		close(a->places[at].place.fd);
	free(a->places[at].path);
	a->places[at].path = malloc(len + 1);
	if (!a->places[at].path)
		abort();
	memcpy(a->places[at].path, path, len);
	a->places[at].len = len;
	a->places[at].used = ++a->clock;
	a->places[at].place = (struct place){
		.fd = fd,
		.ino = sb->st_ino,
		.gid = sb->st_mode & S_ISGID ? sb->st_gid : a->gid,
	};
}

void
layer_keep_place(struct apply *a, const char *path, int fd, const struct stat *sb)
{
	keep(a, path, strlen(path), fd, sb);
}

/* Opens the directory path[0..len). Returns 0, or -1 with errno set. */
static int
open_place(struct apply *a, const char *path, size_t len, struct place *out)
{
	char name[PATH_MAX];
	struct stat sb;
	if (cached(a, path, len, out))
		return 0;
	memcpy(name, len ? path : ".", len ? len : 1);
	name[len ? len : 1] = '\0';
	auto_fd int fd = (a->how->no_links ? open_no_links : open_in_root)(
		a->how->dir, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 || fstat(fd, &sb) < 0)
		return -1;
	if (sb.st_dev != a->dev) {
		/* Something is mounted below: a layer is of one file system. */
		errno = EXDEV;
		return -1;
	}
	keep(a, path, len, take_fd(&fd), &sb);
	cached(a, path, len, out);
	return 0;
}

int
layer_note_dir(struct apply *a, const char *path, size_t len, const struct layer_dir *d)
{
	struct layer_todo *t = a->todo;
	int is_new;
	ssize_t i = names_add(&t->dirs, path, len, &is_new);
	if (i < 0)
		return layer_failed(a, NULL, "remember another directory for");
	if ((size_t)i >= t->dir_cap) {
		t->dir_cap = t->dir_cap ? t->dir_cap * 2 : 64;
		t->dir = reallocarray(t->dir, t->dir_cap, sizeof(*t->dir));
		if (!t->dir)
			abort();
	}
	if (!is_new)
		free(t->dir[i].acl);
	t->dir[i] = *d;
	return 0;
}

/* The parent's inode number and the name: one key however a symlink leads there. */
static size_t
made_key(char key[8 + NAME_MAX + 1], uint64_t ino, const char *base)
{
	size_t len = strnlen(base, NAME_MAX);
	memcpy(key, &ino, 8);
	memcpy(key + 8, base, len);
	return len + 8;
}

int
layer_note_made(struct apply *a, const struct place *p, const char *base)
{
	char key[8 + NAME_MAX + 1];
	if (a->fresh)
		return 0;
	if (names_add(&a->made, key, made_key(key, p->ino, base), NULL) < 0)
		return layer_failed(a, NULL, "remember another entry:");
	return 0;
}

bool
layer_made(const struct apply *a, uint64_t ino, const char *base)
{
	char key[8 + NAME_MAX + 1];
	return a->fresh || names_find(&a->made, key, made_key(key, ino, base)) >= 0;
}

/* Makes a directory that has no entry of its own (yet): the mode is the usual one, until the layers
 * below are asked for theirs. What is no directory gives way, as it would to an entry. */
static int
make_implied(struct apply *a, const struct target *t)
{
	struct stat sb;
	bool whiteout = false;
	if (bulk_mkdir(&a->todo->bulk, t->place.fd, t->base, 0755) < 0) {
		if (errno != EEXIST || fstatat(t->place.fd, t->base, &sb, AT_SYMLINK_NOFOLLOW) < 0)
			return layer_failed(a, "mkdirat", "make a parent directory of");
		if (S_ISLNK(sb.st_mode))
			return err_set(ERR_INVALID, a->name,
				"cannot make %s: its parent %s is a symbolic link that leads to no directory",
				a->name, t->path);
		if (layer_clear(a, t, &whiteout) < 0)
			return -1;
		if (bulk_mkdir(&a->todo->bulk, t->place.fd, t->base, 0755) < 0)
			return layer_failed(a, "mkdirat", "make a parent directory of");
	}
	auto_fd int fd =
		openat(t->place.fd, t->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0)
		return layer_failed(a, "openat", "open a parent directory of");
	/* The whiteout said that nothing below is to be seen; a directory says so by a mark. */
	if (whiteout && a->how->form == LAYER_OVERLAY && layer_make_opaque(a, fd) < 0)
		return -1;
	struct layer_dir d = {.ino = sb.st_ino, .mode = 0755, .mtime = a->mtime, .implied = true};
	if (layer_note_made(a, &t->place, t->base) < 0 ||
		layer_note_dir(a, t->path, strlen(t->path), &d) < 0)
		return -1;
	layer_keep_place(a, t->path, take_fd(&fd), &sb);
	return 0;
}

/* Length of the parent of path[0..len). */
static size_t
up(const char *path, size_t len)
{
	while (len && path[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

/* Opens path[0..len), making what is missing: up to the first directory that is there, then down
 * again. */
static int
make_place(struct apply *a, const char *path, size_t len, struct place *out)
{
	struct target t;
	size_t have = len;
	while (open_place(a, path, have, out) < 0) {
		if (errno == ELOOP && a->how->no_links)
			return err_set(ERR_INVALID, a->name,
				"cannot make %s: one of its parents is a symbolic link", a->name);
		if (have == 0 || (errno != ENOENT && errno != ENOTDIR))
			return layer_failed(a, "openat2", "open the parent directory of");
		have = up(path, have);
	}
	while (have < len) {
		size_t start = have ? have + 1 : 0;
		have = start + strcspn(path + start, "/");
		memcpy(t.path, path, have);
		t.path[have] = '\0';
		t.base = t.path + start;
		t.place = *out;
		if (make_implied(a, &t) < 0)
			return -1;
		if (open_place(a, path, have, out) < 0)
			return layer_failed(a, "openat2", "open the parent directory of");
	}
	return 0;
}

/* A directory that was there before, and now holds something of this layer, is this layer's too: it
 * must not go with what the layer hides. */
static int
note_ancestors(struct apply *a, const char *path, size_t len)
{
	struct place p;
	char base[NAME_MAX + 1];
	for (int is_new = 1; len; len = up(path, len)) {
		size_t above = up(path, len), start = above ? above + 1 : 0;
		if (names_add(&a->touched, path, len, &is_new) < 0)
			return layer_failed(a, NULL, "remember another directory for");
		if (!is_new)
			return 0;
		if (open_place(a, path, above, &p) < 0)
			return layer_failed(a, "openat2", "open a parent directory of");
		memcpy(base, path + start, len - start);
		base[len - start] = '\0';
		if (layer_note_made(a, &p, base) < 0)
			return -1;
	}
	return 0;
}

int
layer_parent(struct apply *a, struct target *t, bool make)
{
	const char *slash = strrchr(t->path, '/');
	size_t len = slash ? (size_t)(slash - t->path) : 0;
	t->base = slash ? slash + 1 : t->path;
	if (!make)
		return open_place(a, t->path, len, &t->place);
	if (make_place(a, t->path, len, &t->place) < 0)
		return -1;
	if (a->fresh || !len)
		return 0;
	/* Again, for what was just opened may have pushed it out. */
	return note_ancestors(a, t->path, len) < 0 ? -1 : make_place(a, t->path, len, &t->place);
}
