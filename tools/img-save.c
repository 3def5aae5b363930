/* SPDX-License-Identifier: MIT
 * img-save: images out of the store, as one archive.
 *
 * The archive is a tar of what the store holds of the images: index.json, the manifests and configs
 * it leads to, the layers; and manifest.json, by which docker finds the same blobs. Every blob is
 * named by its hash, so whoever loads it can tell whether it is whole.
 *
 *	img-save alpine | ssh elsewhere img-load
 */
#include "base/err.h"
#include "door/output.h"
#include "door/tool.h"
#include "image/save.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *output, *format;
} o;

static const struct opt options[] = {
	{'o', "output", "FILE", opt_str, &o.output,
		"write to FILE, which is there only when it is whole, not to standard output",
		false},
	{0, "format", "FORM", opt_str, &o.format,
		"docker (default: an OCI layout with manifest.json), docker-old (manifest.json, plain layers), or oci (no manifest.json)",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-save",
	.kind = TOOL_FILTER,
	.usage = "[OPTION]... IMAGE... > FILE",
	.summary = "Writes images as an archive that img-load, docker, podman and skopeo read.",
	.options = options,
	.example = "img-save example > example.tar",
	.rights = RIGHTS_OWNERS,
};

static enum save_form
form_of(const char *word)
{
	static const char *const words[] = {
		[SAVE_DOCKER] = "docker", [SAVE_DOCKER_OLD] = "docker-old", [SAVE_OCI] = "oci"};
	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return (enum save_form)i;
	if (word)
		tool_usage("--format: '%s' is none of docker, docker-old, oci", word);
	return SAVE_DOCKER;
}

/* All images before the first byte: half an archive helps nobody. */
static int
find_all(const struct store *s, const struct args *a, struct save_image *images)
{
	for (int i = 0; i < a->n; i++) {
		struct save_image *one = &images[i];
		if (image_find(s, a->operand[i], &one->img) < 0)
			return -1;
		/* Found by an id, it is saved without a name, as docker does. */
		if (image_means_name(a->operand[i], &one->img))
			one->name = one->img.name;
	}
	return 0;
}

static int
save_to_file(const struct store *s, const struct save_image *images, size_t n, enum save_form form)
{
	auto_output struct output out = OUTPUT_INIT;
	if (output_open(&out, o.output, 0644) < 0)
		return -1;
	struct stream_fd to = {.fd = out.fd, .shown = out.path};
	return images_save(s, images, n, form, &to) < 0 ? -1 : output_done(&out);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct stream_fd to = {.fd = STDOUT_FILENO, .shown = "standard output"};
	auto_store struct store *s = store_open();
	enum save_form form = form_of(o.format);
	if (a.n == 0)
		tool_usage("which IMAGE?");
	struct save_image *images = calloc((size_t)a.n, sizeof(*images));
	if (!images)
		abort();
	if (!o.output && isatty(STDOUT_FILENO))
		tool_usage("standard output is a terminal: give --output FILE, or a pipe");
	if (!s || store_hold(s) < 0 || find_all(s, &a, images) < 0)
		tool_die();
	if ((o.output ? save_to_file(s, images, (size_t)a.n, form)
		      : images_save(s, images, (size_t)a.n, form, &to)) < 0)
		tool_die();
	for (int i = 0; i < a.n; i++)
		image_free(&images[i].img);
	free(images);
	return tool_finish();
}
