/* SPDX-License-Identifier: MIT
 * Squashing, part one: what the archive holds. Only headers and documents are read.
 */
#include "base/auto.h"
#include "base/err.h"
#include "image/intake.h"
#include "image/sha256.h"
#include "image/squash_in.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 100000
#define LINKS_MAX 8
#define INDEX_DEPTH 4

static int
note_member(struct squash_archive *a, const struct tar_entry *e, struct tar_reader *tar)
{
	auto_buf struct buf name = BUF_INIT, link = BUF_INIT;
	int is_new;
	archive_name(e->name, NULL, &name);
	if (e->type == TAR_DIR)
		return 0;
	ssize_t i = names_add(&a->names, buf_str(&name), name.len, &is_new);
	if (i < 0 || i >= MEMBERS_MAX)
		return err_set(ERR_INVALID, a->shown, "%s has more than %d members", a->shown,
			MEMBERS_MAX);
	/* Two readers of an archive that has a name twice may see two images. */
	if (!is_new)
		return err_set(ERR_INVALID, name.s, "%s has two members %s", a->shown, name.s);
	if ((size_t)i >= a->cap) {
		a->cap = a->cap ? 2 * a->cap : 64;
		a->member = realloc(a->member, a->cap * sizeof(*a->member));
		if (!a->member)
			abort();
	}
	struct squash_member *m = &a->member[i];
	*m = (struct squash_member){.at = -1};
	if (e->type == TAR_SYMLINK || e->type == TAR_LINK) {
		archive_name(e->link, e->type == TAR_SYMLINK ? name.s : NULL, &link);
		m->link = buf_take(&link);
	} else if (e->type == TAR_FILE && !tar_sparse_map(tar, e)) {
		m->at = a->start + (int64_t)tar_offset(tar);
		m->size = e->size;
	}
	return 0;
}

static int
find_members(struct squash_archive *a)
{
	struct window w = {.fd = a->fd, .shown = a->shown, .at = a->start, .end = a->end};
	struct tar_reader *tar = tar_open(window_read, &w);
	struct tar_entry e;
	int r;
	tar_set_skip(tar, window_skip);
	while ((r = tar_next(tar, &e)) > 0)
		if (note_member(a, &e, tar) < 0) {
			r = -1;
			break;
		}
	tar_close(tar);
	window_free(&w);
	return r < 0 ? err_prefix("%s", a->shown) : 0;
}

ssize_t
squash_member(const struct squash_archive *a, const char *name)
{
	for (int i = 0; i < LINKS_MAX; i++) {
		ssize_t at = names_find(&a->names, name, strlen(name));
		if (at < 0)
			return -1;
		if (!a->member[at].link)
			return a->member[at].at < 0 ? -1 : at;
		name = a->member[at].link;
	}
	return -1;
}

int
squash_text(const struct squash_archive *a, const char *kind, const char *name, struct buf *out)
{
	const void *data;
	ssize_t n, i = squash_member(a, name);
	if (i < 0)
		return err_set(ERR_INVALID, a->shown, "%s lacks the %s %s", a->shown, kind, name);
	const struct squash_member *m = &a->member[i];
	if (m->size > (int64_t)JSON_SIZE_MAX)
		return err_set(ERR_INVALID, a->shown, "%s: %s is larger than %zu MiB", a->shown,
			name, JSON_SIZE_MAX >> 20);
	struct window w = {.fd = a->fd, .shown = a->shown, .at = m->at, .end = m->at + m->size};
	while ((n = window_read(&w, &data)) > 0)
		buf_add(out, data, (size_t)n);
	window_free(&w);
	return n < 0 ? -1 : 0;
}

/* A document of the layout, which is what its name says. */
static int
get_blob(const struct squash_archive *a, const char *kind, const char *digest, struct buf *out)
{
	char name[sizeof(ARCHIVE_BLOBS) + DIGEST_HEX], is[DIGEST_SIZE];
	snprintf(name, sizeof(name), ARCHIVE_BLOBS "%s", digest_hex(digest));
	buf_reset(out);
	if (squash_text(a, kind, name, out) < 0)
		return -1;
	sha256_of(buf_str(out), out->len, is);
	if (strcmp(is, digest) == 0)
		return 0;
	return err_set(ERR_INVALID, a->shown, "%s: %s %s is damaged: it is %s", a->shown, kind,
		digest, is);
}

static char *
blob_name(const char *digest)
{
	return fmt_new(ARCHIVE_BLOBS "%s", digest_hex(digest));
}

/* From an entry of index.json to the manifest for this machine. */
static int
get_manifest(const struct squash_archive *a, const char *entry, struct manifest *m)
{
	auto_buf struct buf text = BUF_INIT;
	struct platform host;
	struct descriptor d;
	char digest[DIGEST_SIZE];
	platform_host(&host);
	snprintf(digest, sizeof(digest), "%s", entry);
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		enum manifest_kind kind;
		if (get_blob(a, "manifest", digest, &text) < 0)
			return -1;
		auto_json json_t *doc = json_parse(digest, text.s, text.len);
		if (!doc || manifest_kind(digest, doc, NULL, &kind) < 0)
			return -1;
		if (kind == MANIFEST_IMAGE)
			return manifest_read(digest, doc, m);
		if (manifest_pick(digest, doc, &host, &d) < 0)
			return -1;
		memcpy(digest, d.digest, DIGEST_SIZE);
	}
	return err_set(ERR_INVALID, entry, "index %s holds indexes %d deep", entry, INDEX_DEPTH);
}

/* An entry in the words of manifest.json. The same image under another name is there once. */
static int
read_entry(struct squash_archive *a, const struct jat *item)
{
	const struct jat at = jat_member(item, "digest");
	const char *entry = NULL;
	struct manifest m = {0};
	if (jat_need(&at) < 0 || jat_str(&at, &entry) < 0 ||
		digest_check("index.json: an entry's digest", entry) < 0 ||
		get_manifest(a, entry, &m) < 0)
		return -1;
	char *config = blob_name(m.config.digest);
	for (size_t i = 0; i < a->images.n; i++)
		if (strcmp(a->images.v[i].config, config) == 0) {
			free(config);
			manifest_free(&m);
			return 0;
		}
	struct archive_image *img = &a->images.v[a->images.n++];
	img->config = config;
	img->layers = calloc(m.n + 1, sizeof(*img->layers));
	if (!img->layers)
		abort();
	for (size_t i = 0; i < m.n; i++)
		img->layers[img->n_layers++] = blob_name(m.layers[i].digest);
	manifest_free(&m);
	return 0;
}

static int
read_layout(struct squash_archive *a)
{
	auto_buf struct buf text = BUF_INIT;
	if (squash_text(a, "document", ARCHIVE_INDEX, &text) < 0)
		return -1;
	auto_json json_t *doc = json_parse(ARCHIVE_INDEX, buf_str(&text), text.len);
	const struct jat top = jat_top(ARCHIVE_INDEX, doc);
	struct jat list;
	if (!doc || jat_get_array(&top, "manifests", &list) < 0)
		return -1;
	a->images.v = calloc(jat_len(&list) + 1, sizeof(*a->images.v));
	if (!a->images.v)
		abort();
	for (size_t i = 0; i < jat_len(&list); i++) {
		const struct jat item = jat_item(&list, i);
		if (read_entry(a, &item) < 0)
			return -1;
	}
	return 0;
}

int
squash_read(struct squash_archive *a)
{
	auto_buf struct buf text = BUF_INIT;
	if (find_members(a) < 0)
		return -1;
	a->docker = squash_member(a, ARCHIVE_MANIFEST) >= 0;
	a->oci = squash_member(a, ARCHIVE_LAYOUT) >= 0 && squash_member(a, ARCHIVE_INDEX) >= 0;
	if (a->docker) {
		if (squash_text(a, "document", ARCHIVE_MANIFEST, &text) < 0 ||
			archive_read_manifest(
				ARCHIVE_MANIFEST, buf_str(&text), text.len, &a->images) < 0)
			return -1;
	} else if (a->oci && read_layout(a) < 0) {
		return -1;
	}
	if (a->images.n)
		return 0;
	err_set(ERR_INVALID, a->shown, "%s holds no image", a->shown);
	return a->docker || a->oci ? -1
				   : err_hint("squash takes what docker save and img-save write");
}

static int
find_layer(struct squash_archive *a, const char *name, struct squash_layer *l)
{
	ssize_t i = squash_member(a, name);
	if (i < 0)
		return err_set(ERR_INVALID, a->shown, "%s lacks the layer %s", a->shown, name);
	const struct squash_member *m = &a->member[i];
	struct window w = {.fd = a->fd, .shown = a->shown, .at = m->at, .end = m->at + m->size};
	const void *head = NULL;
	ssize_t n = window_read(&w, &head);
	enum packing packing = n < 0 ? PACKED_NOT : packing_of(head, (size_t)n);
	bool is_tar = n >= 0 && archive_kind(head, (size_t)n) == ARCHIVE_TAR;
	window_free(&w);
	*l = (struct squash_layer){.member = (size_t)i,
		.packed = packing != PACKED_NOT,
		.media_type = packing_media_type(packing)};
	if (n >= 0 && !is_tar)
		return err_set(ERR_INVALID, a->shown, "%s: layer %s is no tar", a->shown, name);
	return n < 0 ? -1 : 0;
}

int
squash_open_image(struct squash_archive *a)
{
	const struct archive_image *of = &a->images.v[a->chosen];
	auto_buf struct buf text = BUF_INIT;
	if (squash_text(a, "config", of->config, &text) < 0)
		return -1;
	sha256_of(buf_str(&text), text.len, a->img.id);
	a->img.n = of->n_layers;
	a->img.layers = calloc(of->n_layers + 1, sizeof(*a->img.layers));
	a->layer = calloc(of->n_layers + 1, sizeof(*a->layer));
	if (!a->img.layers || !a->layer)
		abort();
	for (size_t i = 0; i < of->n_layers; i++)
		if (find_layer(a, of->layers[i], &a->layer[i]) < 0)
			return -1;
	auto_json json_t *doc = json_parse(of->config, buf_str(&text), text.len);
	return doc ? image_read_config(&a->img, of->config, doc) : -1;
}

void
squash_archive_free(struct squash_archive *a)
{
	for (size_t i = 0; i < a->names.n && i < a->cap; i++)
		free(a->member[i].link);
	free(a->member);
	names_free(&a->names);
	archive_images_free(&a->images);
	for (size_t i = 0; a->layer && i < a->img.n; i++)
		free(a->layer[i].out);
	free(a->layer);
	image_free(&a->img);
}

static ssize_t
summed_read(void *self, const void **data)
{
	struct squash_source *s = self;
	ssize_t n = s->stream ? stream_read(s->stream, data) : window_read(&s->window, data);
	if (n > 0 && s->sum)
		sha256_add(s->sum, *data, (size_t)n);
	return n;
}

static bool
source_skip(void *self, int64_t n)
{
	struct squash_source *s = self;
	return window_skip(&s->window, n);
}

void
squash_source_open(struct squash_source *s, const struct squash_archive *a, size_t i, bool sum)
{
	const struct squash_layer *l = &a->layer[i - 1];
	const struct squash_member *m = &a->member[l->member];
	*s = (struct squash_source){
		.window = {.fd = a->fd, .shown = a->shown, .at = m->at, .end = m->at + m->size}};
	if (l->packed)
		s->stream = stream_open(window_read, &s->window);
	s->sum = sum ? sha256_new() : NULL;
	s->tar = tar_open(summed_read, s);
	if (!l->packed && !sum)
		tar_set_skip(s->tar, source_skip);
}

void
squash_source_close(struct squash_source *s)
{
	tar_close(s->tar);
	stream_close(s->stream);
	sha256_free(s->sum);
	window_free(&s->window);
}
