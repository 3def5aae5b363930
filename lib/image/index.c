/* SPDX-License-Identifier: MIT */
#include "image/index.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "image/manifest.h"
#include "image/ref.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
index_path(const struct store *s, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.*s/index.json", PATH_MAX - 16, store_images(s));
}

int
index_load(const struct store *s, struct index *ix)
{
	char path[PATH_MAX];
	index_path(s, path);
	ix->doc = NULL;
	if (!file_exists(path)) {
		ix->doc = json_pack("{s:i,s:[]}", "schemaVersion", 2, "manifests");
		return 0;
	}
	json_t *doc = json_read(path, JSON_SIZE_MAX);
	if (!doc)
		return -1;
	const struct jat top = jat_top(path, doc);
	struct jat list;
	if (jat_get_array(&top, "manifests", &list) < 0 || jat_need(&list) < 0) {
		json_decref(doc);
		return -1;
	}
	ix->doc = doc;
	return 0;
}

void
index_free(struct index *ix)
{
	json_decref(ix->doc);
	ix->doc = NULL;
}

static json_t *
list_of(const struct index *ix)
{
	return json_object_get(ix->doc, "manifests");
}

size_t
index_len(const struct index *ix)
{
	return json_array_size(list_of(ix));
}

int
index_at(const struct index *ix, size_t i, struct index_entry *e)
{
	const struct jat top = jat_top("index.json", ix->doc), list = jat_member(&top, "manifests");
	const struct jat item = jat_item(&list, i), digest = jat_member(&item, "digest");
	struct jat notes;
	*e = (struct index_entry){.media_type = ""};
	if (jat_need(&digest) < 0 || jat_str(&digest, &e->digest) < 0 ||
		jat_get_str(&item, "mediaType", &e->media_type) < 0 ||
		jat_get_u64(&item, "size", INT64_MAX, &e->size) < 0 ||
		jat_get_object(&item, "annotations", &notes) < 0 ||
		jat_get_str(&notes, ANNOTATION_NAME, &e->name) < 0 ||
		jat_get_str(&notes, ANNOTATION_DIGEST, &e->source) < 0)
		return -1;
	return digest_check("index.json: an entry's digest", e->digest);
}

void
index_full_name(const struct index_entry *e, struct buf *out)
{
	struct ref r;
	struct err before = err;
	if (!e->name)
		return;
	if (ref_parse_name(e->name, &r) == 0)
		ref_full(&r, out);
	else
		buf_adds(out, e->name);
	err = before;
}

bool
index_entry_is(const struct index_entry *e, const struct ref *r)
{
	struct ref has;
	struct err before = err;
	bool named = e->name && r->host[0] && ref_parse_name(e->name, &has) == 0;
	err = before;
	if (!named || strcmp(has.host, r->host) != 0 || strcmp(has.path, r->path) != 0)
		return false;
	if (!r->digest[0])
		return strcmp(has.tag, r->tag) == 0 && !has.digest[0];
	return strcmp(e->digest, r->digest) == 0 || strcmp(has.digest, r->digest) == 0 ||
		(e->source && strcmp(e->source, r->digest) == 0);
}

void
index_drop(struct index *ix, size_t i)
{
	json_array_remove(list_of(ix), i);
}

/* Takes the name from whatever has it. */
static int
take_name(struct index *ix, const char *name)
{
	for (size_t i = 0; i < index_len(ix); i++) {
		auto_buf struct buf full = BUF_INIT;
		struct index_entry e;
		if (index_at(ix, i, &e) < 0)
			return -1;
		index_full_name(&e, &full);
		json_t *item = json_array_get(list_of(ix), i);
		json_t *notes = json_object_get(item, "annotations");
		if (!full.len || strcmp(full.s, name) != 0)
			continue;
		json_object_del(notes, ANNOTATION_NAME);
		if (json_object_size(notes) == 0)
			json_object_del(item, "annotations");
	}
	return 0;
}

/* Drops entries without a name whose manifest has another entry: `digest` now, and others that a
 * name was taken from. */
static int
drop_doubles(struct index *ix)
{
	for (size_t i = index_len(ix); i-- > 0;) {
		struct index_entry e, other;
		bool twice = false;
		if (index_at(ix, i, &e) < 0)
			return -1;
		for (size_t k = 0; !e.name && !twice && k < index_len(ix); k++)
			twice = k != i && index_at(ix, k, &other) == 0 &&
				strcmp(other.digest, e.digest) == 0;
		if (twice)
			json_array_remove(list_of(ix), i);
	}
	return 0;
}

int
index_save(struct store *s, const char *why, const struct index *ix)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	char *text = json_dumps(ix->doc, JSON_INDENT(2));
	if (!text)
		abort();
	index_path(s, path);
	store_tmp_blob(s, tmp);
	int r = sys_put(why, path, tmp, text, strlen(text), 0644);
	free(text);
	return r;
}

static int
change(struct store *s, struct index *ix, const char *name, json_t *entry)
{
	if (name && take_name(ix, name) < 0)
		return -1;
	json_array_append_new(list_of(ix), entry);
	if (drop_doubles(ix) < 0)
		return -1;
	return index_save(s, "the image is there from this moment on", ix);
}

static json_t *
new_entry(const char *name, const char *digest, uint64_t size, const char *source)
{
	json_t *entry = json_pack("{s:s,s:s,s:I,s:{s:s*,s:s*}}", "mediaType", MEDIA_OCI_MANIFEST,
		"digest", digest, "size", (json_int_t)size, "annotations", ANNOTATION_NAME, name,
		ANNOTATION_DIGEST, source);
	if (!entry)
		abort();
	return entry;
}

int
index_enter(
	struct store *s, const char *name, const char *digest, uint64_t size, const char *source)
{
	struct index ix;
	auto_fd int lock = -1;
	if (store_lock_index(s, &lock) < 0 || index_load(s, &ix) < 0)
		return -1;
	int r = change(s, &ix, name, new_entry(name, digest, size, source));
	index_free(&ix);
	return r;
}

/* The first entry of a manifest, of those without a name only (`nameless`); -1: there is none. */
static ssize_t
find_digest(const struct index *ix, const char *digest, bool nameless)
{
	struct index_entry e;
	for (size_t i = 0; i < index_len(ix); i++)
		if (index_at(ix, i, &e) == 0 && strcmp(e.digest, digest) == 0 &&
			!(nameless && e.name))
			return (ssize_t)i;
	return -1;
}

int
index_enter_new(struct store *s, const char *digest, uint64_t size)
{
	struct index ix;
	auto_fd int lock = -1;
	if (store_lock_index(s, &lock) < 0 || index_load(s, &ix) < 0)
		return -1;
	int r = find_digest(&ix, digest, false) < 0;
	if (r && change(s, &ix, NULL, new_entry(NULL, digest, size, NULL)) < 0)
		r = -1;
	index_free(&ix);
	return r;
}

int
index_forget(struct store *s, const char *why, const char *digest)
{
	struct index ix;
	auto_fd int lock = -1;
	int r = 0;
	if (store_lock_index(s, &lock) < 0 || index_load(s, &ix) < 0)
		return -1;
	ssize_t at = find_digest(&ix, digest, true);
	if (at >= 0) {
		index_drop(&ix, (size_t)at);
		r = index_save(s, why, &ix);
	}
	index_free(&ix);
	return r;
}
