/* SPDX-License-Identifier: MIT
 * img-gc: removes from the store what no image needs.
 *
 * It marks and sweeps: all that the entries of index.json lead to is marked, everything else goes.
 * Whoever adds to the store holds a shared lock meanwhile, and img-gc an exclusive one, so that it
 * never takes a layer away that a pull has just found there.
 *
 *	img-gc
 */
#include "base/human.h"
#include "door/tool.h"
#include "image/gc.h"

static struct {
	struct gc gc;
	bool json;
} o;

static const struct opt options[] = {
	{0, "keep-nameless", NULL, opt_flag, &o.gc.keep_nameless,
		"images without a name stay, and what they need", false},
	{0, "cache", NULL, opt_flag, &o.gc.drop_cache,
		"what builds keep for the next one goes, too", false},
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object: images, blobs, layers, temporaries, bytes", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-gc",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]...",
	.summary = "Removes images without a name, and blobs and layers that no image needs.",
	.options = options,
	.example = "img-gc",
	.rights = RIGHTS_OWNERS,
};

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = store_open();
	auto_buf struct buf size = BUF_INIT;
	struct gc *gc = &o.gc;
	if (a.n)
		tool_usage("'%s' is one word too many", a.operand[0]);
	if (!s || store_collect(s, gc) < 0)
		tool_die();
	if (gc->warning[0])
		tool_warn("%s", gc->warning);
	human_size(gc->bytes, &size);
	if (o.json)
		tool_result(
			"{\"images\":%u,\"blobs\":%u,\"layers\":%u,\"temporaries\":%u,\"bytes\":%lld}",
			gc->images, gc->blobs, gc->layers, gc->temporaries, (long long)gc->bytes);
	else
		tool_result("%s: %u images, %u blobs, %u layers, %u temporaries", size.s,
			gc->images, gc->blobs, gc->layers, gc->temporaries);
	return tool_finish();
}
