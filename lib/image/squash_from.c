/* SPDX-License-Identifier: MIT
 * Squashing: which image, and which of its layers stay.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "image/ref.h"
#include "image/sha256.h"
#include "image/squash_in.h"

#include <stdlib.h>
#include <string.h>

/* Longer numbers are the beginning of an id; no image has as many layers. */
#define INDEX_DIGITS 3
#define ID_MIN 4

static bool
begins(const char *id, const char *hex)
{
	return id[0] && strncmp(digest_hex(id), hex, strlen(hex)) == 0;
}

/* "HEX/layer.tar", "HEX.tar", "blobs/sha256/HEX": what docker's old form and others call a layer.
 */
static bool
member_begins(const char *name, const char *hex)
{
	const char *slash = strrchr(name, '/');
	if (slash && strcmp(slash, "/layer.tar") == 0)
		while (slash > name && slash[-1] != '/')
			slash--;
	else
		slash = slash ? slash + 1 : name;
	return strncmp(slash, hex, strlen(hex)) == 0;
}

/* Of another image in the archive that this one is built upon: its number of layers. */
static int
layers_of(const struct squash_archive *a, const struct archive_image *base, size_t *n)
{
	const struct archive_image *of = &a->images.v[a->chosen];
	*n = base->n_layers;
	for (size_t i = 0; i < base->n_layers; i++)
		if (i >= of->n_layers || strcmp(base->layers[i], of->layers[i]) != 0)
			return err_set(ERR_INVALID, base->config,
				"--from: the image is not built upon that one");
	return 0;
}

static bool
image_is(const struct squash_archive *a, const struct archive_image *img, const char *text)
{
	auto_buf struct buf config = BUF_INIT;
	char id[DIGEST_SIZE];
	struct ref want, has;
	struct err before = err;
	const char *hex = strncmp(text, DIGEST_PREFIX, DIGEST_PREFIX_LEN) == 0
		? text + DIGEST_PREFIX_LEN
		: text;
	if (ref_parse_name(text, &want) == 0)
		for (size_t i = 0; i < img->n_tags; i++)
			if (ref_parse_name(img->tags[i], &has) == 0 &&
				strcmp(want.host, has.host) == 0 &&
				strcmp(want.path, has.path) == 0 && strcmp(want.tag, has.tag) == 0)
				return true;
	bool is_id = digest_is_hex(hex) && strlen(hex) >= ID_MIN &&
		squash_text(a, "config", img->config, &config) == 0;
	err = before;
	if (!is_id)
		return false;
	sha256_of(buf_str(&config), config.len, id);
	return begins(id, hex);
}

static int
no_layer(const struct squash_archive *a, const char *from)
{
	err_set(ERR_NOT_FOUND, from, "there is no layer %s: the image has %zu", from, a->img.n);
	return err_hint("--from takes a number (0: nothing stays), the id of a layer, or an image "
			"in the archive");
}

static int
find_id(struct squash_archive *a, const char *from)
{
	const char *hex = strncmp(from, DIGEST_PREFIX, DIGEST_PREFIX_LEN) == 0
		? from + DIGEST_PREFIX_LEN
		: from;
	size_t found = 0;
	if (!digest_is_hex(hex) || strlen(hex) < ID_MIN)
		return no_layer(a, from);
	for (size_t i = 1; i <= a->img.n; i++) {
		const struct image_layer *l = &a->img.layers[i - 1];
		if (!begins(l->diff_id, hex) && !begins(l->chain, hex) &&
			!member_begins(a->images.v[a->chosen].layers[i - 1], hex))
			continue;
		if (found)
			return err_set(ERR_CONFLICT, from,
				"%s may be layer %zu or layer %zu: say the number", from, found, i);
		found = i;
	}
	/* The id of the image itself: everything stays. */
	if (!found && begins(a->img.id, hex))
		found = a->img.n;
	if (!found)
		return no_layer(a, from);
	a->keep = found;
	return 0;
}

static int
find_from(struct squash_archive *a, const char *from)
{
	int64_t n = 1;
	size_t layers;
	if (from && is_digits(from) && strlen(from) <= INDEX_DIGITS) {
		if (parse_int(from, 0, 999, &n) < 0 || (size_t)n > a->img.n)
			return no_layer(a, from);
		a->keep = (size_t)n;
		return 0;
	}
	if (!from) {
		a->keep = 1;
		return 0;
	}
	for (size_t i = 0; i < a->images.n; i++)
		if (i != a->chosen && image_is(a, &a->images.v[i], from)) {
			if (layers_of(a, &a->images.v[i], &layers) < 0)
				return -1;
			a->keep = layers;
			return 0;
		}
	return find_id(a, from);
}

/* Of several images, the one that is not named as what stays. */
static int
choose_image(struct squash_archive *a, const char *from)
{
	size_t others = 0;
	for (size_t i = 0; i < a->images.n; i++)
		if (a->images.n == 1 || !from || !image_is(a, &a->images.v[i], from)) {
			a->chosen = i;
			others++;
		}
	if (others == 1)
		return 0;
	err_set(ERR_INVALID, a->shown, "%s holds %zu images: which one is meant?", a->shown,
		a->images.n);
	return err_hint("save one image; or two, of which --from names the one below");
}

int
squash_choose(struct squash_archive *a, const char *from)
{
	if (choose_image(a, from) < 0 || squash_open_image(a) < 0)
		return -1;
	if (a->img.n == 0)
		return err_set(ERR_INVALID, a->shown, "nothing to squash: the image has no layer");
	if (a->img.n == 1)
		return err_set(
			ERR_INVALID, a->shown, "nothing to squash: the image has a single layer");
	if (find_from(a, from) < 0)
		return -1;
	if (a->keep >= a->img.n)
		return err_set(ERR_INVALID, a->shown, "nothing to squash: layer %zu is the topmost",
			a->keep);
	if (a->keep + 1 < a->img.n)
		return 0;
	err_set(ERR_INVALID, a->shown, "nothing to squash: above layer %zu there is only one",
		a->keep);
	return err_hint(a->keep == 1 ? "--from 0 makes one layer of all" : "choose a lower one");
}
