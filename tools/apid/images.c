/* SPDX-License-Identifier: MIT
 * What is to be seen of images.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "image/history.h"
#include "image/inspect.h"
#include "job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whoever takes away may be at it for long: nobody waits for that inside the door. */
int
hold(struct store *s)
{
	for (;;) {
		pthread_mutex_lock(&door);
		int r = store_hold_now(s);
		pthread_mutex_unlock(&door);
		if (r <= 0)
			return r;
		if (http_stopping())
			return err_set(ERR_CONFLICT, NULL, "the server is being ended");
		usleep(50000);
	}
}

int
no_such_image(const char *name)
{
	const char *last = strrchr(name, '/');
	if (err.class != ERR_NOT_FOUND)
		return -1;
	return err_set(ERR_NOT_FOUND, name, "No such image: %s%s", name,
		strpbrk(last ? last : name, ":@") ? "" : ":latest");
}

/* One item an image, with those of its names that pass. */
static json_t *
items(const struct store *s, const struct image_filter *f, const struct image_list *all)
{
	struct image_list passed = {calloc(all->n + 1, sizeof(*all->v)), 0};
	json_t *out = json_array();
	if (!passed.v)
		abort();
	for (size_t i = 0; i < all->n; i++)
		if (image_filter_passes(f, &all->v[i]))
			passed.v[passed.n++] = all->v[i];
	for (size_t i = 0; i < passed.n; i++) {
		size_t k = 0;
		while (k < i && strcmp(passed.v[k].id, passed.v[i].id) != 0)
			k++;
		if (k == i)
			json_array_append_new(out, image_item(s, &passed.v[i], &passed));
	}
	free(passed.v);
	return out;
}

static json_t *
list(const struct strlist *filters)
{
	struct image_filter f;
	struct image_list all = {0};
	auto_buf struct buf left_out = BUF_INIT;
	auto_store struct store *s = store_open();
	json_t *out = NULL;
	if (s && hold(s) == 0 && image_filter_ready(s, filters, &f) == 0 &&
		images_list(s, &all, &left_out) == 0)
		out = items(s, &f, &all);
	images_list_free(&all);
	return out;
}

int
images_list_all(struct request *r)
{
	struct strlist filters;
	const char *name = request_query(r, "filter");
	if (body_filters(r, &filters) < 0)
		return -1;
	/* As it was before there were filters. */
	if (name && *name)
		wordf(&filters, "reference=%s", name);
	json_t *out = list(&filters);
	words_free(&filters);
	return out ? reply_json(r, 200, out) : -1;
}

int
images_inspect(struct request *r)
{
	struct image_list all = {0};
	auto_buf struct buf left_out = BUF_INIT;
	auto_store struct store *s = store_open();
	auto_image struct image img = {0};
	if (!s || hold(s) < 0)
		return -1;
	if (image_find(s, r->part[0], &img) < 0)
		return no_such_image(r->part[0]);
	json_t *doc = images_list(s, &all, &left_out) == 0 ? image_inspect(s, &img, &all) : NULL;
	images_list_free(&all);
	/* Gone in 1.45; docker-compose 1.29 looks into it when it makes a container anew. */
	if (doc && r->version < 145)
		json_object_set(doc, "ContainerConfig", json_object_get(doc, "Config"));
	return doc ? reply_json(r, 200, doc) : -1;
}

/* The newest row is the image itself, with its id and names. */
static json_t *
history_item(const struct history_row *row, const char *id, json_t *tags)
{
	time_t made = 0;
	if (*row->created && parse_rfc3339(row->created, &made) < 0)
		err_clear();
	return json_pack("{s:s,s:I,s:s,s:O?,s:I,s:s}", "Id", id, "Created", (json_int_t)made,
		"CreatedBy", row->created_by, "Tags", tags, "Size",
		(json_int_t)(row->size < 0 ? 0 : row->size), "Comment", row->comment);
}

int
images_history(struct request *r)
{
	struct history h = {0};
	struct image_list all = {0};
	auto_buf struct buf left_out = BUF_INIT;
	auto_store struct store *s = store_open();
	auto_image struct image img = {0};
	json_t *out = NULL;
	if (!s || hold(s) < 0)
		return -1;
	if (image_find(s, r->part[0], &img) < 0)
		return no_such_image(r->part[0]);
	if (image_history(s, &img, &h) == 0 && images_list(s, &all, &left_out) == 0) {
		auto_json json_t *item = image_item(s, &img, &all);
		out = json_array();
		for (size_t i = h.n; i-- > 0;)
			json_array_append_new(out,
				i == h.n - 1 ? history_item(&h.v[i], img.id,
						       json_object_get(item, "RepoTags"))
					     : history_item(&h.v[i], "<missing>", NULL));
	}
	images_list_free(&all);
	history_free(&h);
	return out ? reply_json(r, 200, out) : -1;
}
