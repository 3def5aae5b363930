/* SPDX-License-Identifier: MIT */
#include "image/remote.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "image/manifest.h"
#include "image/sha256.h"

#include <stdio.h>
#include <string.h>

#define DOCUMENT_MAX (4 << 20)

struct look {
	struct registry *g;
	const struct ref *ref;
	char shown[REF_NAME_MAX + 128];
	char digest[DIGEST_SIZE], type[128];
	struct buf text;
};

/* What a config says of its machine, or an entry of an index: the members that both have. */
static json_t *
platform_of(const json_t *from)
{
	static const char *const keys[] = {
		"architecture", "os", "os.version", "os.features", "variant"};
	json_t *out = json_object();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *v = json_object_get(from, keys[i]);
		if (v)
			json_object_set(out, keys[i], v);
	}
	return out;
}

static json_t *
platforms_of_index(const json_t *doc)
{
	json_t *out = json_array(), *entry;
	size_t i;
	json_array_foreach(json_object_get(doc, "manifests"), i, entry)
		json_array_append_new(out, platform_of(json_object_get(entry, "platform")));
	return out;
}

/* An image's own stands in its config. */
static json_t *
platforms_of_image(const struct look *l, json_t *doc)
{
	struct manifest m;
	char what[128], tail[DIGEST_SIZE + 8], digest[DIGEST_SIZE];
	auto_buf struct buf text = BUF_INIT;
	if (manifest_read(l->shown, doc, &m) < 0)
		return NULL;
	const struct descriptor d = m.config;
	manifest_free(&m);
	snprintf(what, sizeof(what), "config %s", d.digest);
	snprintf(tail, sizeof(tail), "blobs/%s", d.digest);
	if (d.size > DOCUMENT_MAX ||
		registry_get(l->g, "what machine the image is for", what, tail, NULL, d.size, &text,
			(char[128]){0}) < 0)
		return NULL;
	sha256_of(buf_str(&text), text.len, digest);
	if (strcmp(digest, d.digest) != 0) {
		err_set(ERR_INVALID, what, "cannot use %s: what came is %s", what, digest);
		return NULL;
	}
	auto_json json_t *config = json_parse(what, buf_str(&text), text.len);
	return config ? json_pack("[o]", platform_of(config)) : NULL;
}

static json_t *
document(struct look *l)
{
	enum manifest_kind kind;
	auto_json json_t *doc = json_parse(l->shown, buf_str(&l->text), l->text.len);
	if (!doc || manifest_kind(l->shown, doc, l->type, &kind) < 0)
		return NULL;
	json_t *platforms =
		kind == MANIFEST_INDEX ? platforms_of_index(doc) : platforms_of_image(l, doc);
	const char *own = json_string_value(json_object_get(doc, "mediaType"));
	return platforms ? json_pack("{s:{s:s,s:s,s:I},s:o}", "Descriptor", "mediaType",
				   own ? own : l->type, "digest", l->digest, "size",
				   (json_int_t)l->text.len, "Platforms", platforms)
			 : NULL;
}

/* The manifest as it is, which its digest is the hash of. */
static int
get_manifest(struct look *l)
{
	auto_buf struct buf tail = BUF_INIT;
	buf_addf(&tail, "manifests/%s", l->ref->digest[0] ? l->ref->digest : l->ref->tag);
	if (registry_get(l->g, "ask the registry for the image's manifest", l->shown, tail.s,
		    manifest_accept, DOCUMENT_MAX, &l->text, l->type) < 0)
		return -1;
	sha256_of(buf_str(&l->text), l->text.len, l->digest);
	if (step_dry() || !l->ref->digest[0] || strcmp(l->digest, l->ref->digest) == 0)
		return 0;
	return err_set(
		ERR_INVALID, l->shown, "cannot use %s: what came is %s", l->shown, l->digest);
}

json_t *
remote_look(const struct ref *r, const struct registry_options *o)
{
	struct look l = {.ref = r};
	auto_buf struct buf shown = BUF_INIT;
	json_t *out = NULL;
	ref_familiar(r, &shown);
	snprintf(l.shown, sizeof(l.shown), "%s", shown.s);
	l.g = registry_open(r, NULL, o);
	if (l.g && get_manifest(&l) == 0 && !step_dry())
		out = document(&l);
	registry_close(l.g);
	buf_free(&l.text);
	return out;
}
