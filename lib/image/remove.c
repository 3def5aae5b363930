/* SPDX-License-Identifier: MIT */
#include "image/remove.h"

#include "base/auto.h"
#include "base/err.h"
#include "image/boxes.h"
#include "image/image.h"
#include "image/index.h"
#include "image/names.h"
#include "image/ref.h"

#include <stdlib.h>
#include <string.h>

struct removing {
	const struct store *s;
	struct index ix;
	bool force;
	struct names gone; /* ids of images that lost an entry */
	struct buf *told;
};

/* The id of an entry's image; of one that cannot be read the manifest's digest, for that one must
 * be removable too. */
static void
id_of(const struct store *s, const struct index_entry *e, char id[DIGEST_SIZE])
{
	struct image img;
	struct err before = err;
	if (image_load(s, e, &img) == 0) {
		memcpy(id, img.id, DIGEST_SIZE);
		image_free(&img);
	} else {
		snprintf(id, DIGEST_SIZE, "%s", e->digest);
	}
	err = before;
}

static void
tell_name(struct removing *w, const struct index_entry *e)
{
	auto_buf struct buf full = BUF_INIT;
	struct ref r;
	struct err before = err;
	index_full_name(e, &full);
	if (!full.len)
		return;
	buf_adds(w->told, "Untagged: ");
	if (ref_parse_name(full.s, &r) == 0)
		ref_familiar(&r, w->told);
	else
		buf_add_visible(w->told, full.s);
	buf_addc(w->told, '\n');
	err = before;
}

static int
drop(struct removing *w, size_t i)
{
	struct index_entry e;
	char id[DIGEST_SIZE];
	if (index_at(&w->ix, i, &e) < 0)
		return -1;
	id_of(w->s, &e, id);
	tell_name(w, &e);
	names_add(&w->gone, id, strlen(id), NULL);
	index_drop(&w->ix, i);
	return 0;
}

/* Whether an entry is the image that the beginning of an id means; `id` gets its id. */
static bool
fits(const struct removing *w, const struct index_entry *e, const char *hex, char id[DIGEST_SIZE])
{
	id_of(w->s, e, id);
	size_t n = strlen(hex);
	return strncmp(digest_hex(id), hex, n) == 0 || strncmp(digest_hex(e->digest), hex, n) == 0;
}

/* All entries of the image with that id. */
static int
remove_id(struct removing *w, const char *text, const char *hex)
{
	char first[DIGEST_SIZE] = "", id[DIGEST_SIZE];
	struct index_entry e;
	size_t named = 0;
	for (size_t i = 0; *hex && i < index_len(&w->ix); i++) {
		if (index_at(&w->ix, i, &e) < 0)
			return -1;
		if (!fits(w, &e, hex, id))
			continue;
		if (*first && strcmp(first, id) != 0) {
			err_set(ERR_CONFLICT, text, "several images have an id that begins with %s",
				hex);
			return err_hint("give more of the id, or the name");
		}
		memcpy(first, id, sizeof(id));
		named += e.name != NULL;
	}
	if (!*first) {
		err_set(ERR_NOT_FOUND, text, "there is no image %s", text);
		return err_hint("img-ls lists the images that are here");
	}
	if (named > 1 && !w->force) {
		err_set(ERR_CONFLICT, text, "image %s has %zu names", text, named);
		return err_hint("remove them by name, or all of them by --force");
	}
	for (size_t i = index_len(&w->ix); i-- > 0;)
		if (index_at(&w->ix, i, &e) < 0 || (fits(w, &e, hex, id) && drop(w, i) < 0))
			return -1;
	return 0;
}

static int
remove_one(struct removing *w, const char *text)
{
	struct ref r;
	struct index_entry e;
	if (ref_parse(text, &r) < 0)
		return -1;
	for (size_t i = 0; i < index_len(&w->ix); i++) {
		if (index_at(&w->ix, i, &e) < 0)
			return -1;
		if (index_entry_is(&e, &r))
			return drop(w, i);
	}
	return remove_id(w, text, r.id);
}

/* A box needs its image, also when it does not run. */
static int
check_unused(const struct removing *w, const char *id)
{
	char box[DIGEST_HEX + 1];
	if (w->force || !boxes_find(w->s, id, box))
		return 0;
	err_set(ERR_CONFLICT, id, "cannot remove %s: box %.12s was made of it", id, box);
	return err_hint("remove the box first; with --force the image loses its name, and its "
			"layers stay until the box is gone");
}

/* Which images lost their last entry. */
static int
tell_deleted(struct removing *w)
{
	for (size_t g = 0; g < w->gone.n; g++) {
		const char *lost = names_at(&w->gone, g);
		bool left = false;
		for (size_t i = 0; i < index_len(&w->ix) && !left; i++) {
			struct index_entry e;
			char id[DIGEST_SIZE];
			if (index_at(&w->ix, i, &e) < 0)
				return -1;
			id_of(w->s, &e, id);
			left = strcmp(id, lost) == 0;
		}
		if (!left && check_unused(w, lost) < 0)
			return -1;
		if (!left)
			buf_addf(w->told, "Deleted: %s\n", lost);
	}
	return 0;
}

static int
remove_all(struct removing *w, struct store *s, char *const *what, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (remove_one(w, what[i]) < 0)
			return -1;
	if (tell_deleted(w) < 0)
		return -1;
	return index_save(s, "from this moment on it is not there", &w->ix);
}

int
images_remove(struct store *s, char *const *what, size_t n, bool force, struct buf *told)
{
	struct removing w = {.s = s, .force = force, .told = told};
	auto_fd int lock = -1;
	/* Where there is no store, none is made to find nothing in it. */
	if (store_exists(s) && store_lock_index(s, &lock) < 0)
		return -1;
	if (index_load(s, &w.ix) < 0)
		return -1;
	int r = remove_all(&w, s, what, n);
	index_free(&w.ix);
	names_free(&w.gone);
	return r;
}
