/* SPDX-License-Identifier: MIT */
#include "image/archive.h"

#include "base/err.h"
#include "base/json.h"
#include "image/manifest.h"
#include "image/ref.h"
#include "image/tar_format.h"

#include <stdlib.h>
#include <string.h>

/* More images than anybody saves at once, and more names than an image has. */
#define IMAGES_MAX 10000
#define TAGS_MAX 10000

void
archive_name(const char *name, const char *of, struct buf *out)
{
	auto_buf struct buf whole = BUF_INIT;
	const char *dir_end = of && *name != '/' ? strrchr(of, '/') : NULL;
	size_t start = out->len;
	if (dir_end)
		buf_add(&whole, of, (size_t)(dir_end - of) + 1);
	buf_adds(&whole, name);
	for (const char *p = whole.s; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");
		if (n == 2 && strncmp(p, "..", 2) == 0) {
			while (out->len > start && out->s[--out->len] != '/')
				;
			if (out->s)
				out->s[out->len] = '\0';
		} else if (n > 0 && !(n == 1 && *p == '.')) {
			if (out->len > start)
				buf_addc(out, '/');
			buf_add(out, p, n);
		}
		p += n;
	}
	buf_adds(out, "");
}

static void
free_words(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

void
archive_images_free(struct archive_images *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct archive_image *img = &a->v[i];
		free(img->config);
		free_words(img->layers, img->n_layers);
		free_words(img->tags, img->n_tags);
	}
	free(a->v);
	*a = (struct archive_images){0};
}

static char *
simple(const char *name)
{
	struct buf b = BUF_INIT;
	archive_name(name, NULL, &b);
	return buf_take(&b);
}

/* A list of strings. */
static int
read_words(const struct jat *image, const char *key, size_t max, bool names, char ***v, size_t *n)
{
	struct jat list;
	if (jat_get_array(image, key, &list) < 0)
		return -1;
	if (jat_len(&list) > max)
		return jat_fail(&list, ERR_INVALID, "has %zu entries; %zu are the most",
			jat_len(&list), max);
	*v = calloc(jat_len(&list) + 1, sizeof(**v));
	if (!*v)
		abort();
	for (size_t i = 0; i < jat_len(&list); i++) {
		const struct jat item = jat_item(&list, i);
		const char *word = NULL;
		if (jat_need(&item) < 0 || jat_str(&item, &word) < 0)
			return -1;
		(*v)[(*n)++] = names ? simple(word) : str_new(word);
	}
	return 0;
}

static int
read_image(const struct jat *item, struct archive_image *img)
{
	const struct jat config = jat_member(item, "Config");
	const char *name = NULL;
	if (jat_object(item) < 0 || jat_need(&config) < 0 || jat_str(&config, &name) < 0)
		return -1;
	img->config = simple(name);
	if (read_words(item, "Layers", MANIFEST_LAYERS_MAX, true, &img->layers, &img->n_layers) < 0)
		return -1;
	return read_words(item, "RepoTags", TAGS_MAX, false, &img->tags, &img->n_tags);
}

int
archive_read_manifest(const char *what, const char *text, size_t len, struct archive_images *out)
{
	*out = (struct archive_images){0};
	auto_json json_t *doc = json_parse(what, text, len);
	const struct jat top = jat_top(what, doc);
	if (!doc || jat_array(&top) < 0)
		return -1;
	if (jat_len(&top) > IMAGES_MAX)
		return jat_fail(&top, ERR_INVALID, "lists %zu images; %d are the most",
			jat_len(&top), IMAGES_MAX);
	out->v = calloc(jat_len(&top) + 1, sizeof(*out->v));
	if (!out->v)
		abort();
	for (size_t i = 0; i < jat_len(&top); i++) {
		const struct jat item = jat_item(&top, i);
		out->n++;
		if (read_image(&item, &out->v[i]) < 0) {
			archive_images_free(out);
			return -1;
		}
	}
	return 0;
}

static void
add_words(struct buf *out, const char *key, char *const *v, size_t n)
{
	buf_addf(out, ",\"%s\":", key);
	/* As Docker writes an image without a name. */
	buf_adds(out, n ? "" : "null");
	for (size_t i = 0; i < n; i++) {
		buf_addc(out, i ? ',' : '[');
		buf_add_json(out, v[i]);
	}
	buf_adds(out, n ? "]" : "");
}

void
archive_write_manifest(const struct archive_images *a, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < a->n; i++) {
		const struct archive_image *img = &a->v[i];
		buf_adds(out, i ? ",{\"Config\":" : "{\"Config\":");
		buf_add_json(out, img->config);
		add_words(out, "RepoTags", img->tags, img->n_tags);
		add_words(out, "Layers", img->layers, img->n_layers);
		buf_addc(out, '}');
	}
	buf_adds(out, "]\n");
}

/* Adds repository, tag and top layer to the document. */
static void
note_tag(json_t *doc, const char *tag, const char *layer)
{
	struct ref r;
	auto_buf struct buf name = BUF_INIT;
	auto_buf struct buf id = BUF_INIT;
	const char *base = strrchr(layer, '/');
	struct err before = err;
	if (ref_parse_name(tag, &r) < 0 || r.digest[0]) {
		err = before;
		return;
	}
	ref_familiar_name(&r, &name);
	/* "HEX/layer.tar", "HEX.tar" and "blobs/sha256/HEX" are all layer HEX. */
	if (base && strcmp(base, "/layer.tar") == 0)
		buf_add(&id, layer, (size_t)(base - layer));
	else
		buf_add(&id, base ? base + 1 : layer, strcspn(base ? base + 1 : layer, "."));
	json_t *tags = json_object_get(doc, name.s);
	if (!tags)
		json_object_set_new(doc, name.s, tags = json_object());
	json_object_set_new(tags, r.tag, json_string(buf_str(&id)));
}

void
archive_write_repositories(const struct archive_images *a, struct buf *out)
{
	auto_json json_t *doc = json_object();
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < a->v[i].n_tags; k++)
			note_tag(doc, a->v[i].tags[k],
				a->v[i].n_layers ? a->v[i].layers[a->v[i].n_layers - 1] : "");
	char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		abort();
	buf_addf(out, "%s\n", text);
	free(text);
}

/* A header whose checksum is right, or the zeros that end an empty archive. */
static bool
tar_head(const unsigned char *head, size_t len)
{
	struct tar_header h;
	int64_t sum;
	if (len < sizeof(h))
		return false;
	memcpy(&h, head, sizeof(h));
	if (head[0] == 0 && memcmp(head, head + 1, sizeof(h) - 1) == 0)
		return true;
	return tar_number(h.checksum, sizeof(h.checksum), &sum) == 0 &&
		(sum == tar_checksum(&h, false) || sum == tar_checksum(&h, true));
}

enum archive_kind
archive_kind(const void *head, size_t len)
{
	const char *p = head;
	size_t blank = 0;
	if (tar_head(head, len) || stream_packed(head, len))
		return ARCHIVE_TAR;
	while (blank < len && strchr(" \t\r\n", p[blank]) && p[blank])
		blank++;
	return blank < len && (p[blank] == '{' || p[blank] == '[') ? ARCHIVE_JSON : ARCHIVE_OTHER;
}
