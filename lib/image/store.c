/* SPDX-License-Identifier: MIT */
#include "image/store.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "image/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest thing we put behind the root: "/images/blobs/sha256/" and the hex. Roots that leave
 * no room for it are refused once, in store_open, so that no path is cut anywhere. */
#define TAIL_MAX 128

struct store {
	char images[PATH_MAX];
	char layers[PATH_MAX];
	char root[PATH_MAX];
	int lock; /* shared, on images/lock */
	unsigned tmp_count;
};

struct store *
store_open(void)
{
	char root[PATH_MAX];
	if (state_root(root) < 0)
		return NULL;
	if (strlen(root) + TAIL_MAX >= PATH_MAX) {
		err_set(ERR_INVALID, root, "TACKLEBOX_ROOT is longer than %d bytes",
			PATH_MAX - TAIL_MAX);
		return NULL;
	}
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	memcpy(s->root, root, sizeof(root));
	snprintf(s->images, sizeof(s->images), "%.*s/images", PATH_MAX - TAIL_MAX, root);
	snprintf(s->layers, sizeof(s->layers), "%.*s/layers", PATH_MAX - TAIL_MAX, root);
	s->lock = -1;
	return s;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

const char *
store_images(const struct store *s)
{
	return s->images;
}

const char *
store_layers(const struct store *s)
{
	return s->layers;
}

/* A file of images/. */
static void
in_images(const struct store *s, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - TAIL_MAX, s->images, name);
}

/* Puts an absent file there under the index lock, so that of two first users one comes second. */
static int
put_first(struct store *s, const char *name, const char *text)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	in_images(s, name, path);
	if (file_exists(path))
		return 0;
	auto_fd int lock = -1;
	if (store_lock_index(s, &lock) < 0)
		return -1;
	if (file_exists(path))
		return 0;
	store_tmp_blob(s, tmp);
	return sys_put("an empty OCI image layout, which other programs read as it is", path, tmp,
		text, strlen(text), 0644);
}

int
store_prepare(struct store *s)
{
	static const char why[] = "the image store's places";
	char path[PATH_MAX];
	/* Others may pass through the root (boxes have sockets) but see nothing in it. */
	if (sys_keep_dir(why, s->root, 0711) < 0 || sys_keep_dir(why, s->images, 0700) < 0)
		return -1;
	in_images(s, "blobs/sha256", path);
	if (sys_keep_dir(why, path, 0755) < 0)
		return -1;
	in_images(s, "tmp", path);
	if (sys_keep_dir(why, path, 0700) < 0 || sys_keep_dir(why, s->layers, 0700) < 0)
		return -1;
	in_images(s, "lock", path);
	if (sys_lock("keep what is unreferred until it is referred to", path, false, &s->lock) < 0)
		return -1;
	if (put_first(s, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}") < 0)
		return -1;
	return put_first(s, "index.json", "{\"schemaVersion\":2,\"manifests\":[]}");
}

static const char reading[] = "what is being read stays until it is read";

int
store_hold(struct store *s)
{
	char path[PATH_MAX];
	in_images(s, "lock", path);
	return file_exists(path) ? sys_lock(reading, path, false, &s->lock) : 0;
}

int
store_hold_now(struct store *s)
{
	char path[PATH_MAX];
	in_images(s, "lock", path);
	return file_exists(path) ? sys_lock_now(reading, path, false, &s->lock) : 0;
}

int
store_seize(struct store *s)
{
	char path[PATH_MAX];
	in_images(s, "lock", path);
	return sys_lock("nobody adds while something is taken away", path, true, &s->lock);
}

bool
store_exists(const struct store *s)
{
	return dir_exists(s->images);
}

int
store_lock_index(struct store *s, int *fd)
{
	char path[PATH_MAX];
	in_images(s, "index.lock", path);
	return sys_lock("one change of the index at a time", path, true, fd);
}

int
store_lock_blob(struct store *s, const char *digest, int *fd)
{
	char path[PATH_MAX], head[17] = "";
	in_images(s, "fetch.lock", path);
	memcpy(head, digest_hex(digest), 16);
	return sys_lock_part(
		"of many who want this blob, one fetches it", path, strtoull(head, NULL, 16), fd);
}

int
store_blob_path(const struct store *s, const char *digest, char path[PATH_MAX])
{
	if (digest_check("the name of a blob", digest) < 0)
		return -1;
	snprintf(path, PATH_MAX, "%.*s/blobs/sha256/%s", PATH_MAX - TAIL_MAX, s->images,
		digest_hex(digest));
	return 0;
}

int
store_layer_path(const struct store *s, const char *chain, char path[PATH_MAX])
{
	if (digest_check("the chain id of a layer", chain) < 0)
		return -1;
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - TAIL_MAX, s->layers, digest_hex(chain));
	return 0;
}

bool
store_has_blob(const struct store *s, const char *digest, int64_t size)
{
	char path[PATH_MAX];
	struct stat sb;
	return store_blob_path(s, digest, path) == 0 && stat(path, &sb) == 0 &&
		S_ISREG(sb.st_mode) && (size < 0 || sb.st_size == size);
}

bool
store_has_layer(const struct store *s, const char *chain)
{
	char path[PATH_MAX];
	return store_layer_path(s, chain, path) == 0 && dir_exists(path);
}

/* layers/HEX.json */
static int
record_path(const struct store *s, const char *chain, char path[PATH_MAX])
{
	if (digest_check("the chain id of a layer", chain) < 0)
		return -1;
	snprintf(path, PATH_MAX, "%.*s/%s.json", PATH_MAX - TAIL_MAX, s->layers, digest_hex(chain));
	return 0;
}

int64_t
store_layer_size(const struct store *s, const char *chain)
{
	char path[PATH_MAX];
	uint64_t size;
	struct err before = err;
	int64_t known = -1;
	if (record_path(s, chain, path) == 0) {
		auto_json json_t *doc = json_read(path, STORE_JSON_MAX);
		struct jat top = jat_top(path, doc), at = jat_member(&top, "size");
		if (at.v && jat_u64(&at, INT64_MAX, &size) == 0)
			known = (int64_t)size;
	}
	err = before;
	return known;
}

/* Part of a name that no other process has. */
static void
fresh(struct store *s, char name[64])
{
	uint32_t r = 0;
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) < 0)
		r = 0; /* pid and counter are enough within one pid namespace */
	snprintf(name, 64, "%d-%u-%08x", getpid(), s->tmp_count++, r);
}

void
store_tmp_blob(struct store *s, char path[PATH_MAX])
{
	char name[64];
	fresh(s, name);
	snprintf(path, PATH_MAX, "%.*s/tmp/%s", PATH_MAX - TAIL_MAX, s->images, name);
}

void
store_tmp_layer(struct store *s, char path[PATH_MAX])
{
	char name[64];
	fresh(s, name);
	snprintf(path, PATH_MAX, "%.*s/.tmp-%s", PATH_MAX - TAIL_MAX, s->layers, name);
}

int
store_get(const struct store *s, const char *digest, struct buf *out)
{
	char path[PATH_MAX], found[DIGEST_SIZE];
	size_t before = out->len;
	if (store_blob_path(s, digest, path) < 0)
		return -1;
	if (file_read(path, STORE_JSON_MAX, out) < 0) {
		if (err.no == ENOENT)
			err_hint("the store lacks this part of the image: pull or import it again");
		return -1;
	}
	sha256_of(out->s + before, out->len - before, found);
	if (strcmp(found, digest) == 0)
		return 0;
	err_set(ERR_INTERNAL, path, "blob %s is damaged: its content is %s", digest, found);
	return err_hint("remove %s, then pull or import the image again", path);
}

int
store_put(struct store *s, const char *what, const void *data, size_t len, char digest[DIGEST_SIZE])
{
	char path[PATH_MAX], tmp[PATH_MAX];
	sha256_of(data, len, digest);
	if (store_blob_path(s, digest, path) < 0)
		return -1;
	if (store_has_blob(s, digest, (int64_t)len))
		return 0;
	store_tmp_blob(s, tmp);
	return sys_put(what, path, tmp, data, len, 0644);
}

int
store_publish_blob(struct store *s, const char *tmp, const char *digest)
{
	char path[PATH_MAX];
	if (store_blob_path(s, digest, path) < 0)
		return -1;
	/* The same content may be there already; then nothing changes but the inode. */
	return sys_publish("the blob is whole: it gets the name of its content", tmp, path);
}

int
store_settle(struct store *s)
{
	return sys_syncfs("what was unpacked reaches the disk before it gets its name", s->layers);
}

/* Written before the tree gets its name: a record without a layer is garbage, a layer without a
 * record would be a layer of unknown size. */
static int
put_record(struct store *s, const char *chain, const struct layer_record *record)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	auto_buf struct buf text = BUF_INIT;
	if (record_path(s, chain, path) < 0)
		return -1;
	store_tmp_layer(s, tmp);
	buf_addf(&text, "{\"diff_id\":\"%s\",\"size\":%llu,\"entries\":%llu}\n", record->diff_id,
		(unsigned long long)record->size, (unsigned long long)record->entries);
	return sys_put("what was counted while unpacking", path, tmp, text.s, text.len, 0600);
}

int
store_publish_layer(
	struct store *s, const char *tmp, const char *chain, const struct layer_record *record)
{
	char path[PATH_MAX];
	if (store_layer_path(s, chain, path) < 0 || put_record(s, chain, record) < 0)
		return -1;
	if (sys_publish("the layer is whole: it gets the name of its chain", tmp, path) == 0)
		return 0;
	if (err.no != EEXIST && err.no != ENOTEMPTY)
		return -1;
	return sys_remove_tree("another process unpacked the same layer: its tree stays", tmp);
}
