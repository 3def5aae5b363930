/* SPDX-License-Identifier: MIT */
#include "image/intake.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"
#include "base/subid.h"
#include "image/manifest.h"
#include "image/sha256.h"
#include "mech/overlay.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Between the two threads: small enough to stay in the processor's cache. */
#define QUEUE_SIZE ((size_t)256 << 10)

struct flow {
	struct intake *in;
	struct sha256 *packed; /* of the blob as it came */
	struct sha256 *plain;
	bool begun;
	bool dry; /* the source has ended: it is not asked again */
	struct buf head; /* the first pieces, where they are too small to tell how it is packed */
	bool apart; /* the blob is not the plain tar: it has a digest of its own */
	struct queue *queue; /* plain bytes, on their way to be unpacked; NULL where they are not */
};

const char *
packing_media_type(enum packing p)
{
	switch (p) {
	case PACKED_GZIP:
		return MEDIA_OCI_LAYER "+gzip";
	case PACKED_ZSTD:
		return MEDIA_OCI_LAYER "+zstd";
	case PACKED_NOT:
	case PACKED_OTHER:
		break;
	}
	return MEDIA_OCI_LAYER;
}

static int
keep(struct intake *in, const char *data, size_t len)
{
	while (in->blob >= 0 && len > 0) {
		ssize_t n = write(in->blob, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("write", in->blob_shown, "cannot write %s", in->blob_shown);
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void
look_at_head(struct flow *f, const void *data, size_t len)
{
	struct intake *in = f->in;
	in->packing = packing_of(data, len);
	f->begun = true;
	/* A plain tar would be hashed twice with the same result, and is not. */
	f->apart = in->packing == PACKED_GZIP || in->packing == PACKED_ZSTD ||
		(in->packing == PACKED_OTHER && in->as_is);
}

static ssize_t
fresh_piece(struct flow *f, const void **data)
{
	ssize_t n = f->dry ? 0 : f->in->read(f->in->self, data);
	f->dry = f->dry || n == 0;
	return n;
}

/* The first piece is large enough for a look at its head. What comes from the network comes in
 * pieces of any size. */
static ssize_t
first_piece(struct flow *f, const void **data)
{
	ssize_t n = fresh_piece(f, data);
	if (n <= 0 || n >= PACKING_HEAD)
		return n;
	do
		buf_add(&f->head, *data, (size_t)n);
	while (f->head.len < PACKING_HEAD && (n = fresh_piece(f, data)) > 0);
	*data = f->head.s;
	return n < 0 ? -1 : (ssize_t)f->head.len;
}

/* One piece of the layer as it comes in. */
static ssize_t
next_piece(void *self, const void **data)
{
	struct flow *f = self;
	struct intake *in = f->in;
	ssize_t n = f->begun ? fresh_piece(f, data) : first_piece(f, data);
	if (n <= 0)
		return n;
	if (!f->begun)
		look_at_head(f, *data, (size_t)n);
	if (f->apart) {
		sha256_add(f->packed, *data, (size_t)n);
		in->size += n;
		if (keep(in, *data, (size_t)n) < 0)
			return -1;
	}
	return n;
}

static int
plain_piece(struct flow *f, const void *data, size_t len)
{
	struct intake *in = f->in;
	sha256_add(f->plain, data, len);
	if (f->apart)
		return 0;
	in->size += (int64_t)len;
	return keep(in, data, len);
}

/* Reads, decompresses and hashes all of it, or until nobody wants more. */
static int
inflate_all(struct flow *f)
{
	struct stream *s = stream_open(next_piece, f);
	bool wanted = true;
	const void *data;
	ssize_t n = 0;
	while (wanted && (n = stream_read(s, &data)) > 0) {
		if (plain_piece(f, data, (size_t)n) < 0) {
			n = -1;
			break;
		}
		wanted = !f->queue || queue_put(f->queue, data, (size_t)n);
	}
	stream_close(s);
	return n < 0 ? -1 : 0;
}

static void *
inflate_aside(void *self)
{
	struct flow *f = self;
	if (inflate_all(f) < 0)
		queue_fail(f->queue);
	else
		queue_end(f->queue);
	return NULL;
}

/* Decompressing and hashing take as long as making the files: two threads halve the time. */
static int
run(struct flow *f)
{
	struct layer_apply *how = &f->in->apply;
	pthread_t thread;
	how->read = queue_get;
	how->self = f->queue;
	how->is_plain = true;
	errno = pthread_create(&thread, NULL, inflate_aside, f);
	if (errno)
		return err_sys("pthread_create", how->shown, "cannot start a thread");
	int r = layer_apply(how, &f->in->result);
	queue_leave(f->queue);
	pthread_join(thread, NULL);
	return r;
}

int
intake_run(struct intake *in)
{
	bool unpack = in->apply.dir >= 0;
	struct flow f = {.in = in,
		.packed = sha256_new(),
		.plain = sha256_new(),
		.queue = unpack ? queue_new(QUEUE_SIZE) : NULL};
	in->size = 0;
	int r = unpack ? run(&f) : inflate_all(&f);
	sha256_take(f.plain, in->diff_id);
	if (f.apart)
		sha256_take(f.packed, in->digest);
	else
		memcpy(in->digest, in->diff_id, DIGEST_SIZE);
	sha256_free(f.packed);
	sha256_free(f.plain);
	queue_free(f.queue);
	buf_free(&f.head);
	return r;
}

void
intake_rights(struct layer_apply *how)
{
	how->user_xattr = overlay_user_xattr();
	/* Who is root over one id alone can give files to nobody else. */
	how->no_owner = geteuid() != 0 || !subid_is_mapped("/proc/self/uid_map", 1);
}
