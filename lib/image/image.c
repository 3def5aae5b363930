/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include "base/err.h"
#include "image/ref.h"
#include "image/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An index may name indexes; nobody nests them deeper than this. */
#define INDEX_DEPTH 4

void
chain_id(const char *below, const char *diff_id, char chain[DIGEST_SIZE])
{
	char both[2 * DIGEST_SIZE + 1];
	if (!below) {
		memmove(chain, diff_id, DIGEST_SIZE);
		return;
	}
	int n = snprintf(both, sizeof(both), "%s %s", below, diff_id);
	sha256_of(both, (size_t)n, chain);
}

static int
read_diff_ids(struct image *img, const struct jat *top)
{
	struct jat rootfs, ids;
	if (jat_get_object(top, "rootfs", &rootfs) < 0 ||
		jat_get_array(&rootfs, "diff_ids", &ids) < 0)
		return -1;
	if (jat_len(&ids) != img->n)
		return jat_fail(
			&ids, ERR_INVALID, "has %zu entries for %zu layers", jat_len(&ids), img->n);
	for (size_t i = 0; i < img->n; i++) {
		const struct jat item = jat_item(&ids, i);
		const char *id = "";
		struct image_layer *l = &img->layers[i];
		if (jat_need(&item) < 0 || jat_str(&item, &id) < 0)
			return -1;
		if (!digest_ok(id))
			return jat_fail(&item, ERR_INVALID, "'%.80s' is not a sha256 digest", id);
		memcpy(l->diff_id, id, DIGEST_SIZE);
		chain_id(i ? img->layers[i - 1].chain : NULL, id, l->chain);
	}
	return 0;
}

int
image_read_config(struct image *img, const char *what, json_t *config)
{
	const struct jat top = jat_top(what, config);
	const char *os = "", *arch = "", *variant = "";
	img->config = json_incref(config);
	img->created = "";
	if (!json_is_object(config))
		return jat_fail(&top, ERR_INVALID, "is not an object");
	if (jat_get_str(&top, "os", &os) < 0 || jat_get_str(&top, "architecture", &arch) < 0 ||
		jat_get_str(&top, "variant", &variant) < 0 ||
		jat_get_str(&top, "created", &img->created) < 0)
		return -1;
	snprintf(img->platform.os, sizeof(img->platform.os), "%s", os);
	snprintf(img->platform.arch, sizeof(img->platform.arch), "%s", arch);
	snprintf(img->platform.variant, sizeof(img->platform.variant), "%s", variant);
	return read_diff_ids(img, &top);
}

void
image_from_manifest(struct image *img, const char *digest, const struct manifest *m)
{
	*img = (struct image){.n = m->n, .created = "", .config_size = m->config.size};
	memcpy(img->digest, digest, DIGEST_SIZE);
	memcpy(img->id, m->config.digest, DIGEST_SIZE);
	img->layers = calloc(m->n + 1, sizeof(*img->layers));
	if (!img->layers)
		abort();
	for (size_t i = 0; i < m->n; i++)
		img->layers[i].blob = m->layers[i];
}

void
image_free(struct image *img)
{
	json_decref(img->config);
	free(img->layers);
	free(img->name);
	free(img->source);
	*img = (struct image){0};
}

/* A blob of the store as JSON. `what` gets its name for messages. */
static json_t *
get_json(const struct store *s, const char *kind, const char *digest, char what[128])
{
	auto_buf struct buf text = BUF_INIT;
	snprintf(what, 128, "%s %s", kind, digest);
	return store_get(s, digest, &text) < 0 ? NULL : json_parse(what, text.s, text.len);
}

/* The image manifest behind a digest, through indexes. */
static int
find_manifest(
	const struct store *s, const char *digest, char found[DIGEST_SIZE], struct manifest *m)
{
	struct platform host;
	char what[128];
	platform_host(&host);
	memcpy(found, digest, DIGEST_SIZE);
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		enum manifest_kind kind;
		struct descriptor d;
		auto_json json_t *doc = get_json(s, "manifest", found, what);
		if (!doc || manifest_kind(what, doc, NULL, &kind) < 0)
			return -1;
		if (kind == MANIFEST_IMAGE)
			return manifest_read(what, doc, m);
		if (manifest_pick(what, doc, &host, &d) < 0)
			return -1;
		memcpy(found, d.digest, DIGEST_SIZE);
	}
	return err_set(ERR_INVALID, digest, "index %s holds indexes %d deep", digest, INDEX_DEPTH);
}

static int
read_image(const struct store *s, const struct index_entry *e, struct image *img)
{
	struct manifest m;
	char digest[DIGEST_SIZE], what[128];
	if (find_manifest(s, e->digest, digest, &m) < 0)
		return -1;
	image_from_manifest(img, digest, &m);
	manifest_free(&m);
	auto_json json_t *config = get_json(s, "config", img->id, what);
	return config ? image_read_config(img, what, config) : -1;
}

int
image_load(const struct store *s, const struct index_entry *e, struct image *img)
{
	struct buf name = BUF_INIT;
	*img = (struct image){0};
	if (read_image(s, e, img) < 0) {
		image_free(img);
		return -1;
	}
	index_full_name(e, &name);
	img->name = name.s;
	img->source = e->source ? str_new(e->source) : NULL;
	return 0;
}

static bool
begins(const char *digest, const char *hex)
{
	return strncmp(digest_hex(digest), hex, strlen(hex)) == 0;
}

struct search {
	const struct store *s;
	const struct ref *r;
	struct image *best;
	int found; /* how many different images */
};

/* Looks at one entry of a search by id. Images that cannot be read are passed over: one broken
 * entry must not keep others from being found. */
static void
look(struct search *f, const struct index_entry *e)
{
	struct image img;
	struct err before = err;
	if (image_load(f->s, e, &img) < 0) {
		err = before;
		return;
	}
	bool fits = begins(img.id, f->r->id) || begins(img.digest, f->r->id) ||
		begins(e->digest, f->r->id);
	if (!fits || (f->found && strcmp(f->best->id, img.id) == 0)) {
		image_free(&img);
		return;
	}
	if (f->found++)
		image_free(&img);
	else
		*f->best = img;
}

static int
find_by_id(const struct store *s, const struct index *ix, const char *text, const struct ref *r,
	struct image *img)
{
	struct search f = {.s = s, .r = r, .best = img};
	for (size_t i = 0; r->id[0] && i < index_len(ix); i++) {
		struct index_entry e;
		if (index_at(ix, i, &e) < 0)
			return -1;
		look(&f, &e);
	}
	if (f.found == 1)
		return 0;
	if (f.found > 1) {
		image_free(img);
		err_set(ERR_CONFLICT, text, "%d images have an id that begins with %s", f.found,
			r->id);
		return err_hint("give more of the id, or the name");
	}
	err_set(ERR_NOT_FOUND, text, "there is no image %s", text);
	return err_hint("img-ls lists the images that are here");
}

int
image_find(const struct store *s, const char *text, struct image *img)
{
	struct ref r;
	struct index ix;
	struct index_entry e;
	int result = -1;
	*img = (struct image){0};
	if (ref_parse(text, &r) < 0 || index_load(s, &ix) < 0)
		return -1;
	size_t i = 0, n = index_len(&ix);
	for (; i < n && index_at(&ix, i, &e) == 0; i++)
		if (index_entry_is(&e, &r)) {
			result = image_load(s, &e, img);
			goto out;
		}
	if (i == n)
		result = find_by_id(s, &ix, text, &r, img);
out:
	index_free(&ix);
	return result;
}

bool
image_means_name(const char *text, const struct image *img)
{
	struct ref r, has;
	struct err before = err;
	bool named =
		img->name && ref_parse_name(text, &r) == 0 && ref_parse_name(img->name, &has) == 0;
	err = before;
	return named && strcmp(r.host, has.host) == 0 && strcmp(r.path, has.path) == 0 &&
		(r.digest[0] || strcmp(r.tag, has.tag) == 0);
}

int64_t
image_size(const struct store *s, const struct image *img)
{
	int64_t total = 0;
	for (size_t i = 0; i < img->n; i++) {
		int64_t size = store_has_layer(s, img->layers[i].chain)
			? store_layer_size(s, img->layers[i].chain)
			: -1;
		if (size < 0 || __builtin_add_overflow(total, size, &total))
			return -1;
	}
	return total;
}
