/* SPDX-License-Identifier: MIT
 * img-pull: an image from a registry into the store.
 *
 * A registry is a web server with two kinds of documents below /v2/NAME/: manifests, by tag or
 *digest, and blobs, by digest. A manifest lists a config and layers; an index lists manifests, one
 *for each kind of machine. Since everything but the tag is named by its hash, it does not matter
 *who delivers it.
 *
 *	img-pull localhost:5000/alpine:3
 */
#include "base/err.h"
#include "base/human.h"
#include "door/tool.h"
#include "image/pull.h"

#include <stdio.h>
#include <unistd.h>

static struct {
	struct pull pull;
	const char *platform;
	int64_t jobs;
	bool quiet;
} o = {.pull.registry.patience = INT64_C(15000000000)};

static const struct opt options[] = {
	{0, "platform", "OS/ARCH", opt_str, &o.platform,
		"of an image for several machines, the one for this, such as linux/arm64", false},
	{0, "cacert", "FILE", opt_str, &o.pull.registry.cacert,
		"certificates (PEM) to trust besides the system's", false},
	{0, "insecure", NULL, opt_flag, &o.pull.registry.insecure,
		"take any certificate, and plain HTTP from other machines too", false},
	{0, "timeout", "TIME", opt_duration, &o.pull.registry.patience,
		"how long to wait for the registry to answer (15s)", false},
	{'j', "jobs", "N", opt_int, &o.jobs,
		"layers at once (default: as many as processors, 2 to 4)", false},
	{'q', "quiet", NULL, opt_flag, &o.quiet, "show no progress", false},
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

/* One line that is written over, on a terminal only. */
static void
show(void *self, const struct pull_progress *p)
{
	auto_buf struct buf line = BUF_INIT;
	bool *shown = self;
	buf_adds(&line, "\r\033[K");
	if (p->layers < p->layers_total) {
		buf_addf(&line, "%u of %u layers, ", p->layers, p->layers_total);
		human_size(p->bytes, &line);
		buf_adds(&line, " of ");
		human_size(p->bytes_total, &line);
	}
	*shown = p->layers < p->layers_total;
	if (write(STDERR_FILENO, line.s, line.len) < 0)
		return; /* nobody looks */
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct platform platform;
	struct ref ref;
	struct pulled got;
	bool shown = false;
	auto_store struct store *s = NULL;
	if (a.n != 1)
		tool_usage("one NAME is needed");
	if (o.jobs > 64 || o.pull.registry.patience <= 0)
		tool_usage(
			o.jobs > 64 ? "--jobs: 64 are enough" : "--timeout: there is no such time");
	if (ref_parse_name(a.operand[0], &ref) < 0 ||
		(o.platform && platform_parse(o.platform, &platform) < 0))
		tool_usage_err();
	o.pull.platform = o.platform ? &platform : NULL;
	o.pull.side_by_side = (unsigned)o.jobs;
	if (!o.quiet && isatty(STDERR_FILENO)) {
		o.pull.progress = show;
		o.pull.progress_self = &shown;
	}
	s = store_open();
	int r = s && store_prepare(s) == 0 ? image_pull(s, &ref, &o.pull, &got) : -1;
	if (shown)
		show(&shown, &(struct pull_progress){0});
	if (r < 0)
		tool_die();
	if (got.warning[0])
		tool_warn("%s", got.warning);
	if (got.digest[0])
		tool_result("%s", got.digest);
	return tool_finish();
}
