/* SPDX-License-Identifier: MIT
 * The files of COPY and ADD go into the tree. Nothing runs in it meanwhile; a symlink of the image
 * is followed on the way to the destination, inside the image, and below that none is.
 */
#include "copying.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "mech/copy.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct work {
	struct copying *c;
	struct copy copy;
	int base; /* the directory that all goes into */
	bool base_new; /* it was not there before */
	const char *name; /* of a file that gets another one; NULL */
	int parent; /* of the item at hand, open */
	char *parent_name;
	int from; /* the directory that it comes from, open */
	char *from_name;
	const struct source *from_source;
};

static bool
is_dir_in(const struct tree *t, const char *path)
{
	auto_fd int fd = open_in_root(t->fd, path, O_PATH | O_DIRECTORY, 0);
	return fd >= 0;
}

static int
failed(const char *what, const char *name)
{
	return err_sys("copy", name, "cannot %s %s", what, name);
}

/* Opens the directory an item goes into: nothing in it that is a symlink is followed. */
static int
open_parent(struct work *w, const char *to)
{
	size_t n = (size_t)(path_base(to) - to);
	if (w->parent >= 0 && strncmp(w->parent_name, to, n) == 0 && !w->parent_name[n])
		return 0;
	if (w->parent >= 0)
		close(take_fd(&w->parent));
	free(w->parent_name);
	w->parent_name = fmt_new("%.*s", (int)n, to);
	w->parent = open_no_links(w->base, n ? w->parent_name : ".", O_RDONLY | O_DIRECTORY, 0);
	return w->parent < 0 ? failed("open the directory of", to) : 0;
}

/* Opens the directory that an item comes from, by the same rule. */
static int
open_from(struct work *w, const struct item *it)
{
	size_t n = (size_t)(path_base(it->path) - it->path);
	if (w->from >= 0 && w->from_source == it->from && strncmp(w->from_name, it->path, n) == 0 &&
		!w->from_name[n])
		return 0;
	if (w->from >= 0)
		close(take_fd(&w->from));
	free(w->from_name);
	w->from_name = fmt_new("%.*s", (int)n, it->path);
	w->from_source = it->from;
	w->from = open_no_links(it->from->root, n ? w->from_name : ".", O_RDONLY | O_DIRECTORY, 0);
	return w->from < 0 ? failed("open the directory of", it->path) : 0;
}

static int
give(struct work *w, int dir, const char *name, mode_t mode)
{
	const struct copying *c = w->c;
	bool link = S_ISLNK(mode);
	if (c->own && bulk_chown(&w->copy.done, dir, name, c->owner.uid, c->owner.gid) < 0)
		return failed("give away", name);
	/* The change of owners takes the set-user-ID bit away. */
	if (link || (!c->own && !c->chmod))
		return 0;
	mode_t wanted = mode & 07777;
	if (c->chmod && dfile_mode(c->chmod, mode, &wanted) < 0)
		return -1;
	return bulk_chmod(&w->copy.done, dir, name, wanted) < 0 ? failed("set the mode of", name)
								: 0;
}

static int
put_dir(struct work *w, const struct item *it)
{
	struct stat sb;
	const char *name = path_base(it->to);
	if (!*it->to)
		return 0;
	if (open_parent(w, it->to) < 0)
		return -1;
	if (bulk_mkdir(&w->copy.done, w->parent, name, 0755) == 0)
		return 0;
	if (errno == EEXIST && fstatat(w->parent, name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(sb.st_mode))
		return 0;
	errno = errno == EEXIST ? ENOTDIR : errno;
	return failed("make directory", it->to);
}

static int
put_text(struct work *w, const struct item *it, const char *name)
{
	const struct timespec when = {.tv_sec = (time_t)it->sec};
	auto_fd int fd = bulk_create(&w->copy.done, w->parent, name, 0644);
	if (fd < 0 || bulk_write(&w->copy.done, fd, it->text, (size_t)it->size, 0) < 0 ||
		bulk_times(&w->copy.done, w->parent, name, &when) < 0)
		return failed("write", name);
	return 0;
}

static int
put_file(struct work *w, const struct item *it)
{
	struct stat sb, src;
	const char *to = w->name ? w->name : it->to, *name = path_base(to);
	if (open_parent(w, to) < 0)
		return -1;
	if (fstatat(w->parent, name, &sb, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(sb.st_mode))
			return err_set(ERR_CONFLICT, to,
				"cannot copy to %s: it is a directory in the image", to);
		if (bulk_remove(&w->copy.done, w->parent, name) < 0)
			return failed("replace", to);
	}
	if (it->text)
		return put_text(w, it, name) < 0 ? -1 : give(w, w->parent, name, it->mode);
	const char *base = path_base(it->path);
	if (open_from(w, it) < 0)
		return -1;
	if (fstatat(w->from, base, &src, AT_SYMLINK_NOFOLLOW) < 0)
		return failed("look at", it->path);
	if (S_ISDIR(src.st_mode))
		return err_set(ERR_CONFLICT, it->path, "%s has become a directory", it->path);
	const struct copy_source from = {
		.root = w->from, .shown = it->from->shown, .path = base, .sb = &src};
	if (copy_file(&w->copy, &from, w->parent, name, to) < 0)
		return -1;
	return give(w, w->parent, name, src.st_mode);
}

/* Of a directory: after all that went into it. One that the image has and that was only named keeps
 * what it is. */
static int
finish_dir(struct work *w, const struct item *it)
{
	struct stat sb;
	if (!*it->to && !w->base_new)
		return 0;
	auto_fd int fd = open_no_links(w->base, *it->to ? it->to : ".", O_RDONLY | O_DIRECTORY, 0);
	auto_fd int src =
		open_no_links(it->from->root, *it->path ? it->path : ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0 || src < 0 || fstat(src, &sb) < 0)
		return failed("open", it->to);
	const struct copy_source from = {.root = it->from->root,
		.shown = it->from->shown,
		.path = *it->path ? it->path : ".",
		.sb = &sb};
	const struct timespec when = sb.st_mtim;
	if (copy_dir_attributes(&w->copy, &from, fd, it->to) < 0 || give(w, fd, "", sb.st_mode) < 0)
		return -1;
	return bulk_times(&w->copy.done, fd, "", &when) < 0 ? failed("set the time of", it->to) : 0;
}

static int
put_archive(struct work *w, const struct item *it)
{
	auto_fd int fd = open_no_links(it->from->root, it->path, O_RDONLY | O_NONBLOCK, 0);
	const struct unpack u = {.fd = fd, .dir = w->base, .shown = it->path};
	return fd < 0 ? failed("open", it->path) : unpack_tar(&u);
}

static bool
unpacks(const struct copying *c, const struct item *it)
{
	if (!S_ISREG(it->mode) || !it->word || it->text ||
		!(it->from == &c->source ? c->unpack_local
					 : it->from->fetched && c->unpack_fetched))
		return false;
	auto_fd int fd = open_no_links(it->from->root, it->path, O_RDONLY | O_NONBLOCK, 0);
	return fd >= 0 && is_archive(fd);
}

static int
put_all(struct work *w)
{
	struct items *l = &w->c->items;
	for (size_t i = 0; i < l->n; i++) {
		const struct item *it = &l->v[i];
		if (S_ISDIR(it->mode)		    ? put_dir(w, it) < 0
				: unpacks(w->c, it) ? put_archive(w, it) < 0
						    : put_file(w, it) < 0)
			return -1;
	}
	for (size_t i = l->n; i-- > 0;)
		if (S_ISDIR(l->v[i].mode) && finish_dir(w, &l->v[i]) < 0)
			return -1;
	return 0;
}

/* Whether a lone file gets the name that the destination says. */
static bool
renames(const struct copying *c, const struct tree *t)
{
	const struct item *it = &c->items.v[0];
	return !c->into && c->items.named == 1 && c->items.n == 1 && !S_ISDIR(it->mode) &&
		!unpacks(c, it) && !is_dir_in(t, c->dest);
}

int
copy_into(struct copying *c, struct tree *t)
{
	struct work w = {.c = c, .base = -1, .parent = -1, .from = -1};
	bool rename = renames(c, t);
	if (!c->into && !rename && c->items.named > 1)
		return err_set(ERR_INVALID, c->dest,
			"when using COPY with more than one source file, the destination must be a "
			"directory and end with a /");
	auto_free char *dir = fmt_new("%.*s",
		rename ? (int)(path_base(c->dest) - c->dest) : (int)strlen(c->dest), c->dest);
	w.name = rename ? path_base(c->dest) : NULL;
	w.base_new = !is_dir_in(t, dir);
	if (tree_make_dirs(t, dir, c->own ? &c->owner : NULL, &w.base) < 0)
		return -1;
	w.copy = (struct copy){.to = w.base, .shown = dir, .owners = c->from != NULL && !c->own};
	int r = put_all(&w);
	bulk_tell(&w.copy.done, t->root);
	if (w.copy.warning[0])
		report_warning("%s", w.copy.warning);
	copy_end(&w.copy);
	free(w.parent_name);
	free(w.from_name);
	if (w.from >= 0)
		close(w.from);
	if (w.parent >= 0)
		close(w.parent);
	close(w.base);
	return r;
}
