/* SPDX-License-Identifier: MIT
 * Loading, part three: layers in order, documents, names.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/index.h"
#include "image/load_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
check_diff_id(const struct arrival *a, const struct image_layer *l)
{
	if (strcmp(a->in.digest, l->blob.digest) != 0)
		return err_set(ERR_INTERNAL, l->blob.digest, "blob %s is damaged: it is %s",
			l->blob.digest, a->in.digest);
	if (strcmp(a->in.diff_id, l->diff_id) == 0)
		return 0;
	err_set(ERR_INVALID, l->blob.digest, "cannot use layer %s: unpacked it is %s, not %s",
		l->blob.digest, a->in.diff_id, l->diff_id);
	return err_hint("the image was not put together well: its config lists other layers");
}

/* The blob gets its name, unless the store has it or it did not come. */
static int
put_blob(struct haul *h, const struct image_layer *l)
{
	struct member *m = haul_digest(h, l->blob.digest, false);
	if (m && m->kind == MEMBER_LAYER && check_diff_id(m->layer, l) < 0)
		return -1;
	if (m && m->kind == MEMBER_LAYER && m->layer->blob[0]) {
		if (store_publish_blob(h->s, m->layer->blob, l->blob.digest) < 0)
			return -1;
		m->layer->blob[0] = '\0';
		return 0;
	}
	if (store_has_blob(h->s, l->blob.digest, l->blob.size))
		return 0;
	return err_set(
		ERR_INVALID, h->how->shown, "%s lacks the layer %s", h->how->shown, l->blob.digest);
}

/* A layer that the store has as a blob only, or that the image has twice, is unpacked from there.
 */
static int
unpack_blob(struct haul *h, const struct image_layer *l, struct arrival *a)
{
	char path[PATH_MAX];
	if (store_blob_path(h->s, l->blob.digest, path) < 0)
		return -1;
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("open", path, "cannot open %s", path);
	struct stream_fd from = {.fd = fd, .shown = path};
	a->in.read = stream_fd_read;
	a->in.self = &from;
	a->in.apply.later = true;
	a->in.as_is = true;
	int r = arrive(h->s, a, false, l->blob.digest);
	stream_fd_free(&from);
	return r;
}

/* The unpacked tree of a layer: the one made as it came, if nobody took it yet. */
static int
get_tree(struct haul *h, const struct image_layer *l, struct arrival *a)
{
	struct member *m = haul_digest(h, l->blob.digest, false);
	*a = ARRIVAL_INIT;
	if (m && m->kind == MEMBER_LAYER && m->layer->tree[0]) {
		*a = *m->layer;
		m->layer->tree[0] = '\0';
		m->layer->in.result = (struct layer_result){0};
	} else if (unpack_blob(h, l, a) < 0) {
		return -1;
	}
	return check_diff_id(a, l);
}

/* What depends on the layers below: see layer_complete(). */
static int
complete(struct arrival *a, const int *lower, size_t n)
{
	struct step st;
	int r = 0;
	if (step_open(&st, "complete", "what depends on the layers below")) {
		auto_fd int dir = open(a->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		a->in.apply.dir = dir;
		a->in.apply.shown = a->tree;
		a->in.apply.lower = lower;
		a->in.apply.n_lower = n;
		r = dir < 0 ? err_sys("open", a->tree, "cannot open %s", a->tree)
			    : layer_complete(&a->in.apply, &a->in.result);
		errno = err.no ? err.no : EINVAL;
		step_result(&st, r);
	}
	if (step_told(&st))
		step_call(&st, "attributes of directories without an entry, links to lower files");
	if (step_close(&st) < 0 && r == 0)
		return err_sys("complete", a->tree, "cannot complete the layer %s", a->tree);
	return r;
}

/* The layers of an image that the store lacks, each in a tree of its own. */
struct trees {
	struct arrival **v; /* NULL where the store has the layer */
	int *dirs;
	size_t n; /* so far */
	bool any;
};

/* One layer: `t` holds those below, and gets it. */
static int
add_tree(struct haul *h, const struct image_layer *l, struct trees *t)
{
	char path[PATH_MAX];
	const char *at = path;
	struct arrival *a = NULL;
	int r = store_layer_path(h->s, l->chain, path);
	if (r == 0 && !store_has_layer(h->s, l->chain)) {
		a = t->v[t->n] = malloc(sizeof(*a));
		if (!a)
			abort();
		r = get_tree(h, l, a);
		if (r == 0)
			r = complete(a, t->dirs, t->n);
		t->any = true;
		at = a->tree;
	}
	t->dirs[t->n] = r < 0 ? -1 : open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && t->dirs[t->n] < 0)
		r = err_sys("open", at, "cannot open %s", at);
	t->n++;
	return r;
}

static void
free_trees(struct trees *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->dirs[i] >= 0)
			close(t->dirs[i]);
		if (t->v[i])
			layer_result_free(&t->v[i]->in.result);
		free(t->v[i]);
	}
	free(t->dirs);
	free(t->v);
}

/* All blobs, then all trees, bottom first: a chain is never visible without what it stands on. */
static int
put_layers(struct haul *h, const struct image *img)
{
	struct trees t = {0};
	int r = 0;
	t.v = calloc(img->n + 1, sizeof(struct arrival *));
	t.dirs = calloc(img->n + 1, sizeof(*t.dirs));
	if (!t.v || !t.dirs)
		abort();
	for (size_t i = 0; i < img->n && r == 0; i++)
		r = put_blob(h, &img->layers[i]);
	for (size_t i = 0; i < img->n && r == 0; i++)
		r = add_tree(h, &img->layers[i], &t);
	if (r == 0 && t.any)
		r = store_settle(h->s);
	for (size_t i = 0; i < t.n && r == 0; i++)
		if (t.v[i])
			r = arrive_tree(h->s, t.v[i], img->layers[i].chain);
	free_trees(&t);
	return r;
}

static int
put_documents(struct haul *h, const struct load_image *one)
{
	char digest[DIGEST_SIZE];
	if (store_put(h->s, "the image's config", buf_str(&one->config), one->config.len, digest) <
		0)
		return -1;
	return store_put(
		h->s, "the image's manifest", buf_str(&one->manifest), one->manifest.len, digest);
}

static int
enter(struct haul *h, struct load_image *one)
{
	const char *digest = one->img.digest;
	for (size_t i = 0; i < one->n_names; i++)
		if (index_enter(h->s, one->names[i], digest, one->manifest.len, NULL) < 0)
			return -1;
	return one->n_names ? 0 : index_enter(h->s, NULL, digest, one->manifest.len, NULL);
}

static void
report(struct loads *out, struct load_images *l)
{
	out->v = calloc(l->n + 1, sizeof(*out->v));
	if (!out->v)
		abort();
	for (; out->n < l->n; out->n++) {
		struct load_image *one = &l->v[out->n];
		struct loaded *to = &out->v[out->n];
		memcpy(to->id, one->img.id, DIGEST_SIZE);
		memcpy(to->digest, one->img.digest, DIGEST_SIZE);
		to->names = one->names;
		to->n_names = one->n_names;
		one->names = NULL;
		one->n_names = 0;
	}
}

static int
load(struct haul *h, struct load_images *l)
{
	if (haul_read(h) < 0 || load_images_find(h, l) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (put_layers(h, &l->v[i].img) < 0 || put_documents(h, &l->v[i]) < 0)
			return -1;
	/* Nothing can be missing any more: names last. */
	for (size_t i = 0; i < l->n; i++)
		if (enter(h, &l->v[i]) < 0)
			return -1;
	return haul_drop(h);
}

int
images_load(struct store *s, const struct load *how, struct loads *out)
{
	struct haul h = {.s = s, .how = how, .out = out};
	struct load_images l = {0};
	*out = (struct loads){0};
	if (step_dry()) {
		tell_line(": # what follows is named by the archive: layers, configs, manifests, "
			  "index.json");
		return 0;
	}
	int r = load(&h, &l);
	if (r == 0)
		report(out, &l);
	load_images_free(&l);
	haul_free(&h);
	return r;
}

void
loads_free(struct loads *l)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->v[i].n_names; k++)
			free(l->v[i].names[k]);
		free(l->v[i].names);
	}
	free(l->v);
	*l = (struct loads){0};
}
