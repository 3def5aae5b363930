/* SPDX-License-Identifier: MIT */
#include "image/pull.h"

#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/index.h"
#include "image/manifest.h"
#include "image/mirrors.h"
#include "image/sha256.h"

#include <stdio.h>
#include <string.h>

#define MANIFEST_MAX (4 << 20)
/* An index in an index in an index: nobody has that. */
#define INDEX_DEPTH 3

struct task {
	struct store *s;
	struct registry *g;
	const struct ref *ref;
	const struct pull *how;
	struct pulled *out;
	char shown[REF_NAME_MAX + 128]; /* the reference, for messages */
	struct buf manifest; /* of the image: the registry's bytes */
	char manifest_digest[DIGEST_SIZE];
	struct manifest m;
	struct image img;
};

/* Fetches a manifest and checks its digest where one is known. `digest` gets it. */
static int
get_manifest(struct task *t, const char *what, const char *want, char digest[DIGEST_SIZE],
	char type[128])
{
	auto_buf struct buf tail = BUF_INIT;
	buf_addf(&tail, "manifests/%s", want);
	buf_reset(&t->manifest);
	if (registry_get(t->g, "ask the registry for the image's manifest", what, tail.s,
		    manifest_accept, MANIFEST_MAX, &t->manifest, type) < 0)
		return -1;
	if (step_dry())
		return 0;
	sha256_of(buf_str(&t->manifest), t->manifest.len, digest);
	if (!digest_ok(want) || strcmp(want, digest) == 0)
		return 0;
	err_set(ERR_INVALID, what, "cannot use %s: what came is %s, not %s", what, digest, want);
	return err_hint("the registry, or something on the way, sent other content");
}

/* From the name to the image manifest for the platform. */
static int
find_manifest(struct task *t)
{
	struct platform host;
	char want[DIGEST_SIZE > REF_TAG_MAX ? DIGEST_SIZE : REF_TAG_MAX + 1], type[128], what[512];
	const struct platform *platform = t->how->platform;
	platform_host(&host);
	snprintf(want, sizeof(want), "%s", t->ref->digest[0] ? t->ref->digest : t->ref->tag);
	snprintf(what, sizeof(what), "%s", t->shown);
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		enum manifest_kind kind;
		struct descriptor d;
		if (get_manifest(t, what, want, t->manifest_digest, type) < 0 || step_dry())
			return -1;
		if (depth == 0)
			memcpy(t->out->digest, t->manifest_digest, DIGEST_SIZE);
		snprintf(what, sizeof(what), "manifest %s", t->manifest_digest);
		auto_json json_t *doc = json_parse(what, t->manifest.s, t->manifest.len);
		if (!doc || manifest_kind(what, doc, type, &kind) < 0)
			return -1;
		if (kind == MANIFEST_IMAGE)
			return manifest_read(what, doc, &t->m);
		if (manifest_pick(what, doc, platform ? platform : &host, &d) < 0)
			return -1;
		memcpy(want, d.digest, DIGEST_SIZE);
	}
	return err_set(ERR_INVALID, t->shown, "%s is an index of indexes of indexes", t->shown);
}

/* Registries hold other things than images; their manifests look the same but for this type. */
static int
is_image(const struct task *t)
{
	const char *type = t->m.config.media_type;
	if (!*type || strcmp(type, MEDIA_OCI_CONFIG) == 0 ||
		strcmp(type, "application/vnd.docker.container.image.v1+json") == 0)
		return 0;
	return err_set(ERR_UNSUPPORTED, t->shown, "%s is not an image but %.100s", t->shown, type);
}

static int
get_config(struct task *t, struct buf *text)
{
	const struct descriptor *d = &t->m.config;
	char digest[DIGEST_SIZE], type[128], what[128], tail[DIGEST_SIZE + 8];
	if (store_has_blob(t->s, d->digest, d->size))
		return store_get(t->s, d->digest, text);
	snprintf(what, sizeof(what), "config %s", d->digest);
	snprintf(tail, sizeof(tail), "blobs/%s", d->digest);
	if (d->size > (int64_t)STORE_JSON_MAX)
		return err_set(ERR_INVALID, what, "%s has %lld bytes, too many for a config", what,
			(long long)d->size);
	struct registry *from = t->g;
	while (registry_get(from, "the image's config: what to run, and its layers' hashes", what,
		       tail, NULL, d->size, text, type) < 0) {
		struct err why = err;
		if (!(from = registry_origin(from)))
			return err = why, -1;
		buf_reset(text);
	}
	sha256_of(buf_str(text), text->len, digest);
	if (strcmp(digest, d->digest) == 0)
		return 0;
	err_set(ERR_INVALID, what, "cannot use %s: what came is %s", what, digest);
	return err_hint("the registry, or something on the way, sent other content");
}

static int
read_config(struct task *t, struct buf *text)
{
	char what[128];
	snprintf(what, sizeof(what), "config %s", t->m.config.digest);
	if (get_config(t, text) < 0)
		return -1;
	auto_json json_t *doc = json_parse(what, buf_str(text), text->len);
	image_from_manifest(&t->img, t->manifest_digest, &t->m);
	return doc ? image_read_config(&t->img, what, doc) : -1;
}

/* An image without an index is taken whatever it is for: that is what was asked for. */
static void
compare_platform(struct task *t)
{
	struct platform host;
	auto_buf struct buf has = BUF_INIT, want = BUF_INIT;
	platform_host(&host);
	if (t->how->platform)
		host = *t->how->platform;
	platform_text(&t->img.platform, &has);
	platform_text(&host, &want);
	if (!platform_rank(&host, &t->img.platform))
		snprintf(t->out->warning, sizeof(t->out->warning), "%s is for %s, not for %s",
			t->shown, has.s, want.s);
}

/* Whether the name means this image already. */
static bool
is_news(const struct task *t, const char *name)
{
	auto_image struct image now = {0};
	struct err before = err;
	bool same = image_find(t->s, name, &now) == 0 && strcmp(now.id, t->img.id) == 0;
	err = before;
	return !same;
}

/* Config and manifest, then the name. Docker's manifest is kept beside its translation, as a blob:
 * pushed again, the image can have the digest that it had. */
static int
enter(struct task *t, const struct buf *config)
{
	char digest[DIGEST_SIZE];
	auto_buf struct buf name = BUF_INIT, oci = BUF_INIT;
	const char *inner = "";
	auto_json json_t *doc = json_parse(t->shown, t->manifest.s, t->manifest.len);
	const struct jat top = jat_top(t->shown, doc);
	if (!doc || jat_get_str(&top, "mediaType", &inner) < 0 ||
		store_put(t->s, "the image's config", buf_str(config), config->len, digest) < 0 ||
		store_put(t->s, "the image's manifest", t->manifest.s, t->manifest.len, digest) < 0)
		return -1;
	size_t len = t->manifest.len;
	if (strcmp(inner, MEDIA_DOCKER_MANIFEST) == 0) {
		manifest_to_oci(&t->m, &oci);
		len = oci.len;
		if (store_put(t->s, "the same in OCI's words, which all programs read in a layout",
			    oci.s, oci.len, digest) < 0)
			return -1;
	}
	ref_full(t->ref, &name);
	t->out->news = is_news(t, name.s);
	return index_enter(t->s, name.s, digest, len, t->out->digest);
}

/* Asks the mirrors of the image's registry first, in order, and it itself last. Who has the
 * manifest is asked for the rest. What a mirror says instead is of interest only to those who look.
 */
static int
find_registry(struct task *t)
{
	struct mirrors m = {0};
	if (mirrors_of(t->ref->host, &m) < 0)
		return -1;
	int r = -1;
	for (size_t i = 0; i <= m.n && r < 0; i++) {
		const char *url = i < m.n ? m.urls[i] : NULL;
		registry_close(t->g);
		t->g = registry_open(t->ref, url, &t->how->registry);
		r = t->g ? find_manifest(t) : -1;
		if (r < 0 && url && !step_dry())
			progress_say(t->how->progress, NULL, false, "No help from %s: %s", url,
				err.message);
		if (step_dry())
			break;
	}
	mirrors_free(&m);
	return r;
}

static int
pull(struct task *t)
{
	auto_buf struct buf config = BUF_INIT;
	progress_say(t->how->progress, t->ref->digest[0] ? t->ref->digest : t->ref->tag, false,
		"Pulling from %s", t->ref->path);
	if (find_registry(t) < 0) {
		if (step_dry() && t->manifest.len == 0)
			tell_line(": # what follows is named by the manifest: config, layers, "
				  "index.json");
		return step_dry() ? 0 : -1;
	}
	if (is_image(t) < 0 || read_config(t, &config) < 0)
		return -1;
	compare_platform(t);
	memcpy(t->out->id, t->img.id, DIGEST_SIZE);
	if (pull_layers(t->s, t->g, &t->img, t->how, t->out) < 0)
		return -1;
	return enter(t, &config);
}

int
image_pull(struct store *s, const struct ref *r, const struct pull *how, struct pulled *out)
{
	struct task t = {.s = s, .ref = r, .how = how, .out = out};
	auto_buf struct buf shown = BUF_INIT;
	*out = (struct pulled){0};
	ref_familiar(r, &shown);
	snprintf(t.shown, sizeof(t.shown), "%s", shown.s);
	int result = pull(&t);
	registry_close(t.g);
	manifest_free(&t.m);
	image_free(&t.img);
	buf_free(&t.manifest);
	return result;
}
