/* SPDX-License-Identifier: MIT
 * Loading, part one: one pass over the archive.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "image/load_in.h"
#include "image/sha256.h"
#include "image/tar_read.h"

#include <stdlib.h>
#include <string.h>

/* What describes images is small; more than this of it is an attack. */
#define TEXT_TOTAL_MAX ((size_t)64 << 20)
#define MEMBERS_MAX 100000
#define LINKS_MAX 8

/* The content of one member as a stream; its head was looked at before. */
struct content {
	struct tar_reader *tar;
	const char *name;
	struct buf head;
	bool head_given;
	int64_t at, size;
};

static ssize_t
next_piece(struct content *c, const void **data)
{
	int64_t offset;
	ssize_t n = tar_data(c->tar, data, &offset);
	/* A blob has no holes: its hash covers all bytes. */
	if (n > 0 && offset != c->at)
		return err_set(ERR_UNSUPPORTED, c->name, "member %s is a sparse file", c->name);
	if (n == 0 && c->at != c->size)
		return err_set(ERR_UNSUPPORTED, c->name, "member %s is a sparse file", c->name);
	c->at += n > 0 ? n : 0;
	return n;
}

static int
read_head(struct content *c)
{
	const void *data;
	ssize_t n = 1;
	while (c->head.len < 512 && (n = next_piece(c, &data)) > 0)
		buf_add(&c->head, data, (size_t)n);
	return n < 0 ? -1 : 0;
}

static ssize_t
content_read(void *self, const void **data)
{
	struct content *c = self;
	if (c->head_given)
		return next_piece(c, data);
	c->head_given = true;
	*data = buf_str(&c->head);
	return c->head.len ? (ssize_t)c->head.len : next_piece(c, data);
}

/* The member of that name. Two readers of an archive that has a name twice may see two images. */
static struct member *
new_member(struct haul *h, const char *name)
{
	int is_new = 1;
	if (h->n >= MEMBERS_MAX || names_add(&h->names, name, strlen(name), &is_new) < 0) {
		err_set(ERR_INVALID, h->how->shown, "%s has more than %d members", h->how->shown,
			MEMBERS_MAX);
		return NULL;
	}
	if (!is_new) {
		err_set(ERR_INVALID, name, "%s has two members %s", h->how->shown, name);
		return NULL;
	}
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 64;
		h->v = realloc(h->v, h->cap * sizeof(*h->v));
		if (!h->v)
			abort();
	}
	struct member *m = &h->v[h->n++];
	*m = (struct member){.kind = MEMBER_OTHER};
	return m;
}

static int
keep_text(struct haul *h, struct content *c, struct member *m)
{
	const void *data;
	ssize_t n;
	h->text_bytes += (size_t)c->size;
	if (h->text_bytes > TEXT_TOTAL_MAX)
		return err_set(ERR_INVALID, h->how->shown, "%s has more than %zu MiB of JSON",
			h->how->shown, TEXT_TOTAL_MAX >> 20);
	while ((n = content_read(c, &data)) > 0)
		buf_add(&m->text, data, (size_t)n);
	m->kind = MEMBER_TEXT;
	m->size = (int64_t)m->text.len;
	sha256_of(buf_str(&m->text), m->text.len, m->digest);
	return n < 0 ? -1 : 0;
}

/* Blobs are called by their digest, "blobs/sha256/HEX", by skopeo "HEX.tar": if the store has one
 * of that digest and size, it will do, whatever comes here. */
static bool
here(const struct haul *h, const char *name, int64_t size, char digest[DIGEST_SIZE])
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	size_t n = strcspn(base, ".");
	if (n != DIGEST_HEX || (base[n] && strcmp(base + n, ".tar") != 0))
		return false;
	snprintf(digest, DIGEST_SIZE, DIGEST_PREFIX "%.*s", DIGEST_HEX, base);
	return digest_ok(digest) && store_has_blob(h->s, digest, size);
}

static int
take_layer(struct haul *h, struct content *c, struct member *m)
{
	m->packing = packing_of(c->head.s, c->head.len);
	m->size = c->size;
	if (here(h, c->name, c->size, m->digest)) {
		m->kind = MEMBER_HERE;
		return 0;
	}
	struct arrival *a = m->layer = malloc(sizeof(*a));
	if (!a)
		abort();
	*a = ARRIVAL_INIT;
	a->in.read = content_read;
	a->in.self = c;
	a->in.apply.later = true;
	/* A manifest names it by the digest that it has as it is. */
	a->in.as_is = strncmp(c->name, ARCHIVE_BLOBS, strlen(ARCHIVE_BLOBS)) == 0;
	m->kind = MEMBER_LAYER;
	if (arrive(h->s, a, true, c->name) < 0)
		return -1;
	memcpy(m->digest, a->in.digest, DIGEST_SIZE);
	m->size = a->in.size;
	m->packing = a->in.packing;
	if (a->in.result.warning[0] && !h->out->warning[0])
		snprintf(h->out->warning, sizeof(h->out->warning), "%.100s: %.400s", c->name,
			a->in.result.warning);
	return 0;
}

static int
take_file(struct haul *h, struct content *c, struct member *m)
{
	if (read_head(c) < 0)
		return -1;
	enum archive_kind kind = archive_kind(buf_str(&c->head), c->head.len);
	if (kind == ARCHIVE_TAR)
		return take_layer(h, c, m);
	if (kind == ARCHIVE_JSON && c->size <= (int64_t)STORE_JSON_MAX)
		return keep_text(h, c, m);
	return 0;
}

static int
take(struct haul *h, struct tar_reader *tar, const struct tar_entry *e)
{
	auto_buf struct buf name = BUF_INIT, link = BUF_INIT;
	archive_name(e->name, NULL, &name);
	if (e->type != TAR_FILE && e->type != TAR_LINK && e->type != TAR_SYMLINK)
		return 0;
	if (!name.len)
		return 0;
	struct member *m = new_member(h, name.s);
	if (!m)
		return -1;
	if (e->type == TAR_FILE) {
		struct content c = {.tar = tar, .name = name.s, .size = e->size};
		int r = take_file(h, &c, m);
		buf_free(&c.head);
		return r;
	}
	m->kind = MEMBER_LINK;
	archive_name(e->link, e->type == TAR_SYMLINK ? name.s : NULL, &link);
	m->link = buf_take(&link);
	return 0;
}

int
haul_read(struct haul *h)
{
	struct stream_fd from = {.fd = h->how->fd, .shown = h->how->shown};
	struct tar_entry e;
	struct stream *plain = stream_open(stream_fd_read, &from);
	struct tar_reader *tar = tar_open(stream_read, plain);
	int r;
	while ((r = tar_next(tar, &e)) > 0 && (r = take(h, tar, &e)) == 0)
		;
	tar_close(tar);
	stream_close(plain);
	stream_fd_free(&from);
	if (r < 0 && strcmp(err.object, h->how->shown) != 0)
		err_prefix("%s", h->how->shown);
	return r;
}

struct member *
haul_member(struct haul *h, const char *name)
{
	for (int hops = 0; hops < LINKS_MAX; hops++) {
		ssize_t i = names_find(&h->names, name, strlen(name));
		if (i < 0)
			return NULL;
		if (h->v[i].kind != MEMBER_LINK)
			return &h->v[i];
		name = h->v[i].link;
	}
	return NULL;
}

struct member *
haul_digest(struct haul *h, const char *digest, bool text)
{
	for (size_t i = 0; i < h->n; i++) {
		struct member *m = &h->v[i];
		bool fits = text ? m->kind == MEMBER_TEXT
				 : m->kind == MEMBER_LAYER || m->kind == MEMBER_HERE;
		if (fits && strcmp(m->digest, digest) == 0)
			return m;
	}
	return NULL;
}

int
haul_drop(struct haul *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].layer && arrive_drop(h->v[i].layer) < 0)
			return -1;
	return 0;
}

void
haul_free(struct haul *h)
{
	for (size_t i = 0; i < h->n; i++) {
		struct member *m = &h->v[i];
		buf_free(&m->text);
		free(m->link);
		if (m->layer)
			layer_result_free(&m->layer->in.result);
		free(m->layer);
	}
	free(h->v);
	names_free(&h->names);
}
