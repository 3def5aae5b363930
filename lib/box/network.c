/* SPDX-License-Identifier: MIT */
#include "box/network.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/box.h"
#include "box/event.h"
#include "door/rootless.h"
#include "door/state.h"
#include "door/sys.h"
#include "image/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const predefined[][2] = {
	{"bridge", "bridge"}, {"host", "host"}, {"none", "null"}};

static int
place(char path[PATH_MAX])
{
	return state_root_path(path, "nets");
}

int
network_hold(bool exclusive, int *fd)
{
	char path[PATH_MAX];
	if (place(path) < 0 || sys_keep_dir("the place of networks", path, 0700) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, PATH_MAX - n, "/.lock");
	return sys_lock(
		exclusive ? "nobody else changes networks meanwhile" : "no network goes meanwhile",
		path, exclusive, fd);
}

int
network_lock(bool exclusive, int *fd)
{
	return rootless_net() < 0 ? -1 : network_hold(exclusive, fd);
}

void
network_free(struct network *n)
{
	json_decref(n->doc);
	n->doc = NULL;
}

const char *
network_of_mode(const char *mode)
{
	if (!*mode || strcmp(mode, "default") == 0)
		return "bridge";
	return strcmp(mode, "none") == 0 || strcmp(mode, "host") == 0 ||
			strncmp(mode, "container:", 10) == 0
		? NULL
		: mode;
}

const char *
network_gateway(const struct network *n)
{
	json_t *c;
	size_t i;
	json_array_foreach(box_value(n->doc, "IPAM.Config"), i, c)
	{
		const char *gateway = box_text(c, "Gateway");
		if (*gateway && !strchr(gateway, ':'))
			return gateway;
	}
	return "";
}

/* ---- reading ---- */

/* The three have an id that is always the same. */
static void
fill_predefined(size_t i, struct network *n)
{
	char digest[DIGEST_SIZE];
	const char *name = predefined[i][0];
	*n = (struct network){0};
	snprintf(n->name, sizeof(n->name), "%s", name);
	sha256_of(name, strlen(name), digest);
	snprintf(n->id, sizeof(n->id), "%s", strchr(digest, ':') + 1);
	if (i == 0)
		snprintf(n->bridge, sizeof(n->bridge), "%s", box_bridge());
	n->doc = json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:b,s:{s:s,s:n,s:[]},s:b,s:b,s:b,s:{s:s},s:b,s:{},s:{}}",
		"Name", name, "Id", n->id, "Created", "0001-01-01T00:00:00Z", "Scope", "local",
		"Driver", predefined[i][1], "EnableIPv6", 0, "IPAM", "Driver", "default", "Options",
		"Config", "Internal", 0, "Attachable", 0, "Ingress", 0, "ConfigFrom", "Network", "",
		"ConfigOnly", 0, "Options", "Labels");
}

const char *
network_option(const json_t *options, const char *key)
{
	return json_text(options, key);
}

static int
read_own(const char *name, struct network *n)
{
	char path[PATH_MAX];
	if (place(path) < 0)
		return -1;
	size_t len = strlen(path);
	if (snprintf(path + len, PATH_MAX - len, "/%s.json", name) >= (int)(PATH_MAX - len))
		return err_set(ERR_NOT_FOUND, name, "network %s not found", name);
	*n = (struct network){.own = true, .doc = json_read(path, JSON_SIZE_MAX)};
	if (!n->doc)
		return -1;
	n->internal = box_flag(n->doc, "Internal");
	snprintf(n->name, sizeof(n->name), "%s", box_text(n->doc, "Name"));
	snprintf(n->id, sizeof(n->id), "%s", box_text(n->doc, "Id"));
	snprintf(n->bridge, sizeof(n->bridge), "%s",
		network_option(json_object_get(n->doc, "Options"), NETWORK_NAME));
	if (!n->bridge[0])
		snprintf(n->bridge, sizeof(n->bridge), "br-%.12s", n->id);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
network_each(int (*each)(const struct network *n, void *arg), void *arg)
{
	char path[PATH_MAX];
	struct strlist names = {0};
	struct network n;
	struct dirent *e;
	int r = 0;
	if (place(path) < 0)
		return -1;
	for (size_t i = 0; i < 3 && r == 0; i++) {
		fill_predefined(i, &n);
		r = each(&n, arg);
		network_free(&n);
	}
	auto_dir DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		const char *end = strstr(e->d_name, ".json");
		if (e->d_name[0] != '.' && end && !end[5])
			strlist_add(&names, fmt_new("%.*s", (int)(end - e->d_name), e->d_name));
	}
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_text);
	for (size_t i = 0; i < names.n; i++) {
		if (r == 0 && read_own(names.v[i], &n) == 0) {
			r = each(&n, arg);
			network_free(&n);
		} else if (r == 0) {
			err_clear(); /* one that is being removed */
		}
		free((char *)(uintptr_t)names.v[i]);
	}
	free(names.v);
	return r;
}

struct search {
	const char *text;
	struct network *out;
	int n;
};

static int
matches(const struct network *n, void *arg)
{
	struct search *s = arg;
	if (strncmp(n->id, s->text, strlen(s->text)) == 0 && s->n++ == 0) {
		*s->out = *n;
		json_incref(s->out->doc);
	}
	return 0;
}

int
network_find(const char *text, struct network *n)
{
	for (size_t i = 0; i < 3; i++)
		if (strcmp(text, predefined[i][0]) == 0) {
			fill_predefined(i, n);
			return 0;
		}
	if (parse_name("network name", text, 200) == 0 && read_own(text, n) == 0)
		return 0;
	struct search s = {text, n, 0};
	*n = (struct network){0};
	if (*text && network_each(matches, &s) < 0)
		return -1;
	err_clear();
	if (s.n == 1)
		return 0;
	network_free(n);
	return s.n ? err_set(ERR_CONFLICT, text, "several networks have an id that begins with %s",
			     text)
		   : err_set(ERR_NOT_FOUND, text, "network %s not found", text);
}

/* ---- what is connected ---- */

struct users {
	const struct network *n;
	json_t *ids;
	bool running;
};

static int
add_user(const struct box *b, void *arg)
{
	struct users *u = arg;
	struct box_state st;
	auto_json json_t *doc = NULL;
	const char *key = u->running ? "Networks" : "NetworkingConfig.EndpointsConfig";
	box_state(b, &st);
	if (u->running && st.status != BOX_RUNNING && st.status != BOX_PAUSED)
		return 0;
	doc = box_read_if(b, u->running ? "network.json" : "box.json");
	if (json_object_get(box_value(doc, key), u->n->name))
		json_array_append_new(u->ids, json_string(b->id));
	return 0;
}

json_t *
network_boxes(const struct network *n, bool running)
{
	struct users u = {n, json_array(), running};
	box_each(add_user, &u);
	return u.ids;
}

void
network_event(const struct network *n, const char *action, const char *box)
{
	auto_json json_t *attributes = json_pack("{s:s,s:s,s:s*}", "name", n->name, "type",
		box_text(n->doc, "Driver"), "container", box);
	event_note("network", action, n->id, attributes);
}
