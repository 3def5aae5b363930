/* SPDX-License-Identifier: MIT
 * Squashing: hard links. A link's target may be of its own layer or of one below, and a layer above
 * may have changed or removed what the target is called; the content then goes on under the name of
 * a link.
 */
#include "base/err.h"
#include "image/layer_in.h"
#include "image/squash_in.h"

#include <stdlib.h>
#include <string.h>

/* A link to a link to a link: more in a row is nothing that an archiver makes. */
#define CHAIN_MAX 64

void
squash_meta_of(struct squash_meta *m, const struct tar_entry *e)
{
	*m = (struct squash_meta){.mode = e->mode,
		.uid = e->uid,
		.gid = e->gid,
		.mtime = e->mtime,
		.n_xattr = e->n_xattr};
	if (!e->n_xattr)
		return;
	m->xattr = calloc(e->n_xattr, sizeof(*m->xattr));
	for (size_t i = 0; m->xattr && i < e->n_xattr; i++) {
		void *value = malloc(e->xattr[i].len + 1);
		if (!value)
			abort();
		memcpy(value, e->xattr[i].value, e->xattr[i].len);
		m->xattr[i] = (struct tar_xattr){str_new(e->xattr[i].name), value, e->xattr[i].len};
	}
	if (!m->xattr)
		abort();
}

void
squash_meta_free(struct squash_meta *m)
{
	for (size_t i = 0; i < m->n_xattr; i++) {
		/* They are const for those who write them. */
		free((void *)(uintptr_t)m->xattr[i].name);
		free((void *)(uintptr_t)m->xattr[i].value);
	}
	free(m->xattr);
}

int
squash_note_link(struct squash_plan *p, const struct tar_entry *e, size_t path, uint32_t at)
{
	char target[PATH_MAX];
	size_t t;
	if (layer_clean(e->link, target) < 0)
		return -1;
	const struct squash_node *n = squash_node(p, target, strlen(target), &t);
	if (!n)
		return -1;
	if (p->n_link == p->cap_link) {
		p->cap_link = p->cap_link ? p->cap_link + p->cap_link / 2 : 64;
		p->link = realloc(p->link, p->cap_link * sizeof(*p->link));
		if (!p->link)
			abort();
	}
	struct squash_link *l = &p->link[p->n_link++];
	*l = (struct squash_link){
		.path = (uint32_t)path, .target = (uint32_t)t, .layer = p->layer, .at = at};
	squash_meta_of(&l->meta, e);
	/* Itself it cannot be: the name was something else before. */
	if (t != path && n->seen == p->layer) {
		l->to_layer = p->layer;
		l->to_at = n->seen_at;
	}
	return 0;
}

void
squash_settle_links(struct squash_plan *p)
{
	bool all = true;
	for (size_t i = p->first_waiting; i < p->n_link; i++) {
		struct squash_link *l = &p->link[i];
		const struct squash_node *t = &p->node[l->target];
		if (l->to_layer)
			continue;
		if (t->seen == p->layer && l->target != l->path) {
			l->to_layer = p->layer;
			l->to_at = t->seen_at;
			continue;
		}
		if (all)
			p->first_waiting = i;
		all = false;
	}
	if (all)
		p->first_waiting = p->n_link;
}

/* They were noted from the top layer down, and within a layer in order. */
static int
compare(const void *a, const void *b)
{
	const struct squash_link *x = a, *y = b;
	if (x->layer != y->layer)
		return x->layer > y->layer ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static const struct squash_link *
link_at(const struct squash_plan *p, uint16_t layer, uint32_t at)
{
	const struct squash_link key = {.layer = layer, .at = at};
	return p->n_link ? bsearch(&key, p->link, p->n_link, sizeof(key), compare) : NULL;
}

/* The end of the chain that begins at l: what has the content. */
static int
follow(const struct squash_plan *p, struct squash_link *l)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		const struct squash_link *next =
			l->to_layer ? link_at(p, l->to_layer, l->to_at) : NULL;
		if (!next)
			return 0;
		l->to_layer = next->to_layer;
		l->to_at = next->to_at;
		l->target = next->target;
	}
	const char *name = names_at(&p->names, l->path);
	return err_set(ERR_INVALID, name, "cannot merge %s: it is a hard link to itself", name);
}

/* What it is a link to lies in the layers that stay. It must not have been changed above. */
static int
check_below(const struct squash_plan *p, const struct squash_link *l)
{
	const char *name = names_at(&p->names, l->path), *to = names_at(&p->names, l->target);
	const struct squash_node *t = &p->node[l->target];
	if (!t->winner && !t->gone && !t->implied && !squash_covered(p, to, 0))
		return 0;
	err_set(ERR_UNSUPPORTED, name,
		"cannot merge %s: it is a hard link to %s of a layer that stays, which a later "
		"layer changes",
		name, to);
	return err_hint("merge that layer as well: --from with a lower one");
}

static int
resolve(struct squash_plan *p, struct squash_link *l)
{
	const struct squash_node *n = &p->node[l->path];
	if (n->winner != l->layer || n->is_dir || n->entry != l->at)
		return 0;
	if (follow(p, l) < 0)
		return -1;
	if (!l->to_layer)
		return check_below(p, l);
	uint32_t *out = &p->a->layer[l->to_layer - 1].out[l->to_at];
	l->is_file = *out == 0;
	if (l->is_file)
		*out = l->path + 1;
	l->target = *out - 1;
	return 0;
}

int
squash_resolve_links(struct squash_plan *p)
{
	for (size_t i = 0; i < p->n_link; i++)
		if (resolve(p, &p->link[i]) < 0)
			return -1;
	return 0;
}
