/* SPDX-License-Identifier: MIT */
#include "box/volume_list.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/show.h"

#include <stdlib.h>
#include <string.h>

static bool
has_label(const struct volume_item *item, const char *value)
{
	auto_free char *key = fmt_new("%.*s", (int)strcspn(value, "="), value);
	const char *sign = strchr(value, '=');
	const char *got =
		json_string_value(json_object_get(json_object_get(item->doc, "Labels"), key));
	return got && (!sign || strcmp(got, sign + 1) == 0);
}

static bool
is_true(const char *value)
{
	return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

/* 1, 0, or -1 for a filter that is none. */
static int
passes(const struct volume_item *item, const char *filter)
{
	const char *sign = strchr(filter, '=');
	size_t n = strcspn(filter, "=");
	const char *value = sign ? sign + 1 : "";
	if (sign && n == 4 && strncmp(filter, "name", n) == 0)
		return strstr(item->v.name, value) != NULL;
	if (sign && n == 5 && strncmp(filter, "label", n) == 0)
		return has_label(item, value);
	if (sign && n == 6 && strncmp(filter, "driver", n) == 0)
		return strcmp(value, "local") == 0;
	if (sign && n == 8 && strncmp(filter, "dangling", n) == 0)
		return is_true(value) == !item->users;
	return err_set(ERR_INVALID, filter, "Invalid filter '%.*s'", (int)n, filter);
}

struct search {
	const struct strlist *filters;
	struct volume_list *l;
};

static int
take(const struct volume *v, void *arg)
{
	const struct search *s = arg;
	struct volume_item item = {.v = *v, .doc = volume_read(v)};
	/* One that is being removed. */
	if (!item.doc) {
		err_clear();
		return 0;
	}
	auto_json json_t *users = volume_users(v);
	item.users = json_array_size(users);
	item.anonymous = volume_is_anonymous(v);
	int ok = 1;
	for (size_t i = 0; ok > 0 && i < s->filters->n; i++)
		ok = passes(&item, s->filters->v[i]);
	if (ok <= 0) {
		json_decref(item.doc);
		return ok;
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
	/* A filter that is none is so where there are no volumes, too. */
	const struct volume_item nobody = {.v = {.name = ""}};
	struct search s = {filters, l};
	for (size_t i = 0; i < filters->n; i++)
		if (passes(&nobody, filters->v[i]) < 0)
			return -1;
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
