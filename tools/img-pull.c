/* SPDX-License-Identifier: MIT
 * img-pull: an image from a registry into the store.
 *
 * A registry is a web server with two kinds of documents below /v2/NAME/: manifests, by tag or
 * digest, and blobs, by digest. A manifest lists a config and layers; an index lists manifests, one
 * for each kind of machine. Since everything but the tag is named by its hash, it does not matter
 * who delivers it.
 *
 *	img-pull localhost:5000/alpine:3
 */
#include "base/err.h"
#include "door/tool.h"
#include "image/pull.h"
#include "image/transfer.h"

static struct {
	struct pull pull;
	const char *platform;
	struct transfer transfer;
} o = {
	.pull.registry = TRANSFER_REGISTRY_DEFAULTS,
	.transfer = TRANSFER_DEFAULTS,
};

static const struct opt options[] = {
	{0, "platform", "OS/ARCH", opt_str, &o.platform,
		"of an image for several machines, the one for this, such as linux/arm64", false},
	TRANSFER_OPTIONS(o.transfer, o.pull.registry),
	OPT_END,
};

static const struct tool me = {
	.name = "img-pull",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME",
	.summary = "Pulls an image from a registry and prints its digest.",
	.options = options,
	.example = "img-pull localhost:5000/example:1",
	.rights = RIGHTS_OWNERS,
};

static void
finish(const struct ref *ref, const struct pulled *got)
{
	auto_buf struct buf name = BUF_INIT;
	ref_familiar(ref, &name);
	if (got->warning[0])
		tool_warn("%s", got->warning);
	if (!got->digest[0])
		return;
	if (!o.transfer.json) {
		/* What the result is written under stays as it is. */
		progress_free(o.pull.progress);
		o.pull.progress = NULL;
		tool_result("%s", got->digest);
		return;
	}
	progress_say(o.pull.progress, NULL, true, "Digest: %s", got->digest);
	progress_say(o.pull.progress, NULL, true, "Status: %s for %s",
		got->news ? "Downloaded newer image" : "Image is up to date", name.s);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct platform platform;
	struct ref ref;
	struct pulled got;
	auto_store struct store *s = NULL;
	if (a.n != 1)
		tool_usage("one NAME is needed");
	transfer_check(&o.transfer, &o.pull.registry);
	if (ref_parse_name(a.operand[0], &ref) < 0 ||
		(o.platform && platform_parse(o.platform, &platform) < 0))
		tool_usage_err();
	o.pull.platform = o.platform ? &platform : NULL;
	o.pull.side_by_side = (unsigned)o.transfer.jobs;
	o.pull.progress = transfer_start(&o.transfer, &o.pull.registry);
	s = store_open();
	int r = s && store_prepare(s) == 0 ? image_pull(s, &ref, &o.pull, &got) : -1;
	creds_free(&o.transfer.creds);
	if (r == 0)
		finish(&ref, &got);
	progress_free(o.pull.progress);
	if (r < 0)
		tool_die();
	return tool_finish();
}
