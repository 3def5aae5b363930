/* SPDX-License-Identifier: MIT
 * img-push: an image of the store goes to a registry.
 *
 * Everything but the tag is named by its hash, so the registry can be asked what it has already,
 *and gets only the rest. The manifest goes last: whoever finds it finds all that it names.
 *
 *	img-push localhost:5000/app:1
 *	img-push app localhost:5000/team/app:1
 */
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"
#include "image/push.h"

static struct {
	struct push push;
	int64_t jobs, creds_fd;
	bool quiet, json;
} o = {
	.push.registry = {.patience = INT64_C(15000000000), .retries = 3},
	.creds_fd = -1,
};

static const struct opt options[] = {
	{0, "creds-fd", "N", opt_int, &o.creds_fd,
		"read USER:PASSWORD from this descriptor (default: what `docker login` keeps)",
		false},
	{0, "realm", "HOST", opt_str, &o.push.registry.realm,
		"the registry's token server there may have the password", false},
	{0, "cacert", "FILE", opt_str, &o.push.registry.cacert,
		"certificates (PEM) to trust besides the system's", false},
	{0, "insecure", NULL, opt_flag, &o.push.registry.insecure,
		"take any certificate, and plain HTTP from other machines too", false},
	{0, "timeout", "TIME", opt_duration, &o.push.registry.patience,
		"how long to wait for the registry to answer (15s)", false},
	{0, "retries", "N", opt_int, &o.push.registry.retries,
		"how often to try again what broke (3)", false},
	{0, "chunk", "SIZE", opt_size, &o.push.chunk,
		"send layers in pieces of this size (default: each whole)", false},
	{'j', "jobs", "N", opt_int, &o.jobs,
		"layers at once (default: as many as processors, 2 to 4)", false},
	{'q', "quiet", NULL, opt_flag, &o.quiet, "show no progress", false},
	{0, "json", NULL, opt_flag, &o.json, "print the progress as JSON lines, in Docker's words",
		false},
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
};

static void
check_options(void)
{
	if (o.jobs > 64)
		tool_usage("--jobs: 64 are enough");
	if (o.push.registry.patience <= 0)
		tool_usage("--timeout: there is no such time");
	if (o.push.registry.retries > 100)
		tool_usage("--retries: 100 are enough");
}

/* Docker's last two objects: one for people, one for programs. */
static void
finish(const struct ref *to, const struct pushed *done)
{
	const char *tag = to->digest[0] ? to->digest : to->tag;
	auto_buf struct buf aux = BUF_INIT;
	if (!o.json) {
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
	struct creds creds = {0};
	struct pushed done;
	struct ref to;
	if (a.n < 1 || a.n > 2)
		tool_usage("one IMAGE is needed, and perhaps another NAME for it");
	check_options();
	if (ref_parse_name(a.operand[a.n - 1], &to) < 0)
		tool_usage_err();
	if (o.creds_fd >= 0) {
		if (creds_read_fd((int)o.creds_fd, &creds) < 0)
			tool_die();
		o.push.registry.creds = &creds;
	}
	o.push.side_by_side = (unsigned)o.jobs;
	o.push.progress = progress_new(o.quiet || tell_on(), o.json && !step_dry());
	o.push.registry.retrying = progress_retry;
	o.push.registry.self = o.push.progress;
	int r = push(a.operand[0], &to, &done);
	creds_free(&creds);
	if (r == 0)
		finish(&to, &done);
	progress_free(o.push.progress);
	if (r < 0)
		tool_die();
	return tool_finish();
}
