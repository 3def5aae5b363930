/* SPDX-License-Identifier: MIT */
#include "box/filter.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/filter.h"
#include "base/parse.h"
#include "box/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef bool fits_fn(const char *value, const struct box_look *l);

static bool
by_id(const char *value, const struct box_look *l)
{
	return strncmp(l->b.id, value, strlen(value)) == 0;
}

static bool
by_name(const char *value, const struct box_look *l)
{
	return filter_name(box_text(l->doc, "Name"), value);
}

static bool
by_label(const char *value, const struct box_look *l)
{
	return filter_label(box_value(l->doc, "Config.Labels"), value);
}

static bool
by_status(const char *value, const struct box_look *l)
{
	return strcmp(value, box_status_word(l->st.status)) == 0;
}

static bool
by_health(const char *value, const struct box_look *l)
{
	return strcmp(value, show_health(l)) == 0;
}

static bool
by_image(const char *value, const struct box_look *l)
{
	const char *name = box_text(l->doc, "Config.Image"), *id = box_text(l->doc, "ImageID");
	size_t n = strlen(value);
	return strcmp(name, value) == 0 || strncmp(id, value, n) == 0 ||
		strncmp(strchr(id, ':') ? strchr(id, ':') + 1 : id, value, n) == 0 ||
		(strncmp(name, value, n) == 0 && name[n] == ':');
}

static bool
by_volume(const char *value, const struct box_look *l)
{
	json_t *m;
	size_t i;
	json_array_foreach(
		box_value(l->doc, "Mounts"), i, m) if (strcmp(box_text(m, "Name"), value) == 0 ||
		strcmp(box_text(m, "Destination"), value) == 0 ||
		strcmp(box_text(m, "Source"), value) == 0) return true;
	return false;
}

static bool
by_network(const char *value, const struct box_look *l)
{
	const char *mode = box_text(l->doc, "HostConfig.NetworkMode");
	/* The network of its mode is one it may have been disconnected from; host and none are not.
	 */
	return json_object_get(box_value(l->doc, "NetworkingConfig.EndpointsConfig"), value) ||
		(!network_of_mode(mode) && strcmp(value, mode) == 0);
}

static bool
by_exit(const char *value, const struct box_look *l)
{
	int64_t n;
	if (parse_int(value, 0, 255, &n) == 0)
		return l->st.status == BOX_EXITED && l->st.exit == n;
	err_clear();
	return false;
}

static bool
has_port(const json_t *map, const char *value)
{
	auto_free char *key = strchr(value, '/') ? str_new(value) : fmt_new("%s/tcp", value);
	return json_object_get(map, key) != NULL;
}

static bool
by_publish(const char *value, const struct box_look *l)
{
	return has_port(box_value(l->doc, "HostConfig.PortBindings"), value);
}

static bool
by_expose(const char *value, const struct box_look *l)
{
	return has_port(box_value(l->doc, "Config.ExposedPorts"), value);
}

static int
order(const char *value, const struct box_look *l)
{
	struct box other;
	if (box_find(value, &other) < 0) {
		err_clear();
		return 0;
	}
	auto_json json_t *doc = box_read_if(&other, "box.json");
	return strcmp(box_text(l->doc, "Created"), box_text(doc, "Created"));
}

static bool
by_before(const char *value, const struct box_look *l)
{
	return order(value, l) < 0;
}

static bool
by_since(const char *value, const struct box_look *l)
{
	return order(value, l) > 0;
}

static const struct {
	const char *key;
	fits_fn *fits;
} known[] = {{"id", by_id}, {"name", by_name}, {"label", by_label}, {"status", by_status},
	{"health", by_health}, {"ancestor", by_image}, {"volume", by_volume},
	{"network", by_network}, {"exited", by_exit}, {"publish", by_publish},
	{"expose", by_expose}, {"before", by_before}, {"since", by_since}};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))

/* dockerd has two states more, which no box is ever seen in. */
static int
check_status(const char *value)
{
	for (int s = BOX_CREATED; s <= BOX_EXITED; s++)
		if (strcmp(value, box_status_word((enum box_status)s)) == 0)
			return 0;
	if (strcmp(value, "removing") == 0 || strcmp(value, "dead") == 0)
		return 0;
	return err_set(ERR_INVALID, value, "Invalid filter 'status=%s'", value);
}

int
box_filter_check(const struct strlist *filters)
{
	const char *keys[N_KNOWN + 1] = {NULL};
	for (size_t i = 0; i < N_KNOWN; i++)
		keys[i] = known[i].key;
	if (filter_check(filters, keys) < 0)
		return -1;
	for (size_t i = 0; i < filters->n; i++)
		if (strncmp(filters->v[i], "status=", 7) == 0 &&
			check_status(filters->v[i] + 7) < 0)
			return -1;
	return 0;
}

static bool
fits(const void *thing, const char *key, const char *value)
{
	size_t i = 0;
	while (strcmp(known[i].key, key) != 0)
		i++;
	return known[i].fits(value, thing);
}

bool
box_filter_passes(const struct strlist *filters, const struct box_look *l)
{
	return filter_passes(filters, fits, l);
}
