/* SPDX-License-Identifier: MIT */
#include "image/gc.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/sys.h"
#include "image/boxes.h"
#include "image/buildcache.h"
#include "image/image.h"
#include "image/index.h"
#include "image/mounted.h"
#include "image/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define INDEX_DEPTH 8

struct collection {
	struct store *s;
	struct gc *gc;
	struct names blobs, layers; /* the hex of what stays */
	struct names boxed; /* ids of images that boxes were made of */
	bool all_layers; /* somebody does not say which layers are in use */
};

static void
keep(struct names *set, const char *digest)
{
	names_add(set, digest_hex(digest), DIGEST_HEX, NULL);
}

static bool
kept(const struct names *set, const char *hex)
{
	return names_find(set, hex, DIGEST_HEX) >= 0;
}

/* An image: its config, and its layers as blobs and unpacked. */
static int
mark_image(struct collection *c, const char *digest, json_t *doc)
{
	struct manifest m;
	auto_image struct image img = {0};
	auto_buf struct buf text = BUF_INIT;
	if (manifest_read(digest, doc, &m) < 0)
		return -1;
	image_from_manifest(&img, digest, &m);
	manifest_free(&m);
	keep(&c->blobs, img.id);
	for (size_t i = 0; i < img.n; i++)
		keep(&c->blobs, img.layers[i].blob.digest);
	if (store_get(c->s, img.id, &text) < 0)
		return -1;
	/* What is no image (a chart, a signature) has no layers to be unpacked. */
	auto_json json_t *config = json_parse(img.id, buf_str(&text), text.len);
	if (!config || image_read_config(&img, img.id, config) < 0) {
		err_clear();
		return 0;
	}
	for (size_t i = 0; i < img.n; i++)
		keep(&c->layers, img.layers[i].chain);
	return 0;
}

static int mark(struct collection *c, const char *digest, unsigned depth);

/* Of an index for many machines, what is here. */
static int
mark_index(struct collection *c, const char *digest, json_t *doc, unsigned depth)
{
	const struct jat top = jat_top(digest, doc);
	struct jat list;
	if (jat_get_array(&top, "manifests", &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		const struct jat item = jat_item(&list, i), at = jat_member(&item, "digest");
		const char *child = "";
		if (jat_str(&at, &child) < 0 || digest_check("an index's entry", child) < 0)
			return -1;
		if (store_has_blob(c->s, child, -1) && mark(c, child, depth + 1) < 0)
			return -1;
	}
	return 0;
}

static int
mark(struct collection *c, const char *digest, unsigned depth)
{
	auto_buf struct buf text = BUF_INIT;
	enum manifest_kind kind;
	if (depth > INDEX_DEPTH)
		return err_set(ERR_INVALID, digest, "index %s is too deep", digest);
	keep(&c->blobs, digest);
	if (store_get(c->s, digest, &text) < 0)
		return -1;
	auto_json json_t *doc = json_parse(digest, buf_str(&text), text.len);
	if (!doc || manifest_kind(digest, doc, NULL, &kind) < 0)
		return -1;
	return kind == MANIFEST_INDEX ? mark_index(c, digest, doc, depth)
				      : mark_image(c, digest, doc);
}

static int
mark_entries(struct collection *c, const struct index *ix)
{
	struct index_entry e;
	for (size_t i = 0; i < index_len(ix); i++) {
		if (index_at(ix, i, &e) < 0)
			return -1;
		if (mark(c, e.digest, 0) < 0) {
			err_prefix("cannot tell what %s needs", e.name ? e.name : e.digest);
			return err_hint(
				"nothing was removed: remove that image by img-rm, or pull it "
				"again");
		}
		/* The registry's own manifest is kept beside its translation. */
		if (e.source && digest_ok(e.source))
			keep(&c->blobs, e.source);
	}
	return 0;
}

/* An image that lost its entry while a box is made of it: its config says which layers those are,
 * and must be there to say it the next time. */
static int
mark_boxed(struct collection *c, const char *id)
{
	char chain[DIGEST_SIZE];
	auto_buf struct buf text = BUF_INIT;
	struct jat rootfs, list;
	if (!store_has_blob(c->s, id, -1)) {
		c->all_layers = true;
		return 0;
	}
	keep(&c->blobs, id);
	if (store_get(c->s, id, &text) < 0)
		return -1;
	auto_json json_t *doc = json_parse(id, buf_str(&text), text.len);
	const struct jat top = jat_top(id, doc);
	if (!doc || jat_get_object(&top, "rootfs", &rootfs) < 0 ||
		jat_get_array(&rootfs, "diff_ids", &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		const struct jat at = jat_item(&list, i);
		const char *diff = "";
		char below[DIGEST_SIZE];
		if (jat_str(&at, &diff) < 0 || digest_check("a layer of a box", diff) < 0)
			return -1;
		if (i)
			memcpy(below, chain, sizeof(below));
		chain_id(i ? below : NULL, diff, chain);
		keep(&c->layers, chain);
	}
	return 0;
}

static int
mark_boxes(struct collection *c)
{
	for (size_t i = 0; i < c->boxed.n; i++)
		if (mark_boxed(c, names_at(&c->boxed, i)) < 0) {
			err_prefix("cannot tell what the boxes of %s need", names_at(&c->boxed, i));
			return err_hint("nothing was removed: remove those boxes first");
		}
	return 0;
}

/* Whether a box was made of an entry's image. */
static bool
is_boxed(const struct collection *c, const struct index_entry *e)
{
	struct image img;
	struct err before = err;
	bool boxed = false;
	if (image_load(c->s, e, &img) == 0) {
		boxed = names_find(&c->boxed, img.id, strlen(img.id)) >= 0;
		image_free(&img);
	}
	err = before;
	return boxed;
}

static int
drop_nameless(struct collection *c, struct index *ix)
{
	for (size_t i = index_len(ix); i-- > 0;) {
		struct index_entry e;
		if (index_at(ix, i, &e) < 0)
			return -1;
		if (e.name || is_boxed(c, &e))
			continue;
		index_drop(ix, i);
		c->gc->images++;
	}
	return 0;
}

/* The names in a directory; one that is not there is empty. */
static int
list(const char *path, struct names *out)
{
	auto_dir DIR *d = opendir(path);
	const struct dirent *e;
	if (!d)
		return errno == ENOENT ? 0 : err_sys("opendir", path, "cannot open %s", path);
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			names_add(out, e->d_name, strlen(e->d_name), NULL);
	return 0;
}

static bool
is_hex_name(const char *name)
{
	return strlen(name) == DIGEST_HEX && digest_is_hex(name);
}

static int
sweep_blob(struct collection *c, const char *path, const char *name)
{
	struct stat sb;
	if (is_hex_name(name) && kept(&c->blobs, name))
		return 0;
	if (stat(path, &sb) == 0)
		c->gc->bytes += sb.st_size;
	c->gc->blobs++;
	return sys_unlink("no image has this blob", path);
}

/* Half a layer must not have a layer's name: it loses that first. */
static int
remove_layer(struct collection *c, const char *path, const char *hex)
{
	char tmp[PATH_MAX], chain[DIGEST_SIZE], record[PATH_MAX];
	snprintf(chain, sizeof(chain), DIGEST_PREFIX "%s", hex);
	snprintf(record, sizeof(record), "%.*s.json", PATH_MAX - 8, path);
	int64_t size = store_layer_size(c->s, chain);
	c->gc->bytes += size > 0 ? size : 0;
	c->gc->layers++;
	store_tmp_layer(c->s, tmp);
	if (sys_publish("no image has this layer: it loses its name, then its files", path, tmp) <
		0)
		return -1;
	if (file_exists(record) && sys_unlink("what was counted of it", record) < 0)
		return -1;
	return sys_remove_tree("the layer goes", tmp);
}

static int
sweep_layer(struct collection *c, const char *path, const char *name)
{
	char tree[PATH_MAX];
	size_t n = strcspn(name, ".");
	if (strncmp(name, ".tmp-", 5) == 0) {
		c->gc->temporaries++;
		return sys_remove_tree("left by what was interrupted", path);
	}
	if (is_hex_name(name))
		return c->all_layers || kept(&c->layers, name) ? 0 : remove_layer(c, path, name);
	/* A record whose layer was not finished. */
	snprintf(tree, sizeof(tree), "%.*s", (int)(strlen(path) - strlen(name) + n), path);
	if (n != DIGEST_HEX || strcmp(name + n, ".json") != 0 || dir_exists(tree) ||
		!file_exists(path))
		return 0;
	c->gc->temporaries++;
	return sys_unlink("a count without its layer", path);
}

static int
sweep_tmp(struct collection *c, const char *path, const char *name)
{
	(void)name;
	c->gc->temporaries++;
	return sys_remove_tree("left by what was interrupted", path);
}

static int
sweep(struct collection *c, const char *dir,
	int (*one)(struct collection *c, const char *path, const char *name))
{
	struct names found = {0};
	int r = list(dir, &found);
	for (size_t i = 0; i < found.n && r == 0; i++) {
		auto_buf struct buf path = BUF_INIT;
		path_join(&path, dir, names_at(&found, i));
		r = one(c, path.s, names_at(&found, i));
	}
	names_free(&found);
	return r;
}

/* What a build has made stays for the next one, unless all of that is to go. */
static int
mark_record(const char *path, const struct build_record *r, void *arg)
{
	struct collection *c = arg;
	if (c->gc->drop_cache || !r || (r->has_layer && !store_has_layer(c->s, r->layer.chain))) {
		c->gc->temporaries++;
		return sys_unlink("what a step of a build made is not wanted, or gone", path);
	}
	if (r->has_layer) {
		keep(&c->blobs, r->layer.blob);
		keep(&c->layers, r->layer.chain);
	}
	return 0;
}

static int
sweep_place(struct collection *c, const char *path, const char *name)
{
	struct stat sb;
	(void)name;
	c->gc->temporaries++;
	if (lstat(path, &sb) == 0 && !S_ISDIR(sb.st_mode))
		return sys_unlink("kept by builds", path);
	return sys_remove_tree("left by a build", path);
}

static int
sweep_builds(struct collection *c)
{
	char path[PATH_MAX];
	if (build_place("run", path) < 0 || sweep(c, path, sweep_place) < 0)
		return -1;
	if (!c->gc->drop_cache)
		return 0;
	if (build_place("mounts", path) < 0 || sweep(c, path, sweep_place) < 0)
		return -1;
	return build_place("sums", path) < 0 ? -1 : sweep(c, path, sweep_place);
}

static int
collect(struct collection *c, struct index *ix)
{
	auto_buf struct buf blobs = BUF_INIT, tmp = BUF_INIT;
	path_join(&blobs, store_images(c->s), "blobs/sha256");
	path_join(&tmp, store_images(c->s), "tmp");
	/* All that stays is read before the first change; then names go before what they lead to.
	 */
	bool known = boxes_images(c->s, &c->boxed, &c->layers);
	if ((!c->gc->keep_nameless && drop_nameless(c, ix) < 0) || mark_entries(c, ix) < 0 ||
		mark_boxes(c) < 0 || build_cache_each(mark_record, c) < 0 ||
		(c->gc->images && index_save(c->s, "images without a name go", ix) < 0))
		return -1;
	known = known && !c->all_layers;
	bool told = mounted_layers(&c->layers);
	c->all_layers = !known || !told;
	if (c->all_layers)
		snprintf(c->gc->warning, sizeof(c->gc->warning), "unpacked layers stay: %s",
			told ? "a box does not say which it has"
			     : "a mounted overlay does not say which it has");
	if (sweep(c, store_layers(c->s), sweep_layer) < 0 || sweep(c, blobs.s, sweep_blob) < 0)
		return -1;
	return sweep(c, tmp.s, sweep_tmp) < 0 ? -1 : sweep_builds(c);
}

int
store_collect(struct store *s, struct gc *gc)
{
	struct collection c = {.s = s, .gc = gc};
	struct index ix;
	auto_fd int lock = -1;
	if (!store_exists(s))
		return 0;
	if (store_seize(s) < 0 || store_lock_index(s, &lock) < 0 || index_load(s, &ix) < 0)
		return -1;
	int r = collect(&c, &ix);
	index_free(&ix);
	names_free(&c.blobs);
	names_free(&c.layers);
	names_free(&c.boxed);
	return r;
}
