/* SPDX-License-Identifier: MIT */
#include "image/inspect.h"

#include "base/err.h"
#include "image/ref.h"

#include <string.h>

/* Adds a string once. */
static void
add_once(json_t *list, const struct buf *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text->s) == 0)
			return;
	json_array_append_new(list, json_string(text->s));
}

/* RepoTags and RepoDigests: of all entries with this image. */
static void
add_names(const struct image *img, const struct image_list *all, json_t *tags, json_t *digests)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct image *other = &all->v[i];
		auto_buf struct buf tag = BUF_INIT, digest = BUF_INIT;
		struct ref r;
		struct err before = err;
		bool named = strcmp(other->id, img->id) == 0 && other->name &&
			ref_parse_name(other->name, &r) == 0;
		err = before;
		if (!named)
			continue;
		ref_familiar(&r, r.digest[0] ? &digest : &tag);
		if (tag.len)
			add_once(tags, &tag);
		if (other->source && !digest.len) {
			ref_familiar_name(&r, &digest);
			buf_addf(&digest, "@%s", other->source);
		}
		if (digest.len)
			add_once(digests, &digest);
	}
}

/* A string of the config, "" where there is none. */
static const char *
word(const struct image *img, const char *key)
{
	return json_text(img->config, key);
}

/* What was said of the last step stands in the history since OCI. */
static const char *
comment(const struct image *img)
{
	const json_t *history = json_object_get(img->config, "history");
	size_t n = json_array_size(history);
	const char *s = word(img, "comment");
	const char *last = n
		? json_string_value(json_object_get(json_array_get(history, n - 1), "comment"))
		: NULL;
	return *s || !last ? s : last;
}

/* overlay's words for the layers: the topmost is the upper one, the others lie below, top first. */
static json_t *
graph(const struct store *s, const struct image *img)
{
	json_t *data = json_object();
	auto_buf struct buf lower = BUF_INIT;
	char path[PATH_MAX];
	for (size_t i = img->n; i-- > 0;) {
		if (!store_has_layer(s, img->layers[i].chain) ||
			store_layer_path(s, img->layers[i].chain, path) < 0) {
			json_object_clear(data);
			break;
		}
		if (i + 1 == img->n)
			json_object_set_new(data, "UpperDir", json_string(path));
		else
			buf_addf(&lower, "%s%s", lower.len ? ":" : "", path);
	}
	if (lower.len && json_object_size(data))
		json_object_set_new(data, "LowerDir", json_string(lower.s));
	return json_pack("{s:s,s:o}", "Name", "overlay2", "Data", data);
}

static int64_t
size_of(const struct store *s, const struct image *img)
{
	int64_t size = image_size(s, img), blobs = 0;
	for (size_t i = 0; i < img->n; i++)
		if (__builtin_add_overflow(blobs, img->layers[i].blob.size, &blobs))
			blobs = INT64_MAX;
	return size < 0 ? blobs : size;
}

json_t *
image_inspect(const struct store *s, const struct image *img, const struct image_list *all)
{
	json_t *tags = json_array(), *digests = json_array(), *layers = json_array();
	json_t *config = json_object_get(img->config, "config");
	add_names(img, all, tags, digests);
	for (size_t i = 0; i < img->n; i++)
		json_array_append_new(layers, json_string(img->layers[i].diff_id));
	json_t *doc = json_pack("{s:s,s:o,s:o,s:s,s:s,s:s,s:s,s:s,s:s}", "Id", img->id, "RepoTags",
		tags, "RepoDigests", digests, "Parent", "", "Comment", comment(img), "Created",
		img->created, "DockerVersion", word(img, "docker_version"), "Author",
		word(img, "author"), "Architecture", img->platform.arch);
	if (!doc)
		abort();
	if (img->platform.variant[0])
		json_object_set_new(doc, "Variant", json_string(img->platform.variant));
	json_object_set_new(doc, "Os", json_string(img->platform.os));
	json_object_set_new(doc, "Size", json_integer(size_of(s, img)));
	json_object_set_new(doc, "GraphDriver", graph(s, img));
	json_object_set_new(
		doc, "RootFS", json_pack("{s:s,s:o}", "Type", "layers", "Layers", layers));
	if (json_is_object(config))
		json_object_set(doc, "Config", config);
	else
		json_object_set_new(doc, "Config", json_object());
	json_object_set_new(doc, "Descriptor",
		json_pack("{s:s,s:s}", "mediaType", MEDIA_OCI_MANIFEST, "digest", img->digest));
	return doc;
}

json_t *
image_item(const struct store *s, const struct image *img, const struct image_list *all)
{
	json_t *tags = json_array(), *digests = json_array();
	json_t *labels = json_object_get(json_object_get(img->config, "config"), "Labels");
	int64_t size = image_size(s, img);
	add_names(img, all, tags, digests);
	if (!json_array_size(tags) && !json_array_size(digests))
		json_array_append_new(tags, json_string("<none>:<none>"));
	return json_pack("{s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:i,s:O?,s:i}", "Id", img->id, "ParentId",
		"", "RepoTags", tags, "RepoDigests", digests, "Created",
		(json_int_t)image_created(img), "Size", (json_int_t)(size < 0 ? 0 : size),
		"VirtualSize", (json_int_t)(size < 0 ? 0 : size), "SharedSize", -1, "Labels",
		json_is_object(labels) ? labels : NULL, "Containers", -1);
}
