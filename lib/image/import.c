/* SPDX-License-Identifier: MIT */
#include "image/import.h"

#include "door/step.h"
#include "door/tell.h"
#include "image/arrive.h"
#include "image/image.h"
#include "image/index.h"
#include "image/manifest.h"

#include <string.h>

static int
publish(struct store *s, struct arrival *a)
{
	if (store_publish_blob(s, a->blob, a->in.digest) < 0 || store_settle(s) < 0)
		return -1;
	return arrive_tree(s, a, a->in.diff_id);
}

static void
set_descriptor(struct descriptor *d, const char *digest, int64_t size, const char *type)
{
	memcpy(d->digest, digest, DIGEST_SIZE);
	d->size = size;
	snprintf(d->media_type, sizeof(d->media_type), "%s", type);
}

/* Config, manifest, entry in the index: the image, from the inside out. */
static int
enter(struct store *s, const struct import *im, const struct intake *in, json_t *config,
	struct imported *out)
{
	struct descriptor layer;
	struct manifest m = {.layers = &layer, .n = 1};
	auto_buf struct buf text = BUF_INIT, manifest = BUF_INIT;
	char *dump = json_dumps(config, JSON_COMPACT);
	if (!dump)
		abort();
	buf_adds(&text, dump);
	free(dump);
	if (store_put(s, "the image's config", text.s, text.len, out->id) < 0)
		return -1;
	set_descriptor(&layer, in->digest, in->size, packing_media_type(in->packing));
	set_descriptor(&m.config, out->id, (int64_t)text.len, MEDIA_OCI_CONFIG);
	manifest_to_oci(&m, &manifest);
	if (store_put(s, "the image's manifest", manifest.s, manifest.len, out->digest) < 0)
		return -1;
	return index_enter(s, im->name, out->digest, manifest.len, NULL);
}

int
image_import(struct store *s, const struct import *im, struct imported *out)
{
	struct arrival a = ARRIVAL_INIT;
	struct stream_fd from = {.fd = im->fd, .shown = im->shown};
	*out = (struct imported){0};
	/* The settings are looked at before anything is read: a mistake in them should not cost a
	 * pass over the tar. */
	auto_json json_t *config =
		config_new(&im->platform, config_now(), DIGEST_PREFIX, im->comment);
	if (!config || config_change(config, &im->changes) < 0 ||
		config_words(config, im->words) < 0)
		return -1;
	a.in.read = stream_fd_read;
	a.in.self = &from;
	int r = arrive(s, &a, true, im->shown);
	stream_fd_free(&from);
	layer_result_free(&a.in.result);
	if (r == 0 && step_dry())
		tell_line(": # what follows is named by what was read: blob, layer, config, "
			  "manifest, index.json");
	if (r < 0 || step_dry())
		return r;
	memcpy(out->warning, a.in.result.warning, sizeof(out->warning));
	json_object_set_new(
		json_object_get(config, "rootfs"), "diff_ids", json_pack("[s]", a.in.diff_id));
	return publish(s, &a) < 0 ? -1 : enter(s, im, &a.in, config, out);
}
