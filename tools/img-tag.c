/* SPDX-License-Identifier: MIT
 * img-tag: one more name for an image.
 *
 * A name is an entry of index.json that leads to the image's manifest; nothing of the image itself
 * changes. An image that had the name loses it.
 *
 *	img-tag alpine localhost:5000/alpine:mine
 */
#include "base/err.h"
#include "door/tool.h"
#include "image/image.h"
#include "image/ref.h"

#include <stdlib.h>

static const struct opt options[] = {
	OPT_END,
};

static const struct tool me = {
	.name = "img-tag",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... IMAGE NAME...",
	.summary = "Gives an image further names.",
	.options = options,
	.example = "img-tag example example:mine",
};

/* The names in full, before anything is done. */
static void
full_names(char **word, int n, struct buf *full)
{
	for (int i = 0; i < n; i++)
		if (ref_given_name(word[i], &full[i]) < 0)
			tool_usage_err();
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = NULL;
	auto_image struct image img = {0};
	auto_buf struct buf manifest = BUF_INIT;
	if (a.n < 2)
		tool_usage("an IMAGE and a NAME for it are needed");
	int n = a.n - 1;
	struct buf *full = calloc((size_t)n, sizeof(*full));
	if (!full)
		abort();
	full_names(a.operand + 1, n, full);
	/* Looked for first: to find nothing, no store need be made. */
	if (!(s = store_open()) || image_find(s, a.operand[0], &img) < 0 || store_prepare(s) < 0)
		tool_die();
	/* Now that nobody takes away: is it still there? */
	if (store_get(s, img.digest, &manifest) < 0)
		tool_die();
	for (int i = 0; i < n; i++) {
		if (index_enter(s, full[i].s, img.digest, manifest.len, img.source) < 0)
			tool_die();
		buf_free(&full[i]);
	}
	free(full);
	tool_result("%s", img.id);
	return tool_finish();
}
