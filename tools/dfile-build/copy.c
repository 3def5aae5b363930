/* SPDX-License-Identifier: MIT
 * COPY and ADD, and the directory that WORKDIR makes.
 */
#include "copying.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/sha256.h"
#include "mech/copy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
copying_free(struct copying *c)
{
	if (!c)
		return;
	items_free(&c->items);
	buf_free(&c->sum);
	buf_free(&c->words);
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
	auto_free char *whole = fmt_new("%s/%s", *path == '/' || !cwd ? "" : cwd, path);
	auto_free char *clean = path_clean(whole);
	return fmt_new("/%s", clean);
}

/* ---- what is copied ---- */

static int
open_source(struct task *p, struct copying *c)
{
	c->source = (struct source){
		.root = p->b->ctx.fd, .shown = "the context", .ignore = p->b->ctx.ignore};
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
	const char *sum = dfile_flag(&p->x, "checksum");
	if (sum && *sum && (!is_remote(word) || is_git(word)))
		return err_set(ERR_INVALID, word,
			"--checksum is for a file behind an URL, which %s is not", word);
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
		return err_set(
			ERR_NOT_FOUND, p->x.args[0], "nothing of %s is to be copied", p->x.args[0]);
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
	mode_t mode;
	const char *text = dfile_flag(&p->x, "chmod");
	c->chmod = text && *text ? text : NULL;
	return c->chmod ? dfile_mode(c->chmod, S_IFREG, &mode) : 0;
}

static void
write_by(struct task *p)
{
	struct buf *words = &p->copying->words;
	buf_adds(&p->by, p->raw->name);
	buf_addf(words, "%s %zu ", p->raw->name, p->x.n_flags);
	for (size_t i = 0; i < p->x.n_flags; i++) {
		const struct dfile_flag *f = &p->x.flags[i];
		buf_addf(&p->by, f->value ? " --%s=%s" : " --%s", f->name, f->value);
		key_word(words, f->name);
		key_word(words, f->value ? f->value : "");
	}
	/* The history goes with the image: a password of ADD does not. */
	for (size_t i = 0; i < p->x.n_args; i++) {
		auto_free char *shown = url_shown(p->x.args[i]);
		buf_addf(&p->by, " %s", shown);
		key_word(words, shown);
	}
	key_word(words, p->copying->dest);
	buf_addf(words, "%d\n", p->copying->into);
}

/* The words, and of another stage its topmost layer: with that all its files are said. */
static int
quick_key(struct task *p, const struct copying *c)
{
	const struct state *st = &c->state;
	buf_adds(&p->key, c->words.s);
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
	c->unpack_local =
		c->add && (!dfile_flag(&p->x, "unpack") || dfile_flag_on(&p->x, "unpack"));
	c->unpack_fetched = dfile_flag_on(&p->x, "unpack");
	c->from = dfile_flag(&p->x, "from");
	c->from = c->from && *c->from ? c->from : NULL;
	const char *owner = dfile_flag(&p->x, "chown");
	c->own = owner && *owner;
	c->link = dfile_flag_on(p->raw, "link");
	const char *to = p->x.args[p->x.n_args - 1];
	size_t n = strlen(to);
	c->dest = absolute_path(&p->s->st, to);
	c->into = n &&
		(to[n - 1] == '/' || strcmp(to, ".") == 0 ||
			(n > 1 && strcmp(to + n - 2, "/.") == 0));
	write_by(p);
	if (read_mode(p, c) < 0 || excludes(p, c) < 0 || open_source(p, c) < 0 ||
		quick_key(p, c) < 0)
		return -1;
	if (c->from || step_dry())
		return 0;
	if (gather_all(p, c) < 0 || items_sum(p->b, &c->items, &c->sum) < 0)
		return -1;
	buf_adds(&p->key, c->sum.s);
	return 0;
}

/* --link --chown: a name is that of the image, though the layer does not look at it. */
static int
find_owner(struct task *p, struct copying *c)
{
	const char *who = dfile_flag(&p->x, "chown");
	struct tree t = {.fd = -1};
	if (!c->own || !c->link || step_dry())
		return 0;
	if (who[strspn(who, "0123456789:")] == '\0')
		return tree_owner(&t, who, &c->owner);
	int r = tree_open(p->b, p->s, &p->s->st, true, &t);
	if (r == 0)
		r = tree_owner(&t, who, &c->owner);
	return tree_close(&t) < 0 ? -1 : r;
}

/* The same files may have come to the same image before, from a stage that was another one. With
 * --link, to any image. 1: they have, and r says what came of it. */
static int
find_same(struct task *p, const struct copying *c, struct build_record *r, char key[DIGEST_SIZE])
{
	auto_buf struct buf text = BUF_INIT;
	if (c->link)
		buf_addf(&text, "link %u %u\n", c->owner.uid, c->owner.gid);
	else
		buf_addf(&text, "%s\n", p->s->st.id);
	build_epoch_key(p->b, &text);
	buf_addf(&text, "%s%s", c->words.s, c->sum.s);
	sha256_of(text.s, text.len, key);
	if (asked.no_cache)
		return 0;
	int found = build_cache_get(p->b->store, key, r);
	return found > 0 && c->link ? link_place(p->b, &p->s->st, &r->layer) : found;
}

static int
copy_all(struct task *p, struct copying *c, struct build_record *r)
{
	struct tree t;
	const struct state *st = &p->s->st;
	const char *who = c->own && !c->link ? dfile_flag(&p->x, "chown") : NULL;
	if ((c->link ? tree_open_bare(p->b, p->s, st, &t) : tree_open(p->b, p->s, st, false, &t)) <
		0)
		return -1;
	int ok = 0;
	if (step_dry())
		tell_line(": # the files are copied into it");
	else if ((who && tree_owner(&t, who, &c->owner) < 0) || copy_into(c, &t) < 0 ||
		(c->link && link_times(c, &t) < 0))
		ok = -1;
	if (ok == 0)
		ok = tree_unmount(&t);
	if (ok == 0 && !step_dry() && cache_from_files(p, &t, r))
		report_cached();
	else if (ok == 0)
		ok = tree_adopt(p->b, st, &t, &r->layer);
	r->has_layer = ok == 0;
	return tree_close(&t) < 0 ? -1 : ok;
}

int
copy_make(struct task *p, struct build_record *r)
{
	struct copying *c = p->copying;
	char key[DIGEST_SIZE] = "";
	if (c->from && !step_dry() &&
		(gather_all(p, c) < 0 || items_sum(p->b, &c->items, &c->sum) < 0))
		return -1;
	if (find_owner(p, c) < 0)
		return -1;
	if ((c->from || c->link) && !step_dry()) {
		int same = find_same(p, c, r, key);
		if (same > 0)
			report_cached();
		if (same)
			return same < 0 ? -1 : 0;
	}
	if (copy_all(p, c, r) < 0)
		return -1;
	return key[0] ? build_cache_put(key, r) : 0; /* not in a dry run: no key */
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
