/* SPDX-License-Identifier: MIT
 * img-layers: the directories of an image's layers, bottom first, one a line.
 *
 * A layer holds only what changed against the layers below it. Stacked by overlay they look like
 *one file system; nothing is copied, and images that share layers share the directories.
 *
 *	img-layers alpine | ufs-mount -u upper -w work root
 */
#include "base/err.h"
#include "door/tool.h"
#include "image/image.h"

#include <stdio.h>

static struct {
	bool json;
} o;

static const struct opt options[] = {
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object a layer: path, chain_id, diff_id, digest, media_type, blob_size, size",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-layers",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... IMAGE",
	.summary = "Prints the directories of an image's unpacked layers, bottom first.",
	.options = options,
	.example = "img-layers example",
	.rights = RIGHTS_OWNERS,
};

static void
add_json(const struct store *s, const struct image_layer *l, const char *path, struct buf *out)
{
	buf_adds(out, "{\"path\":");
	buf_add_json(out, path);
	buf_addf(out, ",\"chain_id\":\"%s\",\"diff_id\":\"%s\",\"digest\":\"%s\",\"media_type\":",
		l->chain, l->diff_id, l->blob.digest);
	buf_add_json(out, l->blob.media_type);
	buf_addf(out, ",\"blob_size\":%lld,\"size\":", (long long)l->blob.size);
	int64_t size = store_layer_size(s, l->chain);
	if (size < 0)
		buf_adds(out, "null}\n");
	else
		buf_addf(out, "%lld}\n", (long long)size);
}

static int
add_layer(const struct store *s, const char *image, const struct image_layer *l, struct buf *out)
{
	char path[PATH_MAX];
	if (store_layer_path(s, l->chain, path) < 0)
		return -1;
	if (!store_has_layer(s, l->chain)) {
		err_set(ERR_NOT_FOUND, image, "layer %s of %s is not unpacked", l->blob.digest,
			image);
		return err_hint("another program put the image into the store: img-import and "
				"img-pull unpack what they bring");
	}
	if (o.json)
		add_json(s, l, path, out);
	else
		buf_addf(out, "%s\n", path);
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = NULL;
	auto_image struct image img = {0};
	auto_buf struct buf out = BUF_INIT;
	if (a.n != 1)
		tool_usage("one IMAGE is needed");
	if (!(s = store_open()) || image_find(s, a.operand[0], &img) < 0)
		tool_die();
	/* All or nothing: half a list would be mounted as half an image. */
	for (size_t i = 0; i < img.n; i++)
		if (add_layer(s, a.operand[0], &img.layers[i], &out) < 0)
			tool_die();
	fputs(buf_str(&out), stdout);
	return tool_finish();
}
