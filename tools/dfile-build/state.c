/* SPDX-License-Identifier: MIT
 * An image while it is made: its config, and the layers that there are so far. It becomes an image
 * of the store only when all is done.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "door/step.h"
#include "image/config.h"
#include "image/image.h"
#include "image/ref.h"
#include "image/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
state_scratch(const struct platform *p, struct state *st)
{
	*st = (struct state){0};
	st->config = json_pack("{s:s,s:s,s:s*,s:{},s:{s:s,s:[]},s:[]}", "architecture", p->arch,
		"os", p->os, "variant", p->variant[0] ? p->variant : NULL, "config", "rootfs",
		"type", "layers", "diff_ids", "history");
	if (!st->config)
		abort();
	state_identify(st);
}

static void
room(struct state *st, size_t n)
{
	st->layers = realloc(st->layers, (n + 1) * sizeof(*st->layers));
	if (!st->layers)
		abort();
}

static void
take_layers(const struct image *img, struct state *st)
{
	room(st, img->n);
	for (size_t i = 0; i < img->n; i++) {
		const struct image_layer *l = &img->layers[i];
		struct build_layer *to = &st->layers[i];
		*to = (struct build_layer){.size = l->blob.size};
		memcpy(to->diff_id, l->diff_id, DIGEST_SIZE);
		memcpy(to->blob, l->blob.digest, DIGEST_SIZE);
		memcpy(to->chain, l->chain, DIGEST_SIZE);
		memcpy(to->media_type, l->blob.media_type, sizeof(to->media_type));
	}
	st->n = st->n_base = img->n;
}

int
state_from_image(const struct store *s, const char *name, struct state *st)
{
	auto_image struct image img = {0};
	*st = (struct state){0};
	if (image_find(s, name, &img) < 0)
		return -1;
	for (size_t i = 0; i < img.n; i++)
		if (!store_has_layer(s, img.layers[i].chain)) {
			err_set(ERR_NOT_FOUND, name, "a layer of %s is not unpacked", name);
			return err_hint("pull or load it again");
		}
	st->config = json_deep_copy(img.config);
	if (!st->config)
		abort();
	take_layers(&img, st);
	memcpy(st->id, img.id, DIGEST_SIZE);
	return 0;
}

void
state_copy(const struct state *from, struct state *to)
{
	*to = *from;
	to->layers = NULL;
	room(to, from->n);
	memcpy(to->layers, from->layers, from->n * sizeof(*to->layers));
	to->config = json_deep_copy(from->config);
	if (!to->config)
		abort();
	to->n_base = from->n_base;
}

void
state_free(struct state *st)
{
	json_decref(st->config);
	free(st->layers);
	*st = (struct state){0};
}

json_t *
state_settings(const struct state *st)
{
	json_t *c = json_object_get(st->config, "config");
	if (!json_is_object(c)) {
		c = json_object();
		json_object_set_new(st->config, "config", c);
	}
	return c;
}

const char *
state_env(const struct state *st, const char *name)
{
	const json_t *list = json_object_get(state_settings(st), "Env");
	size_t len = strlen(name);
	for (size_t i = json_array_size(list); i-- > 0;) {
		const char *s = json_string_value(json_array_get(list, i));
		if (s && strncmp(s, name, len) == 0 && s[len] == '=')
			return s + len + 1;
	}
	return NULL;
}

void
state_identify(struct state *st)
{
	char *text = json_dumps(st->config, JSON_COMPACT);
	if (!text)
		abort();
	sha256_of(text, strlen(text), st->id);
	free(text);
}

int
state_add(struct state *st, int64_t created, const char *by, const char *said,
	const struct build_layer *layer)
{
	const struct config_step step = {.created = (time_t)created,
		.created_by = by,
		.diff_id = layer ? layer->diff_id : NULL};
	if (layer && st->n >= MANIFEST_LAYERS_MAX)
		return err_set(ERR_INVALID, NULL,
			"there are %d layers already, and overlay can stack no more", (int)st->n);
	if (config_add_step(st->config, &step) < 0)
		return -1;
	if (layer) {
		room(st, st->n + 1);
		st->layers[st->n++] = *layer;
	}
	/* Not the hash of the whole config each time: that of a thousand steps is long. */
	auto_buf struct buf text = BUF_INIT;
	buf_addf(&text, "%s\n%lld\n%s\n%zu:%s\n%s", st->id, (long long)created,
		layer ? layer->diff_id : "", strlen(by), by, said);
	sha256_of(text.s, text.len, st->id);
	return 0;
}

int
state_layer_paths(const struct store *s, const struct state *st, struct strlist *out)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < st->n; i++) {
		if (store_layer_path(s, st->layers[i].chain, path) < 0)
			return -1;
		strlist_add(out, str_new(path));
	}
	return 0;
}

static void
make_manifest(const struct state *st, int64_t config_size, struct buf *out)
{
	struct manifest man = {.n = st->n};
	man.layers = calloc(st->n + 1, sizeof(*man.layers));
	if (!man.layers)
		abort();
	for (size_t i = 0; i < st->n; i++) {
		struct descriptor *d = &man.layers[i];
		memcpy(d->digest, st->layers[i].blob, DIGEST_SIZE);
		memcpy(d->media_type, st->layers[i].media_type, sizeof(d->media_type));
		d->size = st->layers[i].size;
	}
	memcpy(man.config.digest, st->id, DIGEST_SIZE);
	man.config.size = config_size;
	manifest_to_oci(&man, out);
	free(man.layers);
}

/* FROM scratch and no step is an image, too, as BuildKit has it: then none has said when. */
static void
set_created(struct state *st)
{
	auto_buf struct buf when = BUF_INIT;
	if (json_object_get(st->config, "created"))
		return;
	time_rfc3339(config_now(), &when);
	json_object_set_new(st->config, "created", json_string(when.s));
}

/* *size: of the manifest, whose digest is `digest`. */
static int
put(struct store *s, struct state *st, char digest[DIGEST_SIZE], uint64_t *size)
{
	auto_buf struct buf manifest = BUF_INIT;
	set_created(st);
	char *text = json_dumps(st->config, JSON_COMPACT);
	if (!text)
		abort();
	size_t len = strlen(text);
	int r = store_put(s, "the image's config", text, len, st->id);
	free(text);
	if (r < 0)
		return -1;
	make_manifest(st, (int64_t)len, &manifest);
	*size = manifest.len;
	return store_put(s, "the image's manifest", manifest.s, manifest.len, digest);
}

int
state_enter(struct store *s, struct state *st)
{
	char digest[DIGEST_SIZE];
	uint64_t size;
	if (put(s, st, digest, &size) < 0)
		return -1;
	if (!asked.tags.n)
		return index_enter(s, NULL, digest, size, NULL);
	for (size_t i = 0; i < asked.tags.n; i++) {
		auto_buf struct buf name = BUF_INIT;
		if (ref_given_name(asked.tags.v[i], &name) < 0 ||
			index_enter(s, name.s, digest, size, NULL) < 0)
			return -1;
	}
	return 0;
}

int
state_pass(struct store *s, struct state *st, struct passing *p)
{
	uint64_t size;
	if (put(s, st, p->digest, &size) < 0)
		return -1;
	int r = index_enter_new(s, p->digest, size);
	p->entered = r > 0;
	return r < 0 ? -1 : 0;
}

int
state_leave(struct store *s, const struct passing *p)
{
	return p->entered ? index_forget(s, "nobody asked for this one", p->digest) : 0;
}

json_t *
state_to_json(const struct state *st)
{
	json_t *layers = json_array();
	for (size_t i = 0; i < st->n; i++) {
		const struct build_layer *l = &st->layers[i];
		json_array_append_new(layers,
			json_pack("[s,s,s,I,s]", l->diff_id, l->blob, l->chain, (json_int_t)l->size,
				l->media_type));
	}
	return json_pack("{s:O,s:o,s:I,s:s}", "config", st->config, "layers", layers, "base",
		(json_int_t)st->n_base, "id", st->id);
}

int
state_from_json(const json_t *doc, struct state *st)
{
	const json_t *layers = json_object_get(doc, "layers");
	size_t n = json_array_size(layers);
	*st = (struct state){.n = n,
		.n_base = (size_t)json_integer_value(json_object_get(doc, "base")),
		.config = json_deep_copy(json_object_get(doc, "config"))};
	if (!st->config)
		return err_set(ERR_INTERNAL, NULL, "a stage has not said what it made");
	room(st, n);
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(layers, i);
		const char *text[5];
		struct build_layer *l = &st->layers[i];
		for (size_t k = 0; k < 5; k++)
			text[k] = json_string_value(json_array_get(row, k));
		*l = (struct build_layer){.size = json_integer_value(json_array_get(row, 3))};
		snprintf(l->diff_id, DIGEST_SIZE, "%s", text[0]);
		snprintf(l->blob, DIGEST_SIZE, "%s", text[1]);
		snprintf(l->chain, DIGEST_SIZE, "%s", text[2]);
		snprintf(l->media_type, sizeof(l->media_type), "%s", text[4]);
	}
	const char *id = json_string_value(json_object_get(doc, "id"));
	snprintf(st->id, sizeof(st->id), "%s", id ? id : "");
	return 0;
}
