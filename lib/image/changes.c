/* SPDX-License-Identifier: MIT */
#include "image/changes_in.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
listing_add(struct listing *l, const char *name)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = reallocarray(l->v, l->cap, sizeof(*l->v));
		if (!l->v)
			abort();
	}
	l->v[l->n++] = str_new(name);
}

void
listing_sort(struct listing *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_bytes);
}

int
listing_read(struct listing *l, int fd)
{
	struct dirent *de;
	auto_fd int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return -1;
	take_fd(&copy);
	while (errno = 0, (de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			listing_add(l, de->d_name);
	if (errno)
		return -1;
	listing_sort(l);
	return 0;
}

void
listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct listing){0};
}

int
walk_failed(const struct walk *w, const char *verb)
{
	const char *path = w->path.len ? buf_str(&w->path) : w->how->shown;
	return err_sys(NULL, path, "cannot %s %s", verb, path);
}

int
walk_open(const struct walk *w, int root)
{
	return open_no_links(
		root, w->path.len ? w->path.s : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

size_t
walk_down(struct walk *w, const char *name)
{
	size_t len = w->path.len;
	if (len)
		buf_addc(&w->path, '/');
	buf_adds(&w->path, name);
	return len;
}

void
walk_up(struct walk *w, size_t len)
{
	w->path.len = len;
	w->path.s[len] = '\0';
}

struct change *
walk_note(struct walk *w, char kind, const struct stat *sb)
{
	struct changes *c = w->c;
	size_t len = w->path.len + 1;
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 64;
		c->v = reallocarray(c->v, c->cap, sizeof(*c->v));
		if (!c->v)
			abort();
	}
	while (c->len + len > c->text_cap) {
		c->text_cap = c->text_cap ? c->text_cap * 2 : 4096;
		c->text = realloc(c->text, c->text_cap);
		if (!c->text)
			abort();
	}
	memcpy(c->text + c->len, buf_str(&w->path), len);
	struct change *new = &c->v[c->n++];
	*new = (struct change){.path = c->len, .kind = kind};
	if (sb && sb->st_nlink > 1 && !S_ISDIR(sb->st_mode)) {
		new->dev = sb->st_dev;
		new->ino = sb->st_ino;
	}
	c->len += len;
	c->n_real += kind != 'U';
	return new;
}

void
walk_unnote(struct walk *w)
{
	struct changes *c = w->c;
	c->n--;
	c->n_real -= c->v[c->n].kind != 'U';
	c->len = c->v[c->n].path;
}

void
changes_left_out(struct layer_result *r, const char *path, const char *why)
{
	if (!r->skipped++)
		snprintf(r->warning, sizeof(r->warning), "%s: %s", path, why);
}

static bool
is_ours(const struct walk *w, dev_t dev)
{
	for (size_t i = 0; i < w->how->n_mounts; i++)
		if (w->how->mounts[i] == dev)
			return true;
	return dev == w->dev;
}

bool
walk_fits(struct walk *w, const char *name, const struct stat *sb)
{
	const char *why = NULL;
	if (!w->how->whole && strncmp(name, ".wh.", 4) == 0)
		why = "in a layer such a name stands for a deleted file";
	else if (S_ISSOCK(sb->st_mode))
		why = "a socket cannot lie in a tar";
	else if (S_ISDIR(sb->st_mode) && !is_ours(w, sb->st_dev))
		why = "something else is mounted there";
	if (why)
		changes_left_out(w->r, buf_str(&w->path), why);
	return !why;
}

int
changes_find(const struct layer_diff *how, struct layer_result *r, struct changes *c)
{
	struct walk w = {.how = how, .r = r, .c = c};
	struct stat sb;
	w.lowers = (struct lowers){how->lower, how->n_lower, how->user_xattr};
	if (fstat(how->dir, &sb) < 0)
		return err_sys("fstat", how->shown, "cannot look at %s", how->shown);
	w.dev = sb.st_dev;
	int ok = how->whole	 ? walk_whole(&w)
		: how->from >= 0 ? walk_trees(&w)
				 : walk_upper(&w, (struct within){0});
	if (ok == 0 && how->n_except)
		ok = walk_except(&w);
	buf_free(&w.path);
	xattrs_free(&w.xa);
	xattrs_free(&w.xb);
	return ok;
}

void
changes_free(struct changes *c)
{
	free(c->v);
	free(c->text);
	*c = (struct changes){0};
}
