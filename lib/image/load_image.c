/* SPDX-License-Identifier: MIT
 * Loading, part two: what the archive says its images are.
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/load_in.h"
#include "image/ref.h"
#include "image/sha256.h"

#include <stdlib.h>
#include <string.h>

#define INDEX_DEPTH 4

static struct load_image *
new_image(struct load_images *l)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->v = realloc(l->v, l->cap * sizeof(*l->v));
		if (!l->v)
			abort();
	}
	struct load_image *one = &l->v[l->n++];
	*one = (struct load_image){0};
	return one;
}

void
load_images_free(struct load_images *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct load_image *one = &l->v[i];
		image_free(&one->img);
		buf_free(&one->config);
		buf_free(&one->manifest);
		for (size_t k = 0; k < one->n_names; k++)
			free(one->names[k]);
		free(one->names);
	}
	free(l->v);
}

/* Gives the image a name. What is no name that can be given is left out with a warning. */
static void
add_name(struct haul *h, struct load_image *one, const char *text)
{
	struct ref r;
	struct buf full = BUF_INIT;
	struct err before = err;
	char *warning = h->out->warning;
	if (ref_parse_name(text, &r) < 0) {
		if (!*warning)
			snprintf(warning, sizeof(h->out->warning), "a name was left out: %.400s",
				err.message);
		err = before;
		return;
	}
	if (r.digest[0])
		return;
	ref_full(&r, &full);
	for (size_t i = 0; i < one->n_names; i++)
		if (strcmp(one->names[i], full.s) == 0) {
			buf_free(&full);
			return;
		}
	one->names = realloc(one->names, (one->n_names + 1) * sizeof(*one->names));
	if (!one->names)
		abort();
	one->names[one->n_names++] = buf_take(&full);
}

/* A document of an OCI layout, by its digest; what the store has will do too. */
static int
get_text(struct haul *h, const char *kind, const char *digest, struct buf *out)
{
	struct member *m = haul_digest(h, digest, true);
	if (m) {
		buf_add(out, buf_str(&m->text), m->text.len);
		return 0;
	}
	if (store_has_blob(h->s, digest, -1))
		return store_get(h->s, digest, out);
	auto_buf struct buf name = BUF_INIT;
	buf_addf(&name, ARCHIVE_BLOBS "%s", digest_hex(digest));
	m = haul_member(h, name.s);
	if (m && m->kind == MEMBER_TEXT)
		return err_set(ERR_INVALID, h->how->shown, "%s: %s %s is damaged: it is %s",
			h->how->shown, kind, digest, m->digest);
	return err_set(
		ERR_INVALID, h->how->shown, "%s lacks the %s %s", h->how->shown, kind, digest);
}

/* Reads the config, which says what the layers are when they are unpacked. */
static int
read_config(struct load_image *one)
{
	char what[128];
	snprintf(what, sizeof(what), "config %s", one->img.id);
	auto_json json_t *doc = json_parse(what, buf_str(&one->config), one->config.len);
	return doc ? image_read_config(&one->img, what, doc) : -1;
}

/* From an entry of index.json to the image manifest for the platform. */
static int
find_manifest(struct haul *h, const char *entry, struct buf *text, char digest[DIGEST_SIZE],
	struct manifest *m)
{
	struct platform host;
	platform_host(&host);
	memcpy(digest, entry, DIGEST_SIZE);
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		char what[128];
		enum manifest_kind kind;
		struct descriptor d;
		buf_reset(text);
		snprintf(what, sizeof(what), "manifest %s", digest);
		if (get_text(h, "manifest", digest, text) < 0)
			return -1;
		auto_json json_t *doc = json_parse(what, buf_str(text), text->len);
		if (!doc || manifest_kind(what, doc, NULL, &kind) < 0)
			return -1;
		if (kind == MANIFEST_IMAGE)
			return manifest_read(what, doc, m);
		if (manifest_pick(what, doc, h->how->platform ? h->how->platform : &host, &d) < 0)
			return -1;
		memcpy(digest, d.digest, DIGEST_SIZE);
	}
	return err_set(ERR_INVALID, entry, "index %s holds indexes %d deep", entry, INDEX_DEPTH);
}

/* A manifest in Docker's words is translated, so that other programs read it in our layout. It is
 * not kept beside that, as a pull does: no registry has it under its digest that we know of. */
static void
translate(struct load_image *one, const struct manifest *m, char digest[DIGEST_SIZE])
{
	char *inner = memmem(one->manifest.s, one->manifest.len, MEDIA_DOCKER_MANIFEST,
		strlen(MEDIA_DOCKER_MANIFEST));
	if (!inner)
		return;
	buf_reset(&one->manifest);
	manifest_to_oci(m, &one->manifest);
	sha256_of(one->manifest.s, one->manifest.len, digest);
}

static int
read_entry(struct haul *h, const struct jat *item, struct load_images *out)
{
	const struct jat at = jat_member(item, "digest");
	const char *entry = NULL, *name = NULL;
	struct jat notes;
	struct manifest m = {0};
	char digest[DIGEST_SIZE];
	if (jat_need(&at) < 0 || jat_str(&at, &entry) < 0 ||
		digest_check("index.json: an entry's digest", entry) < 0 ||
		jat_get_object(item, "annotations", &notes) < 0 ||
		jat_get_str(&notes, ANNOTATION_NAME, &name) < 0 ||
		jat_get_str(&notes, ANNOTATION_CONTAINERD, &name) < 0)
		return -1;
	struct load_image *one = new_image(out);
	if (find_manifest(h, entry, &one->manifest, digest, &m) < 0)
		return -1;
	translate(one, &m, digest);
	image_from_manifest(&one->img, digest, &m);
	manifest_free(&m);
	if (name)
		add_name(h, one, name);
	if (get_text(h, "config", one->img.id, &one->config) < 0)
		return -1;
	return read_config(one);
}

static int
find_oci(struct haul *h, const struct member *index, struct load_images *out)
{
	auto_json json_t *doc = json_parse(ARCHIVE_INDEX, buf_str(&index->text), index->text.len);
	const struct jat top = jat_top(ARCHIVE_INDEX, doc);
	struct jat list;
	if (!doc || jat_get_array(&top, "manifests", &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		const struct jat item = jat_item(&list, i);
		if (read_entry(h, &item, out) < 0)
			return -1;
	}
	return 0;
}

/* The member that manifest.json names as a layer. */
static int
find_layer(struct haul *h, const char *name, struct descriptor *d)
{
	const struct member *m = haul_member(h, name);
	if (!m)
		return err_set(
			ERR_INVALID, h->how->shown, "%s lacks the layer %s", h->how->shown, name);
	if (m->kind != MEMBER_LAYER && m->kind != MEMBER_HERE)
		return err_set(
			ERR_INVALID, h->how->shown, "%s: layer %s is no tar", h->how->shown, name);
	memcpy(d->digest, m->digest, DIGEST_SIZE);
	d->size = m->size;
	snprintf(d->media_type, sizeof(d->media_type), "%s", packing_media_type(m->packing));
	return 0;
}

/* An image that has no manifest yet: config and layers make one. */
static int
make_manifest(struct haul *h, const struct archive_image *a, const struct member *config,
	struct load_image *one)
{
	struct manifest m = {.n = a->n_layers};
	char digest[DIGEST_SIZE];
	int r = 0;
	m.layers = calloc(a->n_layers + 1, sizeof(*m.layers));
	if (!m.layers)
		abort();
	memcpy(m.config.digest, config->digest, DIGEST_SIZE);
	m.config.size = config->size;
	for (size_t i = 0; i < a->n_layers && r == 0; i++)
		r = find_layer(h, a->layers[i], &m.layers[i]);
	if (r == 0) {
		manifest_to_oci(&m, &one->manifest);
		sha256_of(one->manifest.s, one->manifest.len, digest);
		image_from_manifest(&one->img, digest, &m);
	}
	free(m.layers);
	return r;
}

/* One image of manifest.json. Where the OCI layout had it, only its names are new. */
static int
read_listed(struct haul *h, const struct archive_image *a, struct load_images *out)
{
	const struct member *config = haul_member(h, a->config);
	struct load_image *one = NULL;
	if (!config || config->kind != MEMBER_TEXT)
		return err_set(ERR_INVALID, h->how->shown, "%s lacks the config %s", h->how->shown,
			a->config);
	for (size_t i = 0; i < out->n && !one; i++)
		if (strcmp(out->v[i].img.id, config->digest) == 0)
			one = &out->v[i];
	if (!one) {
		one = new_image(out);
		buf_add(&one->config, buf_str(&config->text), config->text.len);
		if (make_manifest(h, a, config, one) < 0 || read_config(one) < 0)
			return -1;
	}
	for (size_t i = 0; i < a->n_tags; i++)
		add_name(h, one, a->tags[i]);
	return 0;
}

static int
find_docker(struct haul *h, const struct member *list, struct load_images *out)
{
	struct archive_images a;
	int r = 0;
	if (archive_read_manifest(ARCHIVE_MANIFEST, buf_str(&list->text), list->text.len, &a) < 0)
		return -1;
	for (size_t i = 0; i < a.n && r == 0; i++)
		r = read_listed(h, &a.v[i], out);
	archive_images_free(&a);
	return r;
}

static const struct member *
text_of(struct haul *h, const char *name)
{
	const struct member *m = haul_member(h, name);
	return m && m->kind == MEMBER_TEXT ? m : NULL;
}

int
load_images_find(struct haul *h, struct load_images *out)
{
	const struct member *index = text_of(h, ARCHIVE_INDEX),
			    *list = text_of(h, ARCHIVE_MANIFEST);
	if (!text_of(h, ARCHIVE_LAYOUT))
		index = NULL;
	if (index && find_oci(h, index, out) < 0)
		return -1;
	if (list && find_docker(h, list, out) < 0)
		return -1;
	if (out->n > 0)
		return 0;
	if (!index && !list && text_of(h, ARCHIVE_REPOSITORIES)) {
		err_set(ERR_UNSUPPORTED, h->how->shown,
			"%s was written by docker before version 1.10: it has no manifest.json",
			h->how->shown);
		return err_hint("load it into a newer docker and save it again");
	}
	err_set(ERR_INVALID, h->how->shown, "%s holds no image", h->how->shown);
	return index || list ? -1
			     : err_hint("an archive has manifest.json or index.json; a root file "
					"system's tar is img-import's to take");
}
