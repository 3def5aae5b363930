/* SPDX-License-Identifier: MIT */
#include "image/buildcache.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/state.h"
#include "door/sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RECORD_MAX ((size_t)16 << 10)

int
build_place(const char *what, char path[PATH_MAX])
{
	return state_root_path(path, "build/%s", what);
}

static int
record_path(const char *key, char path[PATH_MAX])
{
	char dir[PATH_MAX];
	if (digest_check("the key of a build step", key) < 0 || build_place("cache", dir) < 0)
		return -1;
	snprintf(path, PATH_MAX, "%.*s/%s.json", PATH_MAX - 80, dir, digest_hex(key));
	return 0;
}

static int
read_digest(const struct jat *at, const char *key, char out[DIGEST_SIZE])
{
	const char *s = "";
	if (jat_get_str(at, key, &s) < 0 || digest_check(key, s) < 0)
		return -1;
	memcpy(out, s, DIGEST_SIZE);
	return 0;
}

static int
read_layer(const struct jat *at, struct build_layer *l)
{
	const char *media = "";
	uint64_t size = 0;
	if (read_digest(at, "diff_id", l->diff_id) < 0 || read_digest(at, "blob", l->blob) < 0 ||
		read_digest(at, "chain", l->chain) < 0 ||
		jat_get_u64(at, "size", INT64_MAX, &size) < 0 ||
		jat_get_str(at, "media_type", &media) < 0)
		return -1;
	l->size = (int64_t)size;
	snprintf(l->media_type, sizeof(l->media_type), "%s", media);
	return 0;
}

static int
read_record(const char *path, struct build_record *r)
{
	struct jat layer;
	uint64_t created = 0;
	auto_json json_t *doc = json_read(path, RECORD_MAX);
	const struct jat top = jat_top(path, doc);
	*r = (struct build_record){0};
	if (!doc || jat_get_u64(&top, "created", INT64_MAX, &created) < 0 ||
		jat_get_object(&top, "layer", &layer) < 0)
		return -1;
	r->created = (int64_t)created;
	r->has_layer = layer.v != NULL;
	return layer.v ? read_layer(&layer, &r->layer) : 0;
}

int
build_cache_get(const struct store *s, const char *key, struct build_record *r)
{
	char path[PATH_MAX];
	struct err before = err;
	bool good = record_path(key, path) == 0 && file_exists(path) && read_record(path, r) == 0 &&
		(!r->has_layer ||
			(store_has_layer(s, r->layer.chain) &&
				store_has_blob(s, r->layer.blob, r->layer.size)));
	err = before;
	return good;
}

int
build_cache_put(const char *key, const struct build_record *r)
{
	char path[PATH_MAX];
	auto_json json_t *doc = json_pack("{s:I}", "created", (json_int_t)r->created);
	auto_buf struct buf text = BUF_INIT;
	if (record_path(key, path) < 0)
		return -1;
	if (r->has_layer)
		json_object_set_new(doc, "layer",
			json_pack("{s:s,s:s,s:s,s:I,s:s}", "diff_id", r->layer.diff_id, "blob",
				r->layer.blob, "chain", r->layer.chain, "size",
				(json_int_t)r->layer.size, "media_type", r->layer.media_type));
	json_visible(doc, JSON_COMPACT, &text);
	buf_addc(&text, '\n');
	/* A layer is whole before it stands in a record, and a record that is not is none. */
	return sys_remember(
		"the next build finds what this step made", path, text.s, text.len, 0600);
}

int
build_cache_each(int (*each)(const char *path, const struct build_record *r, void *arg), void *arg)
{
	char dir[PATH_MAX], path[PATH_MAX];
	const struct dirent *e;
	int r = 0;
	if (build_place("cache", dir) < 0)
		return -1;
	auto_dir DIR *d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : err_sys("opendir", dir, "cannot open %s", dir);
	while (r == 0 && (e = readdir(d))) {
		struct build_record rec;
		struct err before = err;
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 300, dir, e->d_name);
		bool good = read_record(path, &rec) == 0;
		err = before;
		r = each(path, good ? &rec : NULL, arg);
	}
	return r;
}
