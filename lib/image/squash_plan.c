/* SPDX-License-Identifier: MIT
 * Squashing, part two: what stays. The layers are looked at from the top, so whatever is noted
 * already is above; nothing is unpacked, only the headers count.
 */
#include "base/err.h"
#include "image/layer_in.h"
#include "image/sha256.h"
#include "image/squash_in.h"

#include <stdlib.h>
#include <string.h>

/* Of a layer, more entries than anybody's: each costs four bytes. */
#define ENTRIES_MAX (UINT32_C(1) << 26)

struct squash_node *
squash_node(struct squash_plan *p, const char *path, size_t len, size_t *at)
{
	ssize_t i = names_add(&p->names, path, len, NULL);
	if (i < 0) {
		err_sys(NULL, path, "cannot remember %s", path);
		return NULL;
	}
	if ((size_t)i >= p->cap) {
		size_t cap = p->cap ? p->cap + p->cap / 2 : 256;
		p->node = realloc(p->node, cap * sizeof(*p->node));
		if (!p->node)
			abort();
		memset(p->node + p->cap, 0, (cap - p->cap) * sizeof(*p->node));
		p->cap = cap;
	}
	if (at)
		*at = (size_t)i;
	return &p->node[i];
}

struct squash_node *
squash_find(const struct squash_plan *p, const char *path, size_t len)
{
	ssize_t i = names_find(&p->names, path, len);
	return i < 0 ? NULL : &p->node[i];
}

int
squash_above(struct squash_plan *p, const char *path, squash_above_fn *fn)
{
	int r = *path ? fn(p, path, 0) : 0;
	for (size_t i = 1; r == 0 && path[0] && path[i]; i++)
		if (path[i] == '/')
			r = fn(p, path, i);
	return r;
}

bool
squash_covered(const struct squash_plan *p, const char *path, uint16_t layer)
{
	for (size_t i = 0; path[0] && path[i]; i++) {
		if (i && path[i] != '/')
			continue;
		const struct squash_node *n = squash_find(p, path, i);
		if (n && (n->gone > layer || n->opaque > layer))
			return true;
	}
	return false;
}

int
squash_mark(char *path, enum squash_mark *mark)
{
	*mark = MARK_NONE;
	for (char *part = path; *part;) {
		size_t n = strcspn(part, "/");
		bool last = !part[n];
		if (strncmp(part, WHITEOUT, sizeof(WHITEOUT) - 1) != 0) {
			part += n + !last;
			continue;
		}
		if (last && strcmp(part, WHITEOUT_OPAQUE) == 0) {
			part[part > path ? -1 : 0] = '\0';
			*mark = MARK_OPAQUE;
			return 0;
		}
		/* aufs's own book-keeping, which old images carry. */
		*mark = MARK_IGNORED;
		if (strncmp(part, WHITEOUT_META, sizeof(WHITEOUT_META) - 1) == 0)
			return 0;
		const char *name = part + sizeof(WHITEOUT) - 1;
		if (!last || !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return err_set(ERR_INVALID, path, "cannot use the whiteout %s", path);
		memmove(part, name, strlen(name) + 1);
		*mark = MARK_WHITEOUT;
		return 0;
	}
	return 0;
}

/* A directory above something that stays, or in which something is taken away. */
static int
imply(struct squash_plan *p, const char *path, size_t len)
{
	struct squash_node *n = squash_node(p, path, len, NULL);
	if (n && !n->implied)
		n->implied = p->layer;
	return n ? 0 : -1;
}

/* What lies under a symlink or file of its own layer goes somewhere else when it is unpacked, which
 * only unpacking could tell. */
static int
check_above(struct squash_plan *p, const char *path, size_t len)
{
	const struct squash_node *n = squash_find(p, path, len);
	if (!n || n->seen != p->layer || n->seen_dir)
		return 0;
	return err_set(ERR_UNSUPPORTED, path,
		"cannot merge %s: in its own layer it lies under %.*s, which is no directory", path,
		(int)len, path);
}

static uint32_t *
out_of(struct squash_layer *l, uint32_t at)
{
	if (at >= l->cap_out) {
		l->cap_out = l->cap_out ? l->cap_out + l->cap_out / 2 : 64;
		l->out = realloc(l->out, l->cap_out * sizeof(*l->out));
		if (!l->out)
			abort();
	}
	if (at >= l->n_out) {
		memset(l->out + l->n_out, 0, (at + 1 - l->n_out) * sizeof(*l->out));
		l->n_out = at + 1;
	}
	return &l->out[at];
}

static void
keep_dir(struct squash_plan *p, struct squash_node *n, const struct tar_entry *e)
{
	if (p->n_dir == p->cap_dir) {
		p->cap_dir = p->cap_dir ? p->cap_dir + p->cap_dir / 2 : 64;
		p->dir = realloc(p->dir, p->cap_dir * sizeof(*p->dir));
		if (!p->dir)
			abort();
	}
	n->entry = (uint32_t)p->n_dir;
	squash_meta_of(&p->dir[p->n_dir++], e);
}

/* The entry stays: of one name in a tar the last counts, as when it is unpacked. */
static void
keep_entry(struct squash_plan *p, const struct tar_entry *e, struct squash_node *n, size_t path,
	uint32_t at)
{
	struct squash_layer *l = &p->a->layer[p->layer - 1];
	if (n->winner && !n->is_dir)
		l->out[n->entry] = 0;
	n->winner = p->layer;
	n->is_dir = e->type == TAR_DIR;
	if (n->is_dir) {
		keep_dir(p, n, e);
		return;
	}
	n->entry = at;
	if (e->type != TAR_LINK)
		*out_of(l, at) = (uint32_t)path + 1;
}

static int
take_entry(struct squash_plan *p, const struct tar_entry *e, const char *path, uint32_t at)
{
	size_t i;
	bool is_dir = e->type == TAR_DIR;
	if (squash_above(p, path, check_above) < 0)
		return -1;
	struct squash_node *n = squash_node(p, path, strlen(path), &i);
	if (!n)
		return -1;
	*out_of(&p->a->layer[p->layer - 1], at) = 0;
	n->seen = p->layer;
	n->seen_at = at;
	n->seen_dir = is_dir;
	bool covered = squash_covered(p, path, p->layer);
	bool stays = !covered && n->winner <= p->layer && n->gone <= p->layer &&
		(is_dir || n->implied <= p->layer);
	if (stays) {
		keep_entry(p, e, n, i, at);
		if (squash_above(p, path, imply) < 0)
			return -1;
		n = &p->node[i];
	}
	if (!covered && !is_dir && !n->gone)
		n->gone = p->layer;
	return e->type == TAR_LINK ? squash_note_link(p, e, i, at) : 0;
}

static int
take_mark(struct squash_plan *p, const char *path, enum squash_mark mark)
{
	struct squash_node *n;
	if (mark == MARK_IGNORED || squash_covered(p, path, p->layer))
		return 0;
	n = squash_find(p, path, strlen(path));
	if (mark == MARK_OPAQUE && n && n->gone > p->layer)
		return 0;
	if (squash_above(p, path, imply) < 0 ||
		(mark == MARK_OPAQUE && imply(p, path, strlen(path)) < 0) ||
		!(n = squash_node(p, path, strlen(path), NULL)))
		return -1;
	if (mark == MARK_WHITEOUT && !n->gone)
		n->gone = p->layer;
	if (mark == MARK_OPAQUE && !n->opaque)
		n->opaque = p->layer;
	return 0;
}

static int
look_at(struct squash_plan *p, struct tar_reader *tar)
{
	struct tar_entry e;
	char path[PATH_MAX];
	enum squash_mark mark;
	int r;
	for (uint32_t at = 0; (r = tar_next(tar, &e)) > 0; at++) {
		if (at == ENTRIES_MAX)
			return err_set(ERR_INVALID, p->a->shown, "it has more than %u entries",
				ENTRIES_MAX);
		if (layer_clean(e.name, path) < 0 || squash_mark(path, &mark) < 0)
			return -1;
		if ((mark == MARK_NONE ? take_entry(p, &e, path, at) : take_mark(p, path, mark)) <
			0)
			return -1;
	}
	return r;
}

/* What is compressed is read to its end anyway: its hash comes with it. */
static int
look_at_layer(struct squash_plan *p)
{
	struct squash_source s;
	char digest[DIGEST_SIZE];
	squash_source_open(&s, p->a, p->layer, p->a->layer[p->layer - 1].packed);
	int r = look_at(p, s.tar);
	if (r < 0)
		err_prefix("layer %u", p->layer);
	if (r == 0 && s.sum) {
		sha256_take(s.sum, digest);
		r = squash_check_sum(p->a, p->layer, digest);
	}
	squash_source_close(&s);
	squash_settle_links(p);
	return r;
}

int
squash_plan(struct squash_plan *p)
{
	if (!squash_node(p, "", 0, NULL))
		return -1;
	for (p->layer = (uint16_t)p->a->img.n; p->layer > p->a->keep; p->layer--)
		if (look_at_layer(p) < 0)
			return -1;
	if (squash_resolve_links(p) < 0)
		return -1;
	return squash_base(p);
}

void
squash_plan_free(struct squash_plan *p)
{
	for (size_t i = 0; i < p->n_dir; i++)
		squash_meta_free(&p->dir[i]);
	for (size_t i = 0; i < p->n_link; i++)
		squash_meta_free(&p->link[i].meta);
	free(p->dir);
	free(p->link);
	free(p->node);
	names_free(&p->names);
}
