/* SPDX-License-Identifier: MIT
 * RUN --mount=type=bind: a directory or file of the context, of a stage, or of an image.
 */
#include "mounts.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* ---- the places ---- */

void
mounts_add(struct making *k, const char *from, const char *target, const char *options)
{
	strlist_add(&k->m->words, "--bind");
	strlist_add(&k->m->words, fmt_new("%s:%s:%s", from, target, options));
}

/* What the descriptor holds gets a path of ours. */
int
mounts_place(struct making *k, int fd, const char *shown, bool directory, char place[PATH_MAX])
{
	snprintf(place, PATH_MAX, "%.*s/mount.%u", PATH_MAX - 32, k->t->dir, k->count++);
	if (directory ? sys_mkdir("where a mount of RUN comes from", place, 0700) < 0
		      : sys_write_new("where a mount of RUN comes from", place, "", 0, 0600) < 0)
		return -1;
	if (step_dry())
		return 0;
	auto_fd int to = open(place, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (to < 0)
		return err_sys("open", place, "cannot open %s", place);
	const struct sys_bind how = {.source_fd = fd,
		.target_fd = to,
		.source = shown,
		.target = place,
		.propagation = MS_PRIVATE};
	if (sys_bind_at("what a RUN is to see", &how) < 0)
		return -1;
	strlist_add(&k->m->places, str_new(place));
	return 0;
}

static struct tree *
new_tree(struct run_mounts *m)
{
	m->trees = realloc(m->trees, (m->n_trees + 1) * sizeof(*m->trees));
	if (!m->trees)
		abort();
	m->trees[m->n_trees] = (struct tree){.fd = -1};
	return &m->trees[m->n_trees++];
}

int
mount_source(struct task *p, struct making *k, const struct asked_mount *m, int *fd)
{
	if (!m->from || !*m->from) {
		*fd = p->b->ctx.fd;
		return *fd < 0 && !step_dry()
			? err_set(ERR_NOT_FOUND, m->target, "there is no context to mount")
			: 0;
	}
	struct state st = {0};
	if (state_of(p->b, m->from, &st) < 0)
		return -1;
	struct tree *t = new_tree(k->m);
	int r = tree_open(p->b, p->s, &st, true, t);
	*fd = t->fd;
	state_free(&st);
	return r;
}

/* Writes are allowed, and thrown away: they go into a layer of their own. */
static int
make_writable(struct making *k, const char *place, char merged[PATH_MAX])
{
	char upper[PATH_MAX], work[PATH_MAX];
	snprintf(upper, sizeof(upper), "%.*s/writes.%u", PATH_MAX - 32, k->t->dir, k->count);
	snprintf(work, sizeof(work), "%.*s/work.%u", PATH_MAX - 32, k->t->dir, k->count);
	snprintf(merged, PATH_MAX, "%.*s/merged.%u", PATH_MAX - 32, k->t->dir, k->count++);
	for (const char **w = (const char *[]){upper, work, merged, NULL}; *w; w++)
		if (sys_mkdir("what a RUN writes to a mount is not kept", *w, 0755) < 0)
			return -1;
	const struct sys_overlay o = {.target = merged,
		.lower = (const char *[]){place},
		.n_lower = 1,
		.upper = upper,
		.work = work,
		.options = "index=off,xino=off"};
	if (sys_overlay_fsopen("writes go into a layer that is thrown away", &o) < 0)
		return -1;
	strlist_add(&k->m->places, str_new(merged));
	return 0;
}

int
mount_bind(struct task *p, struct making *k, struct asked_mount *m)
{
	char place[PATH_MAX], merged[PATH_MAX];
	struct stat sb = {.st_mode = S_IFDIR};
	auto_free char *path = path_clean(m->source ? m->source : "");
	int root;
	if (mount_source(p, k, m, &root) < 0)
		return -1;
	auto_fd int fd = step_dry() ? -1 : open_in_root(root, *path ? path : "/", O_PATH, 0);
	if (!step_dry() && (fd < 0 || fstat(fd, &sb) < 0))
		return err_sys("openat2", path, "cannot mount %s: it cannot be opened", path);
	bool directory = S_ISDIR(sb.st_mode);
	if (tree_stub(k->t, m->target, directory) < 0 ||
		mounts_place(k, fd, path, directory, place) < 0)
		return -1;
	if (m->rw && directory && make_writable(k, place, merged) < 0)
		return -1;
	mounts_add(k, m->rw && directory ? merged : place, m->target,
		m->rw && directory ? "rprivate" : "ro,rprivate");
	return 0;
}
