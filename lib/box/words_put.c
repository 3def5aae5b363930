/* SPDX-License-Identifier: MIT
 * Options whose values have a form of their own, as the docker command line takes them
 * (docs.docker.com, "docker container run").
 */
#include "base/auto.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/ports.h"
#include "box/words.h"

#include <stdlib.h>
#include <string.h>

/* The list, or with an object the map, at a place. */
static json_t *
collection(json_t *doc, const char *path, bool object)
{
	const char *key;
	json_t *at = box_place(doc, path, &key), *c = json_object_get(at, key);
	if (object ? !json_is_object(c) : !json_is_array(c))
		json_object_set_new(at, key, c = object ? json_object() : json_array());
	return c;
}

static int
append(json_t *list, json_t *item)
{
	return json_array_append_new(list, item) == 0 ? 0 : err_set(ERR_INVALID, NULL, "not UTF-8");
}

int
box_put_entrypoint(json_t *doc, const char *path, const char *value)
{
	return append(collection(doc, path, false), json_string(value));
}

int
box_put_env(json_t *doc, const char *path, const char *value)
{
	/* A name alone takes our value along, if there is one. */
	const char *ours = strchr(value, '=') ? NULL : getenv(value);
	if (!*value || *value == '=')
		return err_set(ERR_INVALID, value, "'%s' is not NAME=VALUE", value);
	if (!strchr(value, '=') && !ours)
		return 0;
	auto_free char *text = fmt_new(ours ? "%s=%s" : "%s", value, ours);
	return append(collection(doc, path, false), json_string(text));
}

/* Lines of a file, without those that are empty or begin with #. */
static int
each_line(json_t *doc, const char *path, const char *file, box_put_fn *put)
{
	auto_buf struct buf text = BUF_INIT;
	if (file_read(file, (size_t)1 << 20, &text) < 0)
		return -1;
	char *rest = text.s, *line;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		size_t n = strlen(line);
		if (n && line[n - 1] == '\r')
			line[n - 1] = '\0';
		if (*line && *line != '#' && put(doc, path, line) < 0)
			return err_prefix("%s", file);
	}
	return 0;
}

int
box_put_env_file(json_t *doc, const char *path, const char *value)
{
	return each_line(doc, path, value, box_put_env);
}

int
box_put_label(json_t *doc, const char *path, const char *value)
{
	auto_free char *name = fmt_new("%.*s", (int)strcspn(value, "="), value);
	const char *sign = strchr(value, '=');
	return json_object_set_new(
		       collection(doc, path, true), name, json_string(sign ? sign + 1 : "")) == 0
		? 0
		: err_set(ERR_INVALID, value, "a label is not UTF-8");
}

int
box_put_label_file(json_t *doc, const char *path, const char *value)
{
	return each_line(doc, path, value, box_put_label);
}

int
box_put_publish(json_t *doc, const char *path, const char *value)
{
	json_t *map = collection(doc, path, true), *exposed = collection(doc, "ExposedPorts", true);
	struct box_ports p;
	char key[16], host[16];
	if (box_ports_parse(value, &p) < 0)
		return -1;
	for (unsigned i = 0; i <= p.more; i++) {
		box_port_key(p.container + i, p.udp, key);
		json_t *list = json_object_get(map, key);
		if (!list)
			json_object_set_new(map, key, list = json_array());
		box_port_host(&p, i, host);
		json_array_append_new(
			list, json_pack("{s:s,s:s}", "HostIp", p.ip, "HostPort", host));
		json_object_set_new(exposed, key, json_object());
	}
	return 0;
}

int
box_put_expose(json_t *doc, const char *path, const char *value)
{
	json_t *map = collection(doc, path, true);
	struct box_ports p;
	char key[16];
	if (strchr(value, ':'))
		return err_set(ERR_INVALID, value, "'%s' is not a port, or PORT-LAST", value);
	if (box_ports_parse(value, &p) < 0)
		return -1;
	for (unsigned i = 0; i <= p.more; i++) {
		box_port_key(p.container + i, p.udp, key);
		json_object_set_new(map, key, json_object());
	}
	return 0;
}

int
box_put_volume(json_t *doc, const char *path, const char *value)
{
	if (strchr(value, ':'))
		return append(collection(doc, path, false), json_string(value));
	if (*value != '/')
		return err_set(ERR_INVALID, value, "'%s' is not an absolute path inside", value);
	return json_object_set_new(collection(doc, "Volumes", true), value, json_object());
}

/* One KEY=VALUE of --mount. */
static int
mount_word(json_t *m, const char *key, const char *value)
{
	static const char *const names[][2] = {{"type", "Type"}, {"source", "Source"},
		{"src", "Source"}, {"target", "Target"}, {"destination", "Target"},
		{"dst", "Target"}};
	bool yes = !value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
	int64_t n;
	for (size_t i = 0; value && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(key, names[i][0]) == 0)
			return json_object_set_new(m, names[i][1], json_string(value));
	if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0)
		return json_object_set_new(m, "ReadOnly", json_boolean(yes));
	const char *last;
	if (strcmp(key, "volume-nocopy") == 0)
		return json_object_set_new(
			box_place(m, "VolumeOptions.NoCopy", &last), "NoCopy", json_boolean(yes));
	if (value && strcmp(key, "bind-propagation") == 0)
		return json_object_set_new(box_place(m, "BindOptions.Propagation", &last),
			"Propagation", json_string(value));
	if (value && strcmp(key, "tmpfs-size") == 0 && parse_size(value, &n) == 0)
		return json_object_set_new(box_place(m, "TmpfsOptions.SizeBytes", &last),
			"SizeBytes", json_integer(n));
	if (value && strcmp(key, "tmpfs-mode") == 0)
		return json_object_set_new(box_place(m, "TmpfsOptions.Mode", &last), "Mode",
			json_integer(strtol(value, NULL, 8)));
	return err_set(ERR_INVALID, key, "'%s' is not a word of --mount", key);
}

int
box_put_mount(json_t *doc, const char *path, const char *value)
{
	auto_json json_t *m = json_pack("{s:s}", "Type", "volume");
	auto_free char *text = str_new(value);
	char *rest = text, *word;
	while ((word = strsep(&rest, ","))) {
		char *sign = strchr(word, '=');
		if (sign)
			*sign++ = '\0';
		if (mount_word(m, word, sign) < 0)
			return -1;
	}
	const char *target = json_string_value(json_object_get(m, "Target"));
	if (!target)
		return err_set(ERR_INVALID, value, "no target=DIR in '%s'", value);
	return json_array_append(collection(doc, path, false), m);
}

int
box_put_tmpfs(json_t *doc, const char *path, const char *value)
{
	const char *colon = strchr(value, ':');
	auto_free char *dst = fmt_new("%.*s", (int)strcspn(value, ":"), value);
	return json_object_set_new(
		collection(doc, path, true), dst, json_string(colon ? colon + 1 : ""));
}

int
box_put_device(json_t *doc, const char *path, const char *value)
{
	auto_free char *text = str_new(value);
	char *rest = text, *src = strsep(&rest, ":"), *dst = strsep(&rest, ":"), *how = rest;
	if (dst && !how && *dst != '/') {
		how = dst;
		dst = NULL;
	}
	how = how ? how : (char[]){"rwm"};
	if (*src != '/' || strspn(how, "rwm") != strlen(how))
		return err_set(ERR_INVALID, value, "'%s' is not SRC[:DST[:rwm]]", value);
	return append(collection(doc, path, false),
		json_pack("{s:s,s:s,s:s}", "PathOnHost", src, "PathInContainer", dst ? dst : src,
			"CgroupPermissions", how));
}

static int
limit(const char *text, int64_t *n)
{
	if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0)
		return (int)(*n = -1) + 1;
	return parse_int(text, 0, INT64_MAX, n);
}

int
box_put_ulimit(json_t *doc, const char *path, const char *value)
{
	auto_free char *text = str_new(value);
	char *rest = text, *name = strsep(&rest, "="), *soft = strsep(&rest, ":");
	int64_t low, high;
	if (!soft)
		return err_set(ERR_INVALID, value, "'%s' is not NAME=SOFT[:HARD]", value);
	if (limit(soft, &low) < 0 || limit(rest ? rest : soft, &high) < 0)
		return -1;
	return append(collection(doc, path, false),
		json_pack("{s:s,s:I,s:I}", "Name", name, "Soft", (json_int_t)low, "Hard",
			(json_int_t)high));
}

int
box_put_restart(json_t *doc, const char *path, const char *value)
{
	static const char *const policies[] = {"no", "on-failure", "always", "unless-stopped"};
	auto_free char *name = fmt_new("%.*s", (int)strcspn(value, ":"), value);
	const char *colon = strchr(value, ':'), *key;
	int64_t n = 0;
	size_t i = 0;
	while (i < 4 && strcmp(policies[i], name) != 0)
		i++;
	if (i == 4 || (colon && i != 1))
		return err_set(ERR_INVALID, value,
			"'%s' is not a policy (no, on-failure[:N], always, unless-stopped)", value);
	if (colon && parse_int(colon + 1, 0, INT32_MAX, &n) < 0)
		return -1;
	json_t *at = box_place(doc, path, &key);
	return json_object_set_new(
		at, key, json_pack("{s:s,s:I}", "Name", name, "MaximumRetryCount", (json_int_t)n));
}

int
box_put_health(json_t *doc, const char *path, const char *value)
{
	const char *key;
	json_t *at = box_place(doc, path, &key);
	return json_object_set_new(at, key, json_pack("[s,s]", "CMD-SHELL", value));
}

int
box_put_no_health(json_t *doc, const char *path, const char *value)
{
	const char *key;
	json_t *at = box_place(doc, path, &key);
	(void)value;
	return json_object_set_new(at, key, json_pack("[s]", "NONE"));
}

/* "/dev/sda:10m"; numbers of operations are numbers. */
int
box_put_rate(json_t *doc, const char *path, const char *value)
{
	const char *colon = strrchr(value, ':');
	int64_t n;
	if (!colon || colon == value)
		return err_set(ERR_INVALID, value, "'%s' is not DEVICE:RATE", value);
	auto_free char *device = fmt_new("%.*s", (int)(colon - value), value);
	if (parse_size(colon + 1, &n) < 0)
		return -1;
	return append(collection(doc, path, false),
		json_pack("{s:s,s:I}", "Path", device, "Rate", (json_int_t)n));
}

/* Its place in a network. */
static json_t *
endpoint_in(json_t *doc, const char *network)
{
	json_t *map = collection(doc, "NetworkingConfig.EndpointsConfig", true);
	json_t *e = json_object_get(map, network);
	if (!e)
		json_object_set_new(map, network, e = json_object());
	return e;
}

/* In the one that was named first. */
static json_t *
endpoint(json_t *doc)
{
	const char *mode = json_string_value(
		json_object_get(json_object_get(doc, "HostConfig"), "NetworkMode"));
	return endpoint_in(doc, mode ? mode : "default");
}

/* The first is the network of the box, others come to it. */
static int
add_network(json_t *doc, const char *path, const char *name)
{
	const char *key;
	json_t *at = box_place(doc, path, &key);
	if (!json_object_get(at, key))
		return json_object_set_new(at, key, json_string(name));
	return endpoint_in(doc, name) ? 0 : -1;
}

/* "name=back,alias=db,ip=10.1.0.9", the form for several networks. */
static int
long_network(json_t *doc, const char *path, const char *value)
{
	auto_free char *copy = str_new(value + strlen("name="));
	char *rest = copy, *word, *name = strsep(&rest, ",");
	if (add_network(doc, path, name) < 0)
		return -1;
	while ((word = strsep(&rest, ","))) {
		json_t *e = endpoint_in(doc, name);
		if (strncmp(word, "alias=", 6) == 0)
			append(collection(e, "Aliases", false), json_string(word + 6));
		else if (strncmp(word, "ip=", 3) == 0)
			json_object_set_new(collection(e, "IPAMConfig", true), "IPv4Address",
				json_string(word + 3));
		else
			return err_set(ERR_INVALID, value,
				"invalid network option: \"%s\": alias= and ip= are known", word);
	}
	return 0;
}

int
box_put_network(json_t *doc, const char *path, const char *value)
{
	return strncmp(value, "name=", 5) == 0 ? long_network(doc, path, value)
					       : add_network(doc, path, value);
}

int
box_put_endpoint(json_t *doc, const char *path, const char *value)
{
	const char *key;
	json_t *at = box_place(endpoint(doc), path, &key);
	return json_object_set_new(at, key, json_string(value));
}

int
box_put_endpoint_list(json_t *doc, const char *path, const char *value)
{
	return append(collection(endpoint(doc), path, false), json_string(value));
}
