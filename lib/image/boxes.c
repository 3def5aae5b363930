/* SPDX-License-Identifier: MIT */
#include "image/boxes.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"

#include <errno.h>
#include <string.h>

/* Calls one() with each box's id, the text of its box.json, and its image's id (NULL when the
 * document does not say it). Stops when one() says so. */
typedef bool box_fn(void *self, const char *box, const char *text, const char *image);

/* 1: go on; 0: stop; -1: cannot be read. */
static int
look_at(const char *dir, const char *box, box_fn *one, void *self)
{
	auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
	const char *image = NULL;
	path_join(&path, dir, box);
	buf_adds(&path, "/box.json");
	if (file_read(path.s, JSON_SIZE_MAX, &text) < 0)
		return err.no == ENOENT || err.no == ENOTDIR ? 1 : -1;
	auto_json json_t *doc = json_parse(path.s, buf_str(&text), text.len);
	const struct jat top = jat_top(path.s, doc);
	if (!doc || jat_get_str(&top, "ImageID", &image) < 0 || (image && !digest_ok(image)))
		return -1;
	return one(self, box, buf_str(&text), image);
}

static bool
each_box(const struct store *s, box_fn *one, void *self)
{
	auto_buf struct buf dir = BUF_INIT;
	struct err before = err;
	const struct dirent *e;
	bool all = true;
	path_join(&dir, store_layers(s), "../boxes");
	auto_dir DIR *d = opendir(dir.s);
	if (!d)
		return errno == ENOENT;
	while ((e = readdir(d))) {
		if (strlen(e->d_name) != DIGEST_HEX || !digest_is_hex(e->d_name))
			continue;
		int r = look_at(dir.s, e->d_name, one, self);
		all = all && r >= 0;
		if (r == 0)
			break;
	}
	err = before;
	return all;
}

struct gathered {
	struct names *ids, *layers;
};

static bool
gather(void *self, const char *box, const char *text, const char *image)
{
	const struct gathered *g = self;
	(void)box;
	if (image && g->ids)
		names_add(g->ids, image, strlen(image), NULL);
	for (const char *p = text; g->layers && *p;) {
		size_t hex = strspn(p, "0123456789abcdef");
		if (hex == DIGEST_HEX)
			names_add(g->layers, p, hex, NULL);
		p += hex ? hex : 1;
	}
	return true;
}

bool
boxes_images(const struct store *s, struct names *ids, struct names *layers)
{
	struct gathered g = {ids, layers};
	return each_box(s, gather, &g);
}

struct sought {
	const char *image;
	char *box;
};

static bool
is_sought(void *self, const char *box, const char *text, const char *image)
{
	struct sought *w = self;
	(void)text;
	if (!image || strcmp(image, w->image) != 0)
		return true;
	memcpy(w->box, box, DIGEST_HEX + 1);
	return false;
}

bool
boxes_find(const struct store *s, const char *image, char box[DIGEST_HEX + 1])
{
	struct sought w = {image, box};
	box[0] = '\0';
	each_box(s, is_sought, &w);
	return box[0] != '\0';
}
