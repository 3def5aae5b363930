/* SPDX-License-Identifier: MIT
 * COPY and ADD, and the directory that WORKDIR makes.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/sha256.h"
#include "mech/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct copying {
	bool add;
	const char *from; /* a stage or an image; NULL: the context */
	struct source source;
	struct tree tree; /* of a stage or an image */
	struct state state;
	struct items items;
	struct dfile_ignore *exclude;
	struct owner owner;
	bool own; /* --chown */
	mode_t mode; /* of --chmod; -1: none */
	char *dest; /* absolute */
	bool into; /* it is a directory for sure */
};

void
copying_free(struct copying *c)
{
	if (!c)
		return;
	items_free(&c->items);
	dfile_ignore_free(c->exclude);
	tree_close(&c->tree);
	state_free(&c->state);
	free(c->dest);
	free(c);
}

char *
absolute_path(const struct state *st, const char *path)
{
	const char *cwd = json_string_value(json_object_get(state_settings(st), "WorkingDir"));
	auto_free char *whole =
		fmt_new("%s/%s", *path == '/' || !cwd ? "" : cwd, path);
	auto_free char *clean = clean_path(whole);
	return fmt_new("/%s", clean);
}

/* ---- what is copied ---- */

static int
open_source(struct task *p, struct copying *c)
{
	c->source = (struct source){.root = p->b->ctx.fd,
		.shown = "the context",
		.ignore = p->b->ctx.ignore};
	if (!c->from)
		return 0;
	if (state_of(p->b, c->from, &c->state) < 0)
		return -1;
	c->source = (struct source){.root = -1, .shown = c->from};
	return 0;
}

static int
excludes(struct task *p, struct copying *c)
{
	struct strlist l = {0};
	for (size_t i = 0; i < p->x.n_flags; i++)
		if (strcmp(p->x.flags[i].name, "exclude") == 0)
			strlist_add(&l, p->x.flags[i].value);
	if (l.n && !(c->exclude = dfile_ignore_new("--exclude", l.v, l.n)))
		return -1;
	free(l.v);
	return 0;
}

static void
add_text(struct task *p, struct copying *c, const struct dfile_heredoc *h)
{
	auto_buf struct buf text = BUF_INIT;
	struct items *l = &c->items;
	dfile_heredoc_text(h, &text);
	l->v = realloc(l->v, (l->n + 64) * 2 * sizeof(*l->v));
	if (!l->v)
		abort();
	l->v[l->n++] = (struct item){.from = &c->source,
		.path = str_new(h->name),
		.to = str_new(h->name),
		.text = str_new(buf_str(&text)),
		.mode = S_IFREG | 0644,
		.size = (int64_t)text.len,
		.sec = p->b->now};
	l->named++;
}

static int
gather_word(struct task *p, struct copying *c, const char *word)
{
	struct gather g = {.from = &c->source,
		.exclude = c->exclude,
		.parents = dfile_flag_on(p->raw, "parents"),
		.out = &c->items};
	const struct dfile_heredoc *h = dfile_heredoc_of(&p->x, word);
	if (h) {
		add_text(p, c, h);
		return 0;
	}
	if (c->add && is_remote(word))
		return remote_gather(p, word, &g);
	if (c->source.root < 0)
		return err_set(ERR_NOT_FOUND, word,
			"there is no context to take %s from: the Dockerfile came alone", word);
	return gather(&g, word);
}

static int
gather_all(struct task *p, struct copying *c)
{
	if (c->from && !step_dry()) {
		if (tree_open(p->b, p->s, &c->state, true, &c->tree) < 0)
			return -1;
		c->source.root = c->tree.fd;
	}
	for (size_t i = 0; i + 1 < p->x.n_args; i++)
		if (gather_word(p, c, p->x.args[i]) < 0)
			return -1;
	if (!c->items.n)
		return err_set(ERR_NOT_FOUND, p->x.args[0], "nothing of %s is to be copied",
			p->x.args[0]);
	if (c->from)
		return 0;
	/* What comes from outside belongs to root. */
	for (size_t i = 0; i < c->items.n; i++)
		c->items.v[i].uid = c->items.v[i].gid = 0;
	return 0;
}

/* ---- its record ---- */

static int
read_mode(struct task *p, struct copying *c)
{
	const char *text = dfile_flag(&p->x, "chmod");
	char *end;
	c->mode = (mode_t)-1;
	if (!text || !*text)
		return 0;
	unsigned long mode = strtoul(text, &end, 8);
	if (*end || mode > 07777 || *text == '-')
		return err_set(ERR_INVALID, text,
			"--chmod=%s: write the mode as an octal number, such as 755", text);
	c->mode = (mode_t)mode;
	return 0;
}

static void
write_by(struct task *p)
{
	buf_adds(&p->by, p->raw->name);
	for (size_t i = 0; i < p->x.n_flags; i++)
		buf_addf(&p->by, p->x.flags[i].value ? " --%s=%s" : " --%s", p->x.flags[i].name,
			p->x.flags[i].value);
	for (size_t i = 0; i < p->x.n_args; i++)
		buf_addf(&p->by, " %s", p->x.args[i]);
}

/* The words, and of another stage its topmost layer: with that all its files are said. */
static int
quick_key(struct task *p, const struct copying *c)
{
	const struct state *st = &c->state;
	buf_adds(&p->key, p->by.s);
	buf_addf(&p->key, "\nto %s %d\n", c->dest, c->into);
	if (c->from)
		buf_addf(&p->key, "from %s\n", st->n ? st->layers[st->n - 1].chain : "nothing");
	return 0;
}

int
copy_prepare(struct task *p)
{
	struct copying *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	p->copying = c;
	c->tree.fd = -1;
	c->add = strcmp(p->raw->name, "ADD") == 0;
	c->from = dfile_flag(&p->x, "from");
	c->from = c->from && *c->from ? c->from : NULL;
	c->own = dfile_flag(&p->x, "chown") != NULL;
	const char *to = p->x.args[p->x.n_args - 1];
	size_t n = strlen(to);
	c->dest = absolute_path(&p->s->st, to);
	c->into = n && (to[n - 1] == '/' || strcmp(to, ".") == 0 ||
			       (n > 1 && strcmp(to + n - 2, "/.") == 0));
	write_by(p);
	if (read_mode(p, c) < 0 || excludes(p, c) < 0 || open_source(p, c) < 0 ||
		quick_key(p, c) < 0)
		return -1;
	if (c->from || step_dry())
		return 0;
	return gather_all(p, c) < 0 ? -1 : items_sum(&c->items, &p->key);
}

/* ---- the copying ---- */

struct work {
	struct copying *c;
	struct copy copy;
	int base; /* the directory that all goes into */
	bool base_new; /* it was not there before */
	const char *name; /* of a file that gets another one; NULL */
	int parent; /* of the item at hand, open */
	char *parent_name;
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

static int
give(struct work *w, int dir, const char *name, mode_t mode)
{
	const struct copying *c = w->c;
	bool link = S_ISLNK(mode);
	if (c->own && bulk_chown(&w->copy.done, dir, name, c->owner.uid, c->owner.gid) < 0)
		return failed("give away", name);
	/* The change of owners takes the set-user-ID bit away. */
	if (link || (!c->own && c->mode == (mode_t)-1))
		return 0;
	mode_t wanted = c->mode == (mode_t)-1 ? mode & 07777 : c->mode;
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
	auto_fd int fd = open_no_links(it->from->root, it->path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0 || fstat(fd, &src) < 0)
		return failed("look at", it->path);
	const struct copy_source from = {.root = it->from->root,
		.shown = it->from->shown,
		.path = it->path,
		.sb = &src};
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
	auto_fd int fd =
		open_no_links(w->base, *it->to ? it->to : ".", O_RDONLY | O_DIRECTORY, 0);
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
	if (!c->add || !S_ISREG(it->mode) || it->text || it->from != &c->source)
		return false;
	auto_fd int fd = open_no_links(it->from->root, it->path, O_RDONLY | O_NONBLOCK, 0);
	return fd >= 0 && strchr(it->to, '/') == NULL && is_archive(fd);
}

static int
put_all(struct work *w)
{
	struct items *l = &w->c->items;
	for (size_t i = 0; i < l->n; i++) {
		const struct item *it = &l->v[i];
		if (S_ISDIR(it->mode)	? put_dir(w, it) < 0
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

static int
copy_into(struct task *p, struct copying *c, struct tree *t)
{
	struct work w = {.c = c, .base = -1, .parent = -1};
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
	w.copy = (struct copy){
		.to = w.base, .shown = dir, .owners = c->from != NULL && !c->own};
	int r = put_all(&w);
	bulk_tell(&w.copy.done, t->root);
	if (w.copy.warning[0])
		report_warning("%s", w.copy.warning);
	copy_end(&w.copy);
	free(w.parent_name);
	if (w.parent >= 0)
		close(w.parent);
	close(w.base);
	(void)p;
	return r;
}

/* The same files may have come to the same image before, from a stage that was another one. */
static int
find_same(struct task *p, const struct copying *c, struct build_record *r, char key[DIGEST_SIZE])
{
	auto_buf struct buf text = BUF_INIT;
	buf_addf(&text, "%s\n%s\nto %s %d\n", p->s->st.id, p->by.s, c->dest, c->into);
	if (items_sum(&c->items, &text) < 0)
		return -1;
	sha256_of(text.s, text.len, key);
	return !asked.no_cache && build_cache_get(p->b->store, key, r);
}

int
copy_make(struct task *p, struct build_record *r)
{
	struct copying *c = p->copying;
	char key[DIGEST_SIZE] = "";
	struct tree t;
	if (c->from && !step_dry()) {
		if (gather_all(p, c) < 0)
			return -1;
		int same = find_same(p, c, r, key);
		if (same)
			return same < 0 ? -1 : 0;
	}
	if (tree_open(p->b, p->s, &p->s->st, false, &t) < 0)
		return -1;
	const char *who = dfile_flag(&p->x, "chown");
	int ok = 0;
	if (step_dry())
		tell_line(": # the files are copied into it");
	else if ((c->own && tree_owner(&t, who, &c->owner) < 0) || copy_into(p, c, &t) < 0)
		ok = -1;
	if (ok == 0)
		ok = tree_unmount(&t);
	if (ok == 0)
		ok = tree_adopt(p->b, &p->s->st, &t, &r->layer);
	r->has_layer = ok == 0;
	if (tree_close(&t) < 0 && ok == 0)
		ok = -1;
	return ok == 0 && key[0] ? build_cache_put(key, r) : ok;
}

/* WORKDIR makes its directory, which belongs to the user that USER named. */
int
workdir_make(struct task *p, struct build_record *r)
{
	struct tree t;
	struct owner o = {0};
	auto_free char *path = absolute_path(&p->s->st, p->x.args[0]);
	const char *user = json_string_value(json_object_get(state_settings(&p->s->st), "User"));
	if (strcmp(path, "/") == 0)
		return 0;
	if (tree_open(p->b, p->s, &p->s->st, false, &t) < 0)
		return -1;
	int ok = 0;
	if (!step_dry())
		ok = (user && *user && tree_owner(&t, user, &o) < 0) ||
				tree_make_dirs(&t, path, &o, NULL) < 0
			? -1
			: 0;
	if (ok == 0)
		ok = tree_unmount(&t);
	r->has_layer = ok == 0 && tree_changed(&t);
	if (r->has_layer)
		ok = tree_adopt(p->b, &p->s->st, &t, &r->layer);
	if (tree_close(&t) < 0 && ok == 0)
		ok = -1;
	return ok;
}
