/* SPDX-License-Identifier: MIT
 * The upper directory of an overlay holds just what changed, in the kernel's own words: a device
 * 0:0 for what was deleted, and attributes on the rest (Documentation/filesystems/overlayfs.rst).
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/changes_in.h"
#include "image/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Whether overlay has noted something about name in dir. */
static bool
has_mark(const struct walk *w, int dir, const char *name, const char *mark)
{
	char path[300], attr[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	snprintf(
		attr, sizeof(attr), "%s.overlay.%s", w->how->user_xattr ? "user" : "trusted", mark);
	return lgetxattr(path, attr, NULL, 0) >= 0;
}

/* Some uppers lean on their lower layers by name: they are no layers by themselves. */
static int
check_whole(const struct walk *w, int dir, const char *name, const struct stat *sb)
{
	bool renamed = S_ISDIR(sb->st_mode) && has_mark(w, dir, name, "redirect");
	/* A copy of the inode without its data has a size, but not a single block. */
	bool bare = S_ISREG(sb->st_mode) && sb->st_size && !sb->st_blocks &&
		has_mark(w, dir, name, "metacopy");
	if (!renamed && !bare)
		return 0;
	err_set(ERR_UNSUPPORTED, w->path.s, "cannot make a layer of %s: %s", w->path.s,
		renamed ? "overlay has renamed this directory, whose content is in a lower layer"
			: "overlay has copied only its attributes, its content is in a lower layer");
	return err_hint("mount with redirect_dir=off and metacopy=off, as ufs-mount does");
}

/* Whether the layers below have w->path; where none are known, whether overlay copied it from one.
 * 1, 0 or -1. */
static int
existed(const struct walk *w, int dir, const char *name, bool fresh)
{
	struct stat sb;
	auto_fd int parent = -1;
	if (!w->lowers.n)
		return has_mark(w, dir, name, "origin");
	if (fresh)
		return 0;
	int r = lower_find(&w->lowers, w->path.s, &parent, &sb);
	return r < 0 ? walk_failed(w, "look in the layers below for") : r;
}

static bool
is_whiteout(const struct walk *w, int dir, const char *name, const struct stat *sb)
{
	/* Since Linux 6.7 an empty file with a mark will do, too. */
	return lower_is_whiteout(sb) ||
		(S_ISREG(sb->st_mode) && !sb->st_size && has_mark(w, dir, name, "whiteout"));
}

static int
visit_dir(struct walk *w, size_t at, struct within in)
{
	auto_fd int fd = walk_open(w, w->how->dir);
	if (fd < 0)
		return walk_failed(w, "read directory");
	bool opaque = lower_is_opaque(fd, w->how->user_xattr);
	close(take_fd(&fd));
	w->c->v[at].opaque = opaque;
	in.hidden = in.hidden || opaque;
	in.fresh = w->c->v[at].kind == LAYER_ADDED;
	return walk_upper(w, in);
}

/* Closes *dir before it goes down: a tree may be deeper than a process may have files open. */
static int
visit(struct walk *w, int *dir, const char *name, struct within in)
{
	struct stat sb;
	if (fstatat(*dir, name, &sb, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return walk_failed(w, "look at");
		changes_left_out(w->r, w->path.s, "it went while it was read");
		return 0;
	}
	if (is_whiteout(w, *dir, name, &sb)) {
		walk_note(w, LAYER_DELETED, NULL);
		return 0;
	}
	if (!walk_fits(w, name, &sb))
		return 0;
	if (check_whole(w, *dir, name, &sb) < 0)
		return -1;
	int before = existed(w, *dir, name, in.fresh);
	if (before < 0)
		return -1;
	walk_note(w, before ? LAYER_CHANGED : LAYER_ADDED, &sb);
	if (!S_ISDIR(sb.st_mode))
		return 0;
	close(*dir);
	*dir = -1;
	return visit_dir(w, w->c->n - 1, in);
}

/* What the layers below have in this directory, which is hidden: it counts as deleted. */
static int
add_hidden_names(struct walk *w, struct listing *l)
{
	struct names seen = {0};
	size_t n_own = l->n;
	for (size_t i = 0; i < n_own; i++)
		names_add(&seen, l->v[i], strlen(l->v[i]), NULL);
	for (size_t i = w->lowers.n; i > 0; i--) {
		struct listing below = {0};
		auto_fd int fd = walk_open(w, w->lowers.fd[i - 1]);
		if (fd < 0 || listing_read(&below, fd) < 0)
			continue; /* not in that layer */
		for (size_t k = 0; k < below.n; k++) {
			int is_new = 0;
			if (names_add(&seen, below.v[k], strlen(below.v[k]), &is_new) >= 0 &&
				is_new)
				listing_add(l, below.v[k]);
		}
		listing_free(&below);
	}
	names_free(&seen);
	return 0;
}

static int
note_hidden(struct walk *w)
{
	struct stat sb;
	auto_fd int parent = -1;
	int r = lower_find(&w->lowers, w->path.s, &parent, &sb);
	if (r > 0)
		walk_note(w, LAYER_DELETED, NULL)->hidden = true;
	return r < 0 ? walk_failed(w, "look in the layers below for") : 0;
}

int
walk_upper(struct walk *w, struct within in)
{
	struct listing l = {0};
	struct stat sb;
	int ok = 0;
	auto_fd int fd = walk_open(w, w->how->dir);
	if (fd < 0 || listing_read(&l, fd) < 0)
		return walk_failed(w, "read directory");
	if (!w->path.len)
		walk_note(w, LAYER_CHANGED, NULL)->opaque = lower_is_opaque(fd, w->how->user_xattr);
	if (in.hidden && w->lowers.n) {
		add_hidden_names(w, &l);
		listing_sort(&l);
	}
	for (size_t i = 0; ok == 0 && i < l.n; i++) {
		if (fd < 0 && (fd = walk_open(w, w->how->dir)) < 0) {
			ok = walk_failed(w, "read directory");
			break;
		}
		size_t up = walk_down(w, l.v[i]);
		if (in.hidden && fstatat(fd, l.v[i], &sb, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno == ENOENT)
			ok = note_hidden(w);
		else
			ok = visit(w, &fd, l.v[i], in);
		walk_up(w, up);
	}
	listing_free(&l);
	return ok;
}
