/* SPDX-License-Identifier: MIT */
#include "box/show.h"

#include "base/auto.h"
#include "base/human.h"
#include "base/parse.h"
#include "box/layer.h"
#include "box/policy.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int
box_look(const struct box *b, struct box_look *l)
{
	*l = (struct box_look){.b = *b};
	box_state(b, &l->st);
	l->doc = box_read(b, "box.json");
	return l->doc ? 0 : -1;
}

const char *
show_health(const struct box_look *l)
{
	static const char *const words[] = {"healthy", "unhealthy"};
	if (!box_has_check(l->doc))
		return "none";
	auto_json json_t *health = box_read_if(&l->b, "health.json");
	for (size_t i = 0; i < 2; i++)
		if (strcmp(box_text(health, "Status"), words[i]) == 0)
			return words[i];
	return "starting";
}

void
show_status(const struct box_look *l, struct buf *out)
{
	auto_buf struct buf ago = BUF_INIT;
	time_t now = time(NULL);
	if (l->st.status == BOX_CREATED) {
		buf_adds(out, "Created");
	} else if (l->st.status == BOX_EXITED || l->st.status == BOX_RESTARTING) {
		buf_addf(out, l->st.status == BOX_EXITED ? "Exited (%d) " : "Restarting (%d) ",
			l->st.exit);
		human_ago((l->st.finished ? l->st.finished : l->st.started) / 1000000000, now, out);
	} else {
		human_ago(l->st.started / 1000000000, now, &ago);
		buf_addf(out, "Up %.*s%s", (int)(ago.len > 4 ? ago.len - 4 : ago.len), ago.s,
			l->st.status == BOX_PAUSED ? " (Paused)" : "");
		const char *health = l->st.status == BOX_RUNNING ? show_health(l) : "none";
		if (strcmp(health, "none") != 0)
			buf_addf(out, strcmp(health, "starting") == 0 ? " (health: %s)" : " (%s)",
				health);
	}
}

static void
add_words(const json_t *list, struct buf *out)
{
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		buf_adds(out, out->len ? " " : "");
		buf_add_sh(out, json_string_value(item));
	}
}

void
show_command(const struct box_look *l, struct buf *out)
{
	add_words(box_value(l->doc, "Config.Entrypoint"), out);
	add_words(box_value(l->doc, "Config.Cmd"), out);
}

const char *
show_image(const struct box_look *l)
{
	return box_text(l->doc, "Config.Image");
}

void
show_ports(const struct box_look *l, struct buf *out)
{
	auto_json json_t *net = l->st.status == BOX_RUNNING || l->st.status == BOX_PAUSED
		? box_read_if(&l->b, "network.json")
		: NULL;
	const char *key;
	json_t *list, *p;
	size_t i;
	json_object_foreach(box_value(net, "Ports"), key, list)
	{
		if (!json_array_size(list))
			buf_addf(out, "%s%s", out->len ? ", " : "", key);
		json_array_foreach(list, i, p)
		{
			const char *ip = box_text(p, "HostIp");
			buf_addf(out,
				strchr(ip, ':') && strcmp(ip, "::") != 0 ? "%s[%s]:%s->%s"
									 : "%s%s:%s->%s",
				out->len ? ", " : "", ip, box_text(p, "HostPort"), key);
		}
	}
}

/* ---- sizes ---- */

int64_t
tree_size(const char *path)
{
	char *const roots[] = {(char *)(uintptr_t)path, NULL};
	FTS *t = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	int64_t n = 0;
	for (FTSENT *e; t && (e = fts_read(t));)
		if (e->fts_info == FTS_F)
			n += e->fts_statp->st_size;
	if (t)
		fts_close(t);
	return n;
}

/* Of a layer that is mounted nowhere, by a mount that nobody sees. */
static int64_t
own_size(const struct box_look *l)
{
	char upper[PATH_MAX];
	auto_fd int fd = -1;
	struct err before = err;
	box_layer_path(&l->b, l->doc, "upper", upper);
	if (box_layer_is_hidden(&l->b, l->doc) && box_layer_open(&l->b, l->doc, &fd) == 0 &&
		fd >= 0)
		snprintf(upper, sizeof(upper), "/proc/self/fd/%d/upper", fd);
	err = before;
	return tree_size(upper);
}

void
box_sizes(const struct box_look *l, int64_t *own, int64_t *all)
{
	char places[PATH_MAX], path[PATH_MAX + 80];
	json_t *item;
	size_t i;
	*own = *all = own_size(l);
	if (box_places(false, places) < 0)
		return;
	json_array_foreach(box_value(l->doc, "Layers"), i, item)
	{
		snprintf(path, sizeof(path), "%s/../layers/%s.json", places,
			json_string_value(item));
		struct err before = err;
		auto_json json_t *record = json_read(path, 4096);
		err = before;
		*all += json_integer_value(json_object_get(record, "size"));
	}
}

void
show_size(const struct box_look *l, struct buf *out)
{
	int64_t own, all;
	box_sizes(l, &own, &all);
	human_size(own, out);
	buf_adds(out, " (virtual ");
	human_size(all, out);
	buf_adds(out, ")");
}

/* ---- the documents ---- */

static void
add_sizes(const struct box_look *l, json_t *out)
{
	int64_t own, all;
	box_sizes(l, &own, &all);
	json_object_set_new(out, "SizeRw", json_integer(own));
	json_object_set_new(out, "SizeRootFs", json_integer(all));
}

/* A box's place in a network; addresses are there while it runs. */
static json_t *
endpoint(const json_t *e, const json_t *asked)
{
	json_t *config = json_object_get(asked, "IPAMConfig");
	json_t *aliases = json_object_get(asked, "Aliases"),
	       *links = json_object_get(asked, "Links");
	return json_pack("{s:O?,s:O?,s:O?,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:s,s:n}", "IPAMConfig",
		config, "Links", links, "Aliases", aliases, "NetworkID", box_text(e, "NetworkID"),
		"EndpointID", box_text(e, "EndpointID"), "Gateway", box_text(e, "Gateway"),
		"IPAddress", box_text(e, "IPAddress"), "IPPrefixLen",
		json_integer_value(json_object_get(e, "IPPrefixLen")), "IPv6Gateway",
		box_text(e, "IPv6Gateway"), "GlobalIPv6Address", box_text(e, "GlobalIPv6Address"),
		"GlobalIPv6PrefixLen",
		json_integer_value(json_object_get(e, "GlobalIPv6PrefixLen")), "MacAddress",
		box_text(e, "MacAddress"), "DriverOpts");
}

/* Those it is to be in, whether it runs or not. */
static json_t *
networks(const struct box_look *l, const json_t *net)
{
	const char *mode = box_text(l->doc, "HostConfig.NetworkMode"), *key;
	json_t *asked, *out = json_object();
	if (strcmp(mode, "host") == 0 || strcmp(mode, "none") == 0)
		json_object_set_new(out, mode, endpoint(NULL, NULL));
	json_object_foreach(box_value(l->doc, "NetworkingConfig.EndpointsConfig"), key, asked)
		json_object_set_new(out, key,
			endpoint(json_object_get(json_object_get(net, "Networks"), key), asked));
	return out;
}

static json_t *
mount_points(const struct box_look *l)
{
	return json_deep_copy(box_value(l->doc, "Mounts"));
}

static bool
runs(const struct box_look *l)
{
	return l->st.status == BOX_RUNNING || l->st.status == BOX_PAUSED;
}

static json_t *
port_list(const json_t *net)
{
	json_t *out = json_array(), *list, *p;
	const char *key;
	size_t i;
	json_object_foreach(box_value(net, "Ports"), key, list)
	{
		int port = atoi(key);
		const char *type = strchr(key, '/') ? strchr(key, '/') + 1 : "tcp";
		if (!json_array_size(list))
			json_array_append_new(
				out, json_pack("{s:i,s:s}", "PrivatePort", port, "Type", type));
		json_array_foreach(list, i, p) json_array_append_new(out,
			json_pack("{s:s,s:i,s:i,s:s}", "IP", box_text(p, "HostIp"), "PrivatePort",
				port, "PublicPort", atoi(box_text(p, "HostPort")), "Type", type));
	}
	return out;
}

json_t *
show_item(const struct box_look *l, bool size)
{
	auto_buf struct buf status = BUF_INIT, command = BUF_INIT;
	auto_json json_t *net = runs(l) ? box_read_if(&l->b, "network.json") : NULL;
	time_t created = 0;
	show_status(l, &status);
	show_command(l, &command);
	if (parse_rfc3339(box_text(l->doc, "Created"), &created) < 0)
		err_clear();
	json_t *out = json_pack("{s:s,s:[s+],s:s,s:s,s:s,s:I,s:o,s:O?,s:s,s:s,s:{s:s},s:{s:o},s:o}",
		"Id", l->b.id, "Names", "/", box_text(l->doc, "Name"), "Image", show_image(l),
		"ImageID", box_text(l->doc, "ImageID"), "Command", buf_str(&command), "Created",
		(json_int_t)created, "Ports", port_list(net), "Labels",
		box_value(l->doc, "Config.Labels"), "State", box_status_word(l->st.status),
		"Status", buf_str(&status), "HostConfig", "NetworkMode",
		box_text(l->doc, "HostConfig.NetworkMode"), "NetworkSettings", "Networks",
		networks(l, net), "Mounts", mount_points(l));
	if (out && size)
		add_sizes(l, out);
	return out;
}

/* Before box-health has said a word it is starting: a box with a check that runs always shows how
 * it is (docker-compose takes one that does not for one without a check). */
static json_t *
health(const struct box_look *l)
{
	json_t *doc = box_has_check(l->doc) ? box_read_if(&l->b, "health.json") : NULL;
	if (doc || !runs(l) || !box_has_check(l->doc))
		return doc;
	return json_pack("{s:s,s:i,s:[]}", "Status", "starting", "FailingStreak", 0, "Log");
}

static json_t *
state(const struct box_look *l)
{
	char started[TIME_TEXT], finished[TIME_TEXT];
	auto_json json_t *why = l->st.status == BOX_CREATED ? box_read_if(&l->b, "error") : NULL;
	int code = why ? (int)json_integer_value(json_object_get(why, "status")) : l->st.exit;
	bool again = l->st.status == BOX_RESTARTING;
	return json_pack("{s:s,s:b,s:b,s:b,s:b,s:b,s:i,s:i,s:s,s:s,s:s,s:o*}", "Status",
		box_status_word(l->st.status), "Running", runs(l) || again, "Paused",
		l->st.status == BOX_PAUSED, "Restarting", again, "OOMKilled", l->st.oom, "Dead", 0,
		"Pid", runs(l) ? (int)l->st.pid : 0, "ExitCode", code, "Error",
		box_text(why, "message"), "StartedAt", time_rfc3339_ns(l->st.started, started),
		"FinishedAt", time_rfc3339_ns(l->st.finished, finished), "Health", health(l));
}

/* The addresses stand here once more for those who know the default network only. */
static json_t *
network_settings(const struct box_look *l)
{
	auto_json json_t *net = runs(l) ? box_read_if(&l->b, "network.json") : NULL;
	const json_t *ports = box_value(net, "Ports"), *e = box_value(net, "Networks.bridge");
	return json_pack("{s:s,s:s,s:b,s:O?,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:s,s:s,s:o}", "Bridge", "",
		"SandboxID", box_text(net, "Netns"), "HairpinMode", 0, "Ports", ports, "SandboxKey",
		box_text(net, "Netns"), "Gateway", box_text(e, "Gateway"), "IPAddress",
		box_text(e, "IPAddress"), "IPPrefixLen",
		json_integer_value(json_object_get(e, "IPPrefixLen")), "IPv6Gateway",
		box_text(e, "IPv6Gateway"), "GlobalIPv6Address", box_text(e, "GlobalIPv6Address"),
		"GlobalIPv6PrefixLen",
		json_integer_value(json_object_get(e, "GlobalIPv6PrefixLen")), "MacAddress",
		box_text(e, "MacAddress"), "EndpointID", box_text(e, "EndpointID"), "Networks",
		networks(l, net));
}

/* Path and Args, of which the first is the program. */
static json_t *
arguments(const struct box_look *l, const char **path)
{
	json_t *args = json_array();
	if (json_is_array(box_value(l->doc, "Config.Entrypoint")))
		json_array_extend(args, box_value(l->doc, "Config.Entrypoint"));
	if (json_is_array(box_value(l->doc, "Config.Cmd")))
		json_array_extend(args, box_value(l->doc, "Config.Cmd"));
	*path = json_string_value(json_array_get(args, 0));
	return args;
}

static json_t *
graph(const struct box_look *l)
{
	char upper[PATH_MAX], work[PATH_MAX], root[PATH_MAX];
	auto_buf struct buf lower = BUF_INIT;
	const json_t *layers = box_value(l->doc, "Layers");
	box_layer_path(&l->b, l->doc, "upper", upper);
	box_layer_path(&l->b, l->doc, "work", work);
	box_path(&l->b, "root", root);
	for (size_t i = json_array_size(layers); i > 0; i--)
		buf_addf(&lower, "%s%.*s/layers/%s", lower.len ? ":" : "",
			(int)(strlen(l->b.dir) - 71), l->b.dir,
			json_string_value(json_array_get(layers, i - 1)));
	json_t *data = json_pack("{s:s,s:s,s:s,s:s}", "LowerDir", buf_str(&lower), "UpperDir",
		upper, "WorkDir", work, "MergedDir", root);
	/* Clients expect text. */
	const json_t *project = box_value(l->doc, "Layer.Project");
	if (*box_layer_type(l->doc))
		json_object_set_new(data, "Quota", json_string(box_layer_type(l->doc)));
	if (project)
		json_object_set_new(data, "QuotaProject",
			json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(project)));
	return json_pack("{s:s,s:o}", "Name", "overlay2", "Data", data);
}

json_t *
show_document(const struct box_look *l, bool size)
{
	static const char *const files[][2] = {{"ResolvConfPath", "resolv.conf"},
		{"HostnamePath", "hostname"}, {"HostsPath", "hosts"}, {"LogPath", "log"}};
	auto_free char *name = fmt_new("/%s", box_text(l->doc, "Name"));
	char path[PATH_MAX];
	const char *program;
	json_t *args = arguments(l, &program);
	json_t *out = json_pack("{s:s,s:s,s:s?,s:O,s:o,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:n}", "Id",
		l->b.id, "Created", box_text(l->doc, "Created"), "Path", program, "Args", args,
		"State", state(l), "Image", box_text(l->doc, "ImageID"), "Name", name,
		"RestartCount", (int)policy_restarts(&l->b, NULL), "Driver", "overlay2", "Platform",
		"linux", "MountLabel", "", "ProcessLabel", "", "AppArmorProfile", "", "ExecIDs");
	json_array_remove(args, 0);
	json_decref(args);
	for (size_t i = 0; i < 4; i++) {
		box_path(&l->b, files[i][1], path);
		json_object_set_new(out, files[i][0], json_string(path));
	}
	json_object_set_new(out, "HostConfig", json_deep_copy(box_value(l->doc, "HostConfig")));
	json_object_set_new(out, "GraphDriver", graph(l));
	json_object_set_new(out, "Mounts", mount_points(l));
	json_object_set_new(out, "Config", json_deep_copy(box_value(l->doc, "Config")));
	json_object_set_new(out, "NetworkSettings", network_settings(l));
	if (size)
		add_sizes(l, out);
	return out;
}
