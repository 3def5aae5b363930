/* SPDX-License-Identifier: MIT */
#include "box/merge.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/human.h"
#include "base/parse.h"
#include "box/layer.h"
#include "box/limits.h"
#include "box/network.h"
#include "box/ports.h"
#include "box/shape.h"
#include "box/userns.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool
empty(const json_t *list)
{
	return !json_is_array(list) || json_array_size(list) == 0;
}

static bool
has_variable(const json_t *list, const char *pair)
{
	size_t n = strcspn(pair, "="), i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		const char *s = json_string_value(item);
		if (strncmp(s, pair, n) == 0 && (s[n] == '=' || !s[n]))
			return true;
	}
	return false;
}

static void
merge_command(json_t *c, const json_t *image)
{
	json_t *entry = json_object_get(c, "Entrypoint");
	if (empty(entry)) {
		if (empty(json_object_get(c, "Cmd")))
			json_object_set(c, "Cmd", json_object_get(image, "Cmd"));
		if (!json_is_array(entry))
			json_object_set(c, "Entrypoint", json_object_get(image, "Entrypoint"));
	}
	/* --entrypoint "" takes the image's away. */
	entry = json_object_get(c, "Entrypoint");
	if (json_array_size(entry) == 1 && !*json_string_value(json_array_get(entry, 0)))
		json_object_set_new(c, "Entrypoint", json_null());
}

static void
merge_health(json_t *c, const json_t *image)
{
	json_t *ours = json_object_get(c, "Healthcheck"), *theirs, *value;
	const char *key;
	theirs = json_object_get(image, "Healthcheck");
	if (!json_is_object(theirs))
		return;
	if (!json_is_object(ours)) {
		json_object_set(c, "Healthcheck", theirs);
		return;
	}
	json_object_foreach(theirs, key, value)
	{
		json_t *own = json_object_get(ours, key);
		if (json_is_integer(own) ? json_integer_value(own) == 0 : empty(own))
			json_object_set(ours, key, value);
	}
}

/* The image speaks where the request is silent. */
static void
merge_image(json_t *c, const json_t *image)
{
	static const char *const texts[] = {"User", "WorkingDir"};
	static const char *const maps[] = {"Labels", "ExposedPorts", "Volumes"};
	json_t *env = json_object_get(c, "Env"), *item;
	size_t i;
	for (i = 0; i < 2; i++)
		if (!*json_string_value(json_object_get(c, texts[i])))
			json_object_set(c, texts[i], json_object_get(image, texts[i]));
	for (i = 0; i < 3; i++)
		json_object_update_missing(
			json_object_get(c, maps[i]), json_object_get(image, maps[i]));
	json_array_foreach(json_object_get(image, "Env"), i,
		item) if (!has_variable(env, json_string_value(item))) json_array_append(env, item);
	if (json_is_null(json_object_get(c, "StopSignal")))
		json_object_set(c, "StopSignal", json_object_get(image, "StopSignal"));
	json_object_set(c, "OnBuild", json_object_get(image, "OnBuild"));
	merge_command(c, image);
	merge_health(c, image);
}

static void
set_default(json_t *o, const char *key, const char *value)
{
	if (!*json_string_value(json_object_get(o, key)))
		json_object_set_new(o, key, json_string(value));
}

/* What dockerd writes where the client says nothing. */
static void
normalise(json_t *h)
{
	json_int_t memory = json_integer_value(json_object_get(h, "Memory"));
	set_default(h, "NetworkMode", "default");
	set_default(h, "IpcMode", "private");
	set_default(h, "CgroupnsMode", "private");
	set_default(h, "Runtime", "tacklebox");
	box_userns_default(h);
	set_default(json_object_get(h, "LogConfig"), "Type", "json-file");
	set_default(json_object_get(h, "RestartPolicy"), "Name", "no");
	if (memory > 0 && json_integer_value(json_object_get(h, "MemorySwap")) == 0)
		json_object_set_new(h, "MemorySwap", json_integer(2 * memory));
	if (json_integer_value(json_object_get(h, "ShmSize")) == 0)
		json_object_set_new(h, "ShmSize", json_integer(64 << 20));
	if (json_integer_value(json_object_get(h, "PidsLimit")) <= 0)
		json_object_set_new(h, "PidsLimit", json_null());
}

/* The name of the network that is meant, by whatever it is called. What is not there keeps its
 * name, and is an error at the start. */
static char *
network_key(const char *text)
{
	struct network n;
	if (network_find(text, &n) < 0) {
		err_clear();
		return str_new(text);
	}
	network_free(&n);
	return str_new(n.name);
}

/* EndpointsConfig is from now on all that says where it is to be connected, the network of
 * NetworkMode first. */
static json_t *
endpoints(const json_t *h, const json_t *asked)
{
	const char *first = network_of_mode(box_text(h, "NetworkMode")), *key;
	json_t *out = json_object(), *e;
	if (first) {
		auto_free char *name = network_key(first);
		json_object_set_new(out, name, json_object());
	}
	json_object_foreach(json_object_get(asked, "EndpointsConfig"), key, e)
	{
		const char *given = first ? network_of_mode(key) : NULL;
		if (!given)
			continue;
		auto_free char *name = network_key(given);
		json_object_set_new(out, name, json_is_object(e) ? json_incref(e) : json_object());
	}
	return json_pack("{s:o}", "EndpointsConfig", out);
}

static int
check_signal(const json_t *c)
{
	const char *s = json_string_value(json_object_get(c, "StopSignal"));
	return s && *s && box_signal(s) < 0 ? -1 : 0;
}

/* In the words of `docker run -p`; what they do not say, and "0", is any. */
static int
check_ports(const json_t *bindings)
{
	struct box_ports p;
	const char *key;
	json_t *list, *item;
	size_t i;
	json_object_foreach((json_t *)(uintptr_t)bindings, key, list)
	{
		if (box_ports_parse(key, &p) < 0)
			return -1;
		json_array_foreach(list, i, item)
		{
			const char *ip = box_text(item, "HostIp"),
				   *port = box_text(item, "HostPort");
			bool v6 = strchr(ip, ':') != NULL;
			auto_free char *text =
				fmt_new("%s%s%s%s%s:%s", v6 ? "[" : "", ip, v6 ? "]" : "",
					*ip ? ":" : "", strcmp(port, "0") == 0 ? "" : port, key);
			if (box_ports_parse(text, &p) < 0)
				return -1;
		}
	}
	return 0;
}

static bool
is_log_option(const char *name)
{
	static const char *const known[] = {"max-size", "max-file", "compress", "labels",
		"labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return strncmp(name, "cache-", 6) == 0;
}

/* dockerd looks at the names now and at the values when it starts the box, which never could then.
 */
static int
check_log(const json_t *log)
{
	const char *driver = box_text(log, "Type"), *name;
	const json_t *options = json_object_get(log, "Config");
	const char *size = json_string_value(json_object_get(options, "max-size")),
		   *files = json_string_value(json_object_get(options, "max-file"));
	json_t *value;
	int64_t n;
	if (strcmp(driver, "none") == 0)
		return 0;
	if (strcmp(driver, "json-file") != 0)
		return err_set(ERR_UNSUPPORTED, driver,
			"there is no log driver %s here: json-file or none", driver);
	json_object_foreach((json_t *)(uintptr_t)options, name, value)
	{
		if (!is_log_option(name))
			return err_set(ERR_INVALID, name,
				"unknown log opt '%s' for json-file log driver", name);
	}
	if (size && parse_size(size, &n) < 0)
		return err_set(ERR_INVALID, size, "max-size: invalid size: '%s'", size);
	if (size && n == 0)
		return err_set(ERR_INVALID, size, "max-size must be a positive number");
	if (files && parse_int(files, INT_MIN, INT_MAX, &n) < 0)
		return err_set(ERR_INVALID, files, "max-file: '%s' is no number", files);
	if (files && n < 1)
		return err_set(ERR_INVALID, files, "max-file cannot be less than 1");
	return 0;
}

static int
check(json_t *c, json_t *h)
{
	const char *policy =
		json_string_value(json_object_get(json_object_get(h, "RestartPolicy"), "Name"));
	const char *where = box_text(c, "WorkingDir");
	bool remove = json_is_true(json_object_get(h, "AutoRemove"));
	if (empty(json_object_get(c, "Cmd")) && empty(json_object_get(c, "Entrypoint")))
		return err_set(ERR_INVALID, NULL, "No command specified, and the image has none");
	if (*where && *where != '/')
		return err_set(ERR_INVALID, where,
			"the working directory '%s' is invalid, it needs to be an absolute path",
			where);
	if (check_log(json_object_get(h, "LogConfig")) < 0)
		return -1;
	if (remove && strcmp(policy, "no") != 0)
		return err_set(ERR_INVALID, policy,
			"a box that is removed when it ends cannot be restarted (--rm, --restart)");
	if (check_ports(json_object_get(h, "PortBindings")) < 0 || box_userns_check(h) < 0)
		return -1;
	return box_layer_check(h) < 0 || box_check_limits(h) < 0 ? -1 : check_signal(c);
}

static json_t *
layers_of(const struct image *img)
{
	json_t *list = json_array();
	for (size_t i = 0; i < img->n; i++)
		json_array_append_new(list, json_string(strchr(img->layers[i].chain, ':') + 1));
	return list;
}

json_t *
box_merge(json_t *request, const struct image *img, const struct box *b)
{
	char when[TIME_TEXT], host[16];
	const struct jat top = jat_top("create", request);
	json_t *config = json_object_get(img->config, "config");
	const struct jat image_at = jat_top(img->id, json_is_null(config) ? NULL : config);
	auto_json json_t *c = shape_fill(&top, shape_create());
	auto_json json_t *image = c ? shape_fill(&image_at, shape_image()) : NULL;
	if (!image)
		return NULL;
	auto_json json_t *h = json_incref(json_object_get(c, "HostConfig"));
	auto_json json_t *net = json_incref(json_object_get(c, "NetworkingConfig"));
	json_object_del(c, "HostConfig");
	json_object_del(c, "NetworkingConfig");
	merge_image(c, image);
	normalise(h);
	snprintf(host, sizeof(host), "%.12s", b->id);
	if (strcmp(json_string_value(json_object_get(h, "NetworkMode")), "host") != 0 &&
		strcmp(json_string_value(json_object_get(h, "UTSMode")), "host") != 0)
		set_default(c, "Hostname", host);
	if (check(c, h) < 0)
		return NULL;
	return json_pack("{s:s,s:s,s:s,s:s,s:o,s:O,s:O,s:o,s:[]}", "Id", b->id, "Created",
		time_rfc3339_ns(clock_ns(CLOCK_REALTIME), when), "Image", img->id, "ImageID",
		img->id, "Layers", layers_of(img), "Config", c, "HostConfig", h, "NetworkingConfig",
		endpoints(h, net), "Mounts");
}
