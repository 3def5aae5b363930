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
#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"
#include "image/pull.h"

static struct {
	struct pull pull;
	const char *platform;
	int64_t jobs, creds_fd;
	bool quiet, json;
} o = {
	.pull.registry = {.patience = INT64_C(15000000000), .retries = 3},
	.creds_fd = -1,
};

static const struct opt options[] = {
	{0, "platform", "OS/ARCH", opt_str, &o.platform,
		"of an image for several machines, the one for this, such as linux/arm64", false},
	{0, "creds-fd", "N", opt_int, &o.creds_fd,
		"read USER:PASSWORD from this descriptor (default: what `docker login` keeps)",
		false},
	{0, "realm", "HOST", opt_str, &o.pull.registry.realm,
		"the registry's token server there may have the password", false},
	{0, "cacert", "FILE", opt_str, &o.pull.registry.cacert,
		"certificates (PEM) to trust besides the system's", false},
	{0, "insecure", NULL, opt_flag, &o.pull.registry.insecure,
		"take any certificate, and plain HTTP from other machines too", false},
	{0, "timeout", "TIME", opt_duration, &o.pull.registry.patience,
		"how long to wait for the registry to answer (15s)", false},
	{0, "retries", "N", opt_int, &o.pull.registry.retries,
		"how often to try again what broke (3)", false},
	{'j', "jobs", "N", opt_int, &o.jobs,
		"layers at once (default: as many as processors, 2 to 4)", false},
	{'q', "quiet", NULL, opt_flag, &o.quiet, "show no progress", false},
	{0, "json", NULL, opt_flag, &o.json, "print the progress as JSON lines, in Docker's words",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-pull",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME",
	.summary = "Pulls an image from a registry and prints its digest.",
	.options = options,
	.example = "img-pull localhost:5000/example:1",
};

static void
check_options(void)
{
	if (o.jobs > 64)
		tool_usage("--jobs: 64 are enough");
	if (o.pull.registry.patience <= 0)
		tool_usage("--timeout: there is no such time");
	if (o.pull.registry.retries > 100)
		tool_usage("--retries: 100 are enough");
}

static void
finish(const struct ref *ref, const struct pulled *got)
{
	auto_buf struct buf name = BUF_INIT;
	ref_familiar(ref, &name);
	if (got->warning[0])
		tool_warn("%s", got->warning);
	if (!got->digest[0])
		return;
	if (!o.json) {
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
	struct creds creds = {0};
	struct ref ref;
	struct pulled got;
	auto_store struct store *s = NULL;
	if (a.n != 1)
		tool_usage("one NAME is needed");
	check_options();
	if (ref_parse_name(a.operand[0], &ref) < 0 ||
		(o.platform && platform_parse(o.platform, &platform) < 0))
		tool_usage_err();
	o.pull.platform = o.platform ? &platform : NULL;
	o.pull.side_by_side = (unsigned)o.jobs;
	if (o.creds_fd >= 0) {
		if (creds_read_fd((int)o.creds_fd, &creds) < 0)
			tool_die();
		o.pull.registry.creds = &creds;
	}
	o.pull.progress = progress_new(o.quiet || tell_on(), o.json && !step_dry());
	o.pull.registry.retrying = progress_retry;
	o.pull.registry.self = o.pull.progress;
	s = store_open();
	int r = s && store_prepare(s) == 0 ? image_pull(s, &ref, &o.pull, &got) : -1;
	creds_free(&creds);
	if (r == 0)
		finish(&ref, &got);
	progress_free(o.pull.progress);
	if (r < 0)
		tool_die();
	return tool_finish();
}
