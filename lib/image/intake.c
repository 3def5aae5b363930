/* SPDX-License-Identifier: MIT */
#include "image/intake.h"

#include "base/err.h"
#include "image/manifest.h"
#include "image/sha256.h"
#include "mech/overlay.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct flow {
	struct intake *in;
	struct sha256 *packed; /* of the blob as it came */
	struct sha256 *plain;
	bool begun;
};

static const struct {
	const char *magic;
	size_t len;
	enum packing packing;
} magics[] = {
	{"\x1f\x8b", 2, PACKED_GZIP}, {"\x28\xb5\x2f\xfd", 4, PACKED_ZSTD},
	{"BZh", 3, PACKED_OTHER},
	{"\xfd"
	 "7zXZ\0",
		6, PACKED_OTHER},
	{"\x04\x22\x4d\x18", 4, PACKED_OTHER}, /* lz4 */
	{"\x02\x21\x4c\x18", 4, PACKED_OTHER}, /* lz4, its older frames */
	{"\x5d\x00\x00", 3, PACKED_OTHER}, /* lzma */
	{"LZIP", 4, PACKED_OTHER}, {"\x1f\x9d", 2, PACKED_OTHER}, /* compress */
};

static enum packing
packing_of(const void *data, size_t len)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (len >= magics[i].len && memcmp(data, magics[i].magic, magics[i].len) == 0)
			return magics[i].packing;
	return PACKED_NOT;
}

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

/* One piece of the layer as it comes in, for the unpacking to read. */
static ssize_t
next_piece(void *self, const void **data)
{
	struct flow *f = self;
	struct intake *in = f->in;
	ssize_t n = in->read(in->self, data);
	if (n <= 0)
		return n;
	if (!f->begun) {
		in->packing = packing_of(*data, (size_t)n);
		f->begun = true;
	}
	/* A plain tar would be hashed twice with the same result, and is not. */
	if (in->packing == PACKED_GZIP || in->packing == PACKED_ZSTD) {
		sha256_add(f->packed, *data, (size_t)n);
		in->size += n;
		if (keep(in, *data, (size_t)n) < 0)
			return -1;
	}
	return n;
}

static int
plain_piece(void *self, const void *data, size_t len)
{
	struct flow *f = self;
	struct intake *in = f->in;
	sha256_add(f->plain, data, len);
	if (in->packing == PACKED_GZIP || in->packing == PACKED_ZSTD)
		return 0;
	in->size += (int64_t)len;
	return keep(in, data, len);
}

int
intake_run(struct intake *in)
{
	struct flow f = {in, sha256_new(), sha256_new(), false};
	in->apply.read = next_piece;
	in->apply.self = &f;
	in->apply.plain = plain_piece;
	in->apply.plain_self = &f;
	in->size = 0;
	int r = layer_apply(&in->apply, &in->result);
	sha256_take(f.plain, in->diff_id);
	if (in->packing == PACKED_GZIP || in->packing == PACKED_ZSTD)
		sha256_take(f.packed, in->digest);
	else
		memcpy(in->digest, in->diff_id, DIGEST_SIZE);
	sha256_free(f.packed);
	sha256_free(f.plain);
	return r;
}

void
intake_rights(struct layer_apply *how)
{
	how->user_xattr = overlay_user_xattr();
	how->no_owner = geteuid() != 0;
}
