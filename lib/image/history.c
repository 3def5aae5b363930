/* SPDX-License-Identifier: MIT */
#include "image/history.h"

#include "base/err.h"

#include <stdlib.h>

static int64_t
size_of(const struct store *s, const struct image_layer *l)
{
	return store_has_layer(s, l->chain) ? store_layer_size(s, l->chain) : -1;
}

static int
read_row(const struct jat *item, struct history_row *row, bool *empty)
{
	*row = (struct history_row){.created = "", .created_by = "", .comment = ""};
	*empty = false;
	return jat_object(item) < 0 || jat_get_str(item, "created", &row->created) < 0 ||
			jat_get_str(item, "created_by", &row->created_by) < 0 ||
			jat_get_str(item, "comment", &row->comment) < 0 ||
			jat_get_bool(item, "empty_layer", empty) < 0
		? -1
		: 0;
}

static void
set_layer(const struct store *s, const struct image *img, size_t i, struct history_row *row)
{
	row->layer = &img->layers[i];
	row->size = size_of(s, row->layer);
}

int
image_history(const struct store *s, const struct image *img, struct history *h)
{
	const struct jat top = jat_top(img->id, img->config);
	struct jat list;
	size_t layer = 0;
	*h = (struct history){0};
	if (jat_get_array(&top, "history", &list) < 0)
		return -1;
	h->v = calloc(jat_len(&list) + img->n + 1, sizeof(*h->v));
	if (!h->v)
		abort();
	for (size_t i = 0; i < jat_len(&list); i++) {
		const struct jat item = jat_item(&list, i);
		struct history_row *row = &h->v[h->n++];
		bool empty;
		if (read_row(&item, row, &empty) < 0)
			return -1;
		if (!empty && layer == img->n)
			return jat_fail(&item, ERR_INVALID,
				"tells of a layer, and the image has only %zu", img->n);
		if (!empty)
			set_layer(s, img, layer++, row);
	}
	while (layer < img->n) {
		struct history_row *row = &h->v[h->n++];
		*row = (struct history_row){.created = "", .created_by = "", .comment = ""};
		set_layer(s, img, layer++, row);
	}
	return 0;
}

void
history_free(struct history *h)
{
	free(h->v);
	*h = (struct history){0};
}
