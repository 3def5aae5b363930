/* SPDX-License-Identifier: MIT */
#include "box/network_list.h"

#include "base/auto.h"
#include "base/filter.h"
#include "box/box.h"

#include <string.h>

static bool
is_true(const char *value)
{
	return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static bool
fits(const void *thing, const char *key, const char *value)
{
	const struct network *n = thing;
	if (strcmp(key, "name") == 0)
		return filter_name(n->name, value);
	if (strcmp(key, "id") == 0)
		return strstr(n->id, value) != NULL;
	if (strncmp(key, "label", 5) == 0)
		return filter_label(json_object_get(n->doc, "Labels"), value) == !key[5];
	if (strcmp(key, "driver") == 0)
		return strcmp(box_text(n->doc, "Driver"), value) == 0;
	if (strcmp(key, "scope") == 0)
		return strcmp(value, "local") == 0;
	if (strcmp(key, "type") == 0)
		return strcmp(value, n->own ? "custom" : "builtin") == 0;
	auto_json json_t *users = network_boxes(n, false);
	return is_true(value) == (n->own && json_array_size(users) == 0);
}

struct search {
	const struct strlist *filters;
	int (*each)(const struct network *n, void *arg);
	void *arg;
};

static int
look(const struct network *n, void *arg)
{
	const struct search *s = arg;
	return filter_passes(s->filters, fits, n) ? s->each(n, s->arg) : 0;
}

int
networks_list(
	const struct strlist *filters, int (*each)(const struct network *n, void *arg), void *arg)
{
	struct search s = {filters, each, arg};
	if (filter_check(filters,
		    (const char *const[]){"name", "id", "label", "label!", "driver", "scope",
			    "type", "dangling", NULL}) < 0)
		return -1;
	return network_each(look, &s);
}
