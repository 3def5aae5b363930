/* SPDX-License-Identifier: MIT
 * What does not count as a change: the places where a container's mounts are, which whoever mounted
 * them had to make, and the directories that were only touched for that.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "image/changes_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
path_of(const struct walk *w, size_t i)
{
	return w->c->text + w->c->v[i].path;
}

/* Whether path is `top`, or below it. */
static bool
is_below(const char *path, const char *top)
{
	size_t n = strlen(top);
	return strncmp(path, top, n) == 0 && (!path[n] || path[n] == '/' || !n);
}

static bool
is_excepted(const struct walk *w, const char *path)
{
	for (size_t i = 0; i < w->how->n_except; i++) {
		const char *e = w->how->except[i] + strspn(w->how->except[i], "/");
		if (*e && is_below(path, e))
			return true;
	}
	return false;
}

/* Whether one of them lies in this directory. */
static bool
leads_there(const struct walk *w, const char *dir)
{
	for (size_t i = 0; i < w->how->n_except; i++) {
		const char *e = w->how->except[i] + strspn(w->how->except[i], "/");
		if (*e && is_below(e, dir) && strcmp(e, dir) != 0)
			return true;
	}
	return false;
}

/* Owner and mode are those of the layers below. The time is not: that is what making something in
 * it changes. */
static bool
same_as_below(const struct walk *w, const char *path)
{
	struct stat now, before;
	int parent = -1;
	auto_fd int fd = open_no_links(w->how->dir, *path ? path : ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0 || fstat(fd, &now) < 0)
		return false;
	if (!*path)
		return true;
	bool found = lower_find(&w->lowers, path, &parent, &before) == 1;
	if (parent >= 0)
		close(parent);
	return found && S_ISDIR(before.st_mode) && now.st_mode == before.st_mode &&
		now.st_uid == before.st_uid && now.st_gid == before.st_gid;
}

int
walk_except(struct walk *w)
{
	struct changes *c = w->c;
	auto_free bool *gone = calloc(c->n + 1, sizeof(*gone));
	if (!gone)
		abort();
	for (size_t i = 0; i < c->n; i++)
		gone[i] = is_excepted(w, path_of(w, i));
	/* From the end, so that a directory is looked at after all that is in it. */
	for (size_t i = c->n; i-- > 0;) {
		const char *path = path_of(w, i);
		bool empty = !gone[i] && c->v[i].kind != LAYER_DELETED && !c->v[i].opaque &&
			leads_there(w, path);
		for (size_t k = i + 1; empty && k < c->n && is_below(path_of(w, k), path); k++)
			empty = gone[k];
		if (empty && (c->v[i].kind == LAYER_ADDED || same_as_below(w, path)))
			gone[i] = true;
	}
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++) {
		c->n_real -= gone[i] && c->v[i].kind != 'U';
		if (!gone[i])
			c->v[n++] = c->v[i];
	}
	c->n = n;
	return 0;
}
