/* SPDX-License-Identifier: MIT
 * RUN --mount=type=bind: a directory or file of the context, of a stage, or of an image.
 *
 * Of the context it is a copy: what .dockerignore leaves out may be a secret, the files belong to
 * root as those of COPY do, and whoever saves one while the RUN is at work changes nothing of what
 * is recorded. The copy goes with the step, and what was written to it.
 */
#include "copying.h"
#include "mounts.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "door/tell.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* ---- of a stage or an image ---- */

static int
open_there(struct task *p, struct making *k, const struct asked_mount *m, int *fd)
{
	auto_free char *path = path_clean(m->source ? m->source : "");
	int root;
	if (mount_source(p, k, m, &root) < 0)
		return -1;
	*fd = step_dry() ? -1 : open_in_root(root, *path ? path : "/", O_PATH, 0);
	return *fd >= 0 || step_dry()
		? 0
		: err_sys("openat2", path, "cannot mount %s: it cannot be opened", path);
}

/* ---- of the context ---- */

int
mount_gather(const struct source *from, const char *path, bool whole, struct items *list)
{
	const struct gather g = {.from = from, .out = list};
	if (from->root < 0)
		return err_set(ERR_NOT_FOUND, path, "there is no context to mount");
	if (gather_named(&g, path, "") < 0)
		return -1;
	if (whole && list->n) {
		free(list->v[0].path);
		free(list->v[0].to);
		memmove(list->v, list->v + 1, --list->n * sizeof(*list->v));
	}
	for (size_t i = 0; i < list->n; i++)
		list->v[i].uid = list->v[i].gid = 0;
	return 0;
}

/* What the program is to see is what the record is about, if its sum is that of the key. */
static int
sum_copy(struct task *p, const struct tree *copy, const char *path, bool whole)
{
	const struct source from = {.root = copy->fd, .shown = copy->root};
	struct items list = {0};
	int r = mount_gather(&from, path, whole, &list);
	if (r == 0)
		r = items_sum(p->b, &list, &p->shown);
	items_free(&list);
	return r;
}

static int
copy_to(struct task *p, const char *path, struct tree *to, int *fd, char **shown)
{
	struct copying c = {.dest = str_new("/top"), .into = true};
	auto_free char *inside = str_new("top");
	c.source = (struct source){
		.root = p->b->ctx.fd, .shown = "the context", .ignore = p->b->ctx.ignore};
	int r = mount_gather(&c.source, path, !*path, &c.items);
	if (r == 0 && *path && c.items.n && !S_ISDIR(c.items.v[0].mode)) {
		free(inside);
		inside = fmt_new("top/%s", c.items.v[0].to);
	}
	if (r == 0)
		r = copy_into(&c, to);
	if (r == 0)
		r = sum_copy(p, to, inside, !*path);
	if (r == 0 && (*fd = open_no_links(to->fd, inside, O_PATH, 0)) < 0)
		r = err_sys("openat2", path, "cannot mount %s: it cannot be opened", path);
	*shown = fmt_new("%s/%s", to->root, inside);
	items_free(&c.items);
	free(c.dest);
	return r;
}

static int
open_copy(struct task *p, struct making *k, const struct asked_mount *m, int *fd, char **shown)
{
	struct tree to = {.fd = -1};
	auto_free char *path = path_clean(m->source ? m->source : "");
	snprintf(to.root, sizeof(to.root), "%.*s/context.%u", PATH_MAX - 32, k->t->dir, k->count++);
	if (sys_mkdir("what a RUN sees of the context", to.root, 0700) < 0)
		return -1;
	if (step_dry()) {
		tell_line(": # the files are copied into it");
		return 0;
	}
	to.fd = open(to.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (to.fd < 0)
		return err_sys("open", to.root, "cannot open %s", to.root);
	int r = copy_to(p, path, &to, fd, shown);
	close(to.fd);
	return r;
}

int
mount_bind(struct task *p, struct making *k, struct asked_mount *m)
{
	char place[PATH_MAX], merged[PATH_MAX];
	struct stat sb = {.st_mode = S_IFDIR};
	bool copied = !m->from || !*m->from;
	auto_free char *copy = NULL;
	auto_fd int fd = -1;
	if ((copied ? open_copy(p, k, m, &fd, &copy) : open_there(p, k, m, &fd)) < 0)
		return -1;
	if (!step_dry() && fstat(fd, &sb) < 0)
		return err_sys("fstat", m->target, "cannot look at what goes to %s", m->target);
	bool directory = S_ISDIR(sb.st_mode), joined = !copied && m->rw && directory;
	const char *shown = copy ? copy : m->source ? m->source : "/";
	if (tree_stub(k->t, m->target, directory) < 0 ||
		mounts_place(k, fd, shown, directory, place) < 0 ||
		(joined && make_writable(k, place, merged) < 0))
		return -1;
	mounts_add(k, joined ? merged : place, m->target,
		joined || (copied && m->rw) ? "rprivate" : "ro,rprivate");
	return 0;
}
