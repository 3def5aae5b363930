/* SPDX-License-Identifier: MIT */
#include "box/volume_list.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/filter.h"
#include "box/show.h"

#include <stdlib.h>
#include <string.h>

static bool
is_true(const char *value)
{
	return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static bool
fits(const void *thing, const char *key, const char *value)
{
	const struct volume_item *item = thing;
	if (strcmp(key, "name") == 0)
		return strstr(item->v.name, value) != NULL;
	if (strncmp(key, "label", 5) == 0)
		return filter_label(json_object_get(item->doc, "Labels"), value) == !key[5];
	if (strcmp(key, "driver") == 0)
		return strcmp(value, "local") == 0;
	return is_true(value) == !item->users;
}

struct search {
	const struct strlist *filters;
	const json_t *users; /* of all volumes */
	struct volume_list *l;
};

static int
take(const struct volume *v, void *arg)
{
	const struct search *s = arg;
	struct volume_item item = {.v = *v,
		.doc = volume_read(v),
		.users = json_array_size(json_object_get(s->users, v->name))};
	/* One that is being removed. */
	if (!item.doc) {
		err_clear();
		return 0;
	}
	item.anonymous = volume_is_anonymous(item.doc);
	if (!filter_passes(s->filters, fits, &item)) {
		json_decref(item.doc);
		return 0;
	}
	s->l->v = reallocarray(s->l->v, s->l->n + 1, sizeof(item));
	if (!s->l->v)
		abort();
	s->l->v[s->l->n++] = item;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct volume_item *x = a, *y = b;
	return strcmp(x->v.name, y->v.name);
}

int
volumes_list(const struct strlist *filters, struct volume_list *l)
{
	if (filter_check(filters,
		    (const char *const[]){"name", "label", "label!", "driver", "dangling", NULL}) <
		0)
		return -1;
	auto_json json_t *users = volumes_users();
	struct search s = {filters, users, l};
	if (volume_each(take, &s) < 0)
		return -1;
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	return 0;
}

void
volumes_free(struct volume_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_decref(l->v[i].doc);
	free(l->v);
	*l = (struct volume_list){0};
}

int64_t
volume_size(const struct volume *v)
{
	return tree_size(v->data);
}
