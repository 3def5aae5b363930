/* SPDX-License-Identifier: MIT
 * img-push: an image of the store goes to a registry.
 *
 * Everything but the tag is named by its hash, so the registry can be asked what it has already,
 * and gets only the rest. The manifest goes last: whoever finds it finds all that it names.
 *
 *	img-push localhost:5000/app:1
 *	img-push app localhost:5000/team/app:1
 */
#include "base/err.h"
#include "door/tool.h"
#include "image/push.h"
#include "image/transfer.h"

static struct {
	struct push push;
	struct transfer transfer;
} o = {
	.push.registry = TRANSFER_REGISTRY_DEFAULTS,
	.transfer = TRANSFER_DEFAULTS,
};

static const struct opt options[] = {
	{0, "chunk", "SIZE", opt_size, &o.push.chunk,
		"send layers in pieces of this size (default: each whole)", false},
	TRANSFER_OPTIONS(o.transfer, o.push.registry),
	OPT_END,
};

static const struct tool me = {
	.name = "img-push",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... IMAGE [NAME]",
	.summary =
		"Pushes an image to the registry that its name, or NAME, says; prints its digest.",
	.options = options,
	.example = "img-push example localhost:5000/example:1",
	.rights = RIGHTS_OWNERS,
};

/* Docker's last two objects: one for people, one for programs. */
static void
finish(const struct ref *to, const struct pushed *done)
{
	const char *tag = to->digest[0] ? to->digest : to->tag;
	auto_buf struct buf aux = BUF_INIT;
	if (!o.transfer.json) {
		/* What the result is written under stays as it is. */
		progress_free(o.push.progress);
		o.push.progress = NULL;
		tool_result("%s", done->digest);
		return;
	}
	progress_say(o.push.progress, NULL, true, "%s: digest: %s size: %zu", tag, done->digest,
		done->size);
	buf_adds(&aux, "{\"progressDetail\":{},\"aux\":{\"Tag\":");
	buf_add_json(&aux, tag);
	buf_addf(&aux, ",\"Digest\":\"%s\",\"Size\":%zu}}", done->digest, done->size);
	progress_object(o.push.progress, aux.s);
}

static int
push(const char *image, const struct ref *to, struct pushed *done)
{
	auto_store struct store *s = store_open();
	auto_image struct image img = {0};
	/* Nothing of it is taken away meanwhile. */
	if (!s || store_prepare(s) < 0 || image_find(s, image, &img) < 0)
		return -1;
	return image_push(s, &img, to, &o.push, done);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct pushed done;
	struct ref to;
	if (a.n < 1 || a.n > 2)
		tool_usage("one IMAGE is needed, and perhaps another NAME for it");
	transfer_check(&o.transfer, &o.push.registry);
	if (ref_parse_name(a.operand[a.n - 1], &to) < 0)
		tool_usage_err();
	o.push.side_by_side = (unsigned)o.transfer.jobs;
	o.push.progress = transfer_start(&o.transfer, &o.push.registry);
	int r = push(a.operand[0], &to, &done);
	creds_free(&o.transfer.creds);
	if (r == 0)
		finish(&to, &done);
	progress_free(o.push.progress);
	if (r < 0)
		tool_die();
	return tool_finish();
}
