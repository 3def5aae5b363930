/* SPDX-License-Identifier: MIT
 * Squashing, part three: the merged layer. Directories come first, each before what is in it, with
 * the marks that belong to them; then files from the lowest layer up, as they lie in the archive;
 * then hard links, whose targets are all there by then.
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/layer_in.h"
#include "image/squash_in.h"

#include <stdlib.h>
#include <string.h>

static int
write_meta(struct tar_writer *w, const struct squash_meta *m, enum tar_type type, const char *name,
	const char *link)
{
	const struct tar_entry e = {.type = type,
		.name = name,
		.link = link,
		.mode = m->mode,
		.uid = m->uid,
		.gid = m->gid,
		.mtime = m->mtime,
		.xattr = m->xattr,
		.n_xattr = m->n_xattr};
	return tar_write_entry(w, &e, NULL);
}

/* Whiteouts are empty files, as docker writes them. */
static int
write_mark(struct tar_writer *w, const char *dir, size_t len, const char *mark, const char *name)
{
	auto_buf struct buf b = BUF_INIT;
	buf_add(&b, dir, len);
	buf_addf(&b, "%s%s%s", len ? "/" : "", mark, name);
	const struct tar_entry e = {.type = TAR_FILE, .name = b.s};
	return tar_write_entry(w, &e, NULL);
}

static int
write_dir(const struct squash_plan *p, struct tar_writer *w, const struct squash_node *n,
	const char *path)
{
	/* The directory that something implied, where a layer below had something else or nothing:
	 * once all in it is gone, nothing else would tell of it. */
	static const struct squash_meta plain = {.mode = 0755};
	auto_buf struct buf name = BUF_INIT;
	if (!n->winner && !(n->implied && n->gone && *path) && !n->bare)
		return 0;
	buf_addf(&name, "%s/", *path ? path : ".");
	return write_meta(w, n->winner ? &p->dir[n->entry] : &plain, TAR_DIR, name.s, NULL);
}

static int
write_node(const struct squash_plan *p, struct tar_writer *w, size_t i)
{
	const struct squash_node *n = &p->node[i];
	const char *path = names_at(&p->names, i), *slash = strrchr(path, '/');
	if (squash_wants_whiteout(p, i))
		return write_mark(w, path, slash ? (size_t)(slash - path) : 0, WHITEOUT,
			slash ? slash + 1 : path);
	if (write_dir(p, w, n, path) < 0)
		return -1;
	return n->below ? write_mark(w, path, strlen(path), WHITEOUT_OPAQUE, "") : 0;
}

/* What write_node() has something to write for. */
static bool
is_told(const struct squash_plan *p, size_t i)
{
	const struct squash_node *n = &p->node[i];
	if (n->winner)
		return n->is_dir;
	return n->below || n->bare || (n->implied && n->gone && i);
}

struct named {
	const char *path;
	uint32_t i;
};

static int
by_path(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	return strcmp(x->path, y->path);
}

static int
write_nodes(const struct squash_plan *p, struct tar_writer *w)
{
	size_t n = 0;
	for (size_t i = 0; i < p->names.n; i++)
		n += is_told(p, i);
	auto_free struct named *v = calloc(n + 1, sizeof(*v));
	if (!v)
		abort();
	n = 0;
	for (size_t i = 0; i < p->names.n; i++)
		if (is_told(p, i))
			v[n++] = (struct named){names_at(&p->names, i), (uint32_t)i};
	qsort(v, n, sizeof(*v), by_path);
	for (size_t i = 0; i < n; i++)
		if (write_node(p, w, v[i].i) < 0)
			return -1;
	return 0;
}

static int
write_file(struct tar_writer *w, struct tar_reader *tar, struct tar_entry *e, const char *name)
{
	const void *data;
	int64_t offset;
	ssize_t n;
	e->name = name;
	if (tar_write_entry(w, e, tar_sparse_map(tar, e)) < 0)
		return -1;
	while ((n = tar_data(tar, &data, &offset)) > 0)
		if (tar_write_data(w, data, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : tar_write_padding(w);
}

static int
write_files(const struct squash_plan *p, struct tar_writer *w, size_t layer)
{
	const struct squash_layer *l = &p->a->layer[layer - 1];
	struct squash_source s;
	struct tar_entry e;
	int r = 1;
	uint32_t last = 0;
	for (uint32_t at = 0; at < l->n_out; at++)
		if (l->out[at])
			last = at + 1;
	squash_source_open(&s, p->a, layer, false);
	for (uint32_t at = 0; at < last && r > 0; at++) {
		r = tar_next(s.tar, &e);
		if (r > 0 && l->out[at] &&
			write_file(w, s.tar, &e, names_at(&p->names, l->out[at] - 1)) < 0)
			r = -1;
	}
	squash_source_close(&s);
	if (r == 0)
		return err_set(ERR_INTERNAL, p->a->shown, "%s: layer %zu has changed meanwhile",
			p->a->shown, layer);
	return r < 0 ? -1 : 0;
}

static int
write_links(const struct squash_plan *p, struct tar_writer *w)
{
	for (size_t i = 0; i < p->n_link; i++) {
		const struct squash_link *l = &p->link[i];
		const struct squash_node *n = &p->node[l->path];
		if (l->is_file || n->is_dir || n->winner != l->layer || n->entry != l->at)
			continue;
		if (write_meta(w, &l->meta, TAR_LINK, names_at(&p->names, l->path),
			    names_at(&p->names, l->target)) < 0)
			return -1;
	}
	return 0;
}

int
squash_write_layer(const struct squash_plan *p, struct tar_writer *w)
{
	if (write_nodes(p, w) < 0)
		return -1;
	for (size_t i = p->a->keep + 1; i <= p->a->img.n; i++)
		if (write_files(p, w, i) < 0)
			return -1;
	return write_links(p, w) < 0 ? -1 : tar_write_end(w);
}
