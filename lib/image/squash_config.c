/* SPDX-License-Identifier: MIT
 * Squashing: the config of the new image. What runs stays as it was; the list of layers and the
 * history are told anew, so that they fit together again (OCI image-spec, config.md).
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "image/config.h"
#include "image/squash_in.h"

#include <stdlib.h>

static bool
is_empty_layer(const json_t *entry)
{
	return json_is_true(json_object_get(entry, "empty_layer"));
}

/* Whether the history accounts for each layer. Not every program writes one. */
static bool
is_told(const json_t *history, size_t layers)
{
	size_t n = 0;
	for (size_t i = 0; i < json_array_size(history); i++)
		n += !is_empty_layer(json_array_get(history, i));
	return n == layers;
}

/* The old history up to what is merged, and with `all` the rest too, as entries without a layer. */
static json_t *
old_history(const json_t *history, size_t keep, bool all)
{
	json_t *out = json_array();
	size_t layers = 0;
	for (size_t i = 0; i < json_array_size(history); i++) {
		json_t *entry = json_array_get(history, i);
		layers += !is_empty_layer(entry);
		if (layers <= keep) {
			json_array_append(out, entry);
		} else if (all) {
			json_t *copy = json_copy(entry);
			json_object_set_new(copy, "empty_layer", json_true());
			json_array_append_new(out, copy);
		}
	}
	return out;
}

static json_t *
untold_history(size_t keep)
{
	json_t *out = json_array();
	for (size_t i = 0; i < keep; i++)
		json_array_append_new(out, json_pack("{s:s}", "comment", "no history was given"));
	return out;
}

static void
set_history(const struct squash_archive *a, json_t *doc, bool all, const char *when)
{
	auto_buf struct buf comment = BUF_INIT;
	const json_t *old = json_object_get(doc, "history");
	json_t *history =
		is_told(old, a->img.n) ? old_history(old, a->keep, all) : untold_history(a->keep);
	buf_addf(&comment, "%zu layers are one", a->img.n - a->keep);
	json_array_append_new(history,
		json_pack("{s:s,s:s,s:s}", "created", when, "created_by", "squash", "comment",
			comment.s));
	json_object_set_new(doc, "history", history);
}

int
squash_config(const struct squash_archive *a, const struct squash *how, const char *diff_id,
	struct buf *out)
{
	auto_buf struct buf when = BUF_INIT;
	auto_json json_t *doc = json_copy(a->img.config);
	json_t *ids = json_array();
	time_rfc3339(config_now(), &when);
	for (size_t i = 0; i < a->keep; i++)
		json_array_append_new(ids, json_string(a->img.layers[i].diff_id));
	json_array_append_new(ids, json_string(diff_id));
	json_object_set_new(
		doc, "rootfs", json_pack("{s:s,s:o}", "type", "layers", "diff_ids", ids));
	json_object_set_new(doc, "created", json_string(when.s));
	/* It has no parent by that name any more. */
	json_object_del(doc, "parent");
	set_history(a, doc, how->keep_history, when.s);
	char *text = json_dumps(doc, JSON_COMPACT);
	if (!text)
		return err_set(ERR_INVALID, how->shown, "cannot write the config of the image");
	buf_adds(out, text);
	free(text);
	return 0;
}
