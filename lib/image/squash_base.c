/* SPDX-License-Identifier: MIT
 * Squashing: what the layers that stay have. A whiteout is needed only where they show something of
 * that name, so they are looked at where there is one, and only then.
 */
#include "base/err.h"
#include "image/layer_in.h"
#include "image/squash_in.h"

#include <string.h>

static bool
uncovered(const struct squash_plan *p, size_t at)
{
	return !squash_covered(p, names_at(&p->names, at), 0);
}

bool
squash_wants_whiteout(const struct squash_plan *p, size_t at)
{
	const struct squash_node *n = &p->node[at];
	return at && n->gone && !n->winner && !n->implied && uncovered(p, at);
}

bool
squash_wants_opaque(const struct squash_plan *p, size_t at)
{
	const struct squash_node *n = &p->node[at];
	bool is_dir = n->winner ? n->is_dir : n->implied || (n->opaque && !n->gone);
	return is_dir && (n->gone || n->opaque) && uncovered(p, at);
}

/* Whether a layer that stays hides what one below it has at path[0..len). */
static bool
hidden(const struct squash_plan *p, const char *path, size_t len)
{
	for (size_t i = 0; i <= len; i++) {
		if (i && i < len && path[i] != '/')
			continue;
		const struct squash_node *n = squash_find(p, path, i);
		if (n && (n->base_gone > p->layer || (i < len && n->base_opaque > p->layer)))
			return true;
	}
	return false;
}

static int
has_something(struct squash_plan *p, const char *path, size_t len)
{
	struct squash_node *n = squash_find(p, path, len);
	if (n)
		n->bare = false;
	return 0;
}

/* Directories that only the names of what was in them made: they are there still when it is not.
 * What the layers that stay have of that name is found out where those can be seen. */
static void
suppose_bare(struct squash_plan *p)
{
	for (size_t i = 1; i < p->names.n; i++) {
		struct squash_node *n = &p->node[i];
		n->bare = n->implied && !n->winner && !n->gone;
		n->base_known = n->bare && !uncovered(p, i);
	}
	for (size_t i = 1; i < p->names.n; i++)
		if (p->node[i].winner)
			squash_above(p, names_at(&p->names, i), has_something);
}

static void
settle_bare(struct squash_plan *p, const char *path, size_t len, bool is_dir)
{
	struct squash_node *n = squash_find(p, path, len);
	if (!n || !n->bare || n->base_known || hidden(p, path, len))
		return;
	n->base_known = true;
	n->bare = !is_dir;
}

static int
settle_above(struct squash_plan *p, const char *path, size_t len)
{
	settle_bare(p, path, len, true);
	return 0;
}

/* Where a whiteout of the layers that stay would matter. */
static int
note_above(struct squash_plan *p, const char *path, size_t len)
{
	return squash_node(p, path, len, NULL) ? 0 : -1;
}

/* Asks for what matters. Returns how many, or -1. */
static ssize_t
ask(struct squash_plan *p)
{
	ssize_t asked = 0;
	size_t n = p->names.n;
	for (size_t i = 0; i < n; i++) {
		if (!squash_wants_whiteout(p, i) && !squash_wants_opaque(p, i))
			continue;
		p->node[i].asked = true;
		asked++;
		/* The name may move while names are added. */
		char path[PATH_MAX];
		snprintf(path, sizeof(path), "%s", names_at(&p->names, i));
		if (squash_above(p, path, note_above) < 0)
			return -1;
	}
	return asked;
}

static int
found(struct squash_plan *p, const char *path, size_t len)
{
	struct squash_node *n = squash_find(p, path, len);
	if (n && n->asked && !n->below && !hidden(p, path, len))
		n->below = true;
	return 0;
}

static void
base_entry(struct squash_plan *p, const struct tar_entry *e, const char *path)
{
	squash_above(p, path, found);
	found(p, path, strlen(path));
	settle_bare(p, path, strlen(path), e->type == TAR_DIR);
	struct squash_node *n = squash_find(p, path, strlen(path));
	if (n && e->type != TAR_DIR && !n->base_gone)
		n->base_gone = p->layer;
}

static int
look_at(struct squash_plan *p, struct tar_reader *tar)
{
	struct tar_entry e;
	char path[PATH_MAX];
	enum squash_mark mark;
	int r;
	while ((r = tar_next(tar, &e)) > 0) {
		if (layer_clean(e.name, path) < 0 || squash_mark(path, &mark) < 0)
			return -1;
		squash_above(p, path, settle_above);
		if (mark == MARK_NONE)
			base_entry(p, &e, path);
		else if (mark == MARK_OPAQUE)
			settle_bare(p, path, strlen(path), true);
		struct squash_node *n =
			mark == MARK_NONE ? NULL : squash_find(p, path, strlen(path));
		if (n && mark == MARK_WHITEOUT && !n->base_gone)
			n->base_gone = p->layer;
		if (n && mark == MARK_OPAQUE && !n->base_opaque)
			n->base_opaque = p->layer;
	}
	return r;
}

int
squash_base(struct squash_plan *p)
{
	suppose_bare(p);
	ssize_t asked = p->a->keep ? ask(p) : 0;
	/* Where nothing was taken away, something is left in each of them. */
	for (size_t i = 0; p->a->keep && asked == 0 && i < p->names.n; i++)
		p->node[i].bare = p->node[i].bare && p->node[i].base_known;
	if (asked <= 0)
		return (int)asked;
	for (p->layer = (uint16_t)p->a->keep; p->layer > 0; p->layer--) {
		struct squash_source s;
		squash_source_open(&s, p->a, p->layer, false);
		int r = look_at(p, s.tar);
		squash_source_close(&s);
		if (r < 0)
			return err_prefix("layer %u", p->layer);
	}
	return 0;
}
