/* SPDX-License-Identifier: MIT */
#include "box/links.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/endpoint.h"
#include "box/etc.h"
#include "box/network.h"
#include "door/sys.h"
#include "door/tool.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the directory of a box: the ids of those that are linked to it. */
#define LINKED "linked"
#define ID_SIZE 64
#define GROWN (16 << 10) /* bytes of it, some 250 boxes */

static void
variable(json_t *env, const char *alias, const char *end, const char *value)
{
	struct buf b = BUF_INIT;
	for (const char *p = alias; *p; p++)
		buf_addc(&b, *p == '-' || *p == '.' ? '_' : (char)toupper((unsigned char)*p));
	buf_addf(&b, "_%s=%s", end, value);
	json_array_append_new(env, json_string(b.s));
	buf_free(&b);
}

static unsigned
port_of(const char *key)
{
	return (unsigned)strtoul(key, NULL, 10);
}

/* ALIAS_PORT is the lowest port, ALIAS_PORT_80_TCP… one for each. */
static void
ports(json_t *env, const char *alias, const char *address, json_t *exposed)
{
	const char *key, *lowest = NULL;
	json_t *value;
	char end[64], url[96], number[16];
	json_object_foreach(exposed, key, value)
	{
		const char *slash = strchr(key, '/');
		if (!slash || strlen(slash) > 5)
			continue;
		bool udp = strcmp(slash, "/udp") == 0;
		const char *proto = udp ? "udp" : "tcp", *big = udp ? "UDP" : "TCP";
		unsigned port = port_of(key);
		if (!lowest || port < port_of(lowest))
			lowest = key;
		snprintf(url, sizeof(url), "%s://%s:%u", proto, address, port);
		snprintf(number, sizeof(number), "%u", port);
		snprintf(end, sizeof(end), "PORT_%u_%s", port, big);
		variable(env, alias, end, url);
		snprintf(end, sizeof(end), "PORT_%u_%s_ADDR", port, big);
		variable(env, alias, end, address);
		snprintf(end, sizeof(end), "PORT_%u_%s_PORT", port, big);
		variable(env, alias, end, number);
		snprintf(end, sizeof(end), "PORT_%u_%s_PROTO", port, big);
		variable(env, alias, end, proto);
	}
	if (lowest) {
		snprintf(url, sizeof(url), "%s://%s:%u", strstr(lowest, "/udp") ? "udp" : "tcp",
			address, port_of(lowest));
		variable(env, alias, "PORT", url);
	}
}

/* Those of them that are still there. */
static void
living(const struct box *other, const char *ids, struct buf *out)
{
	char path[PATH_MAX];
	for (const char *id = ids; strlen(id) > ID_SIZE; id += ID_SIZE + 1) {
		snprintf(path, sizeof(path), "%.*s/%.*s",
			(int)(path_base(other->dir) - other->dir) - 1, other->dir, ID_SIZE, id);
		if (dir_exists(path))
			buf_add(out, id, ID_SIZE + 1);
	}
}

/* One id a line. When it has grown, those that are gone are left out: somebody who adds himself at
 * that moment may be forgotten, and misses an address that changes until he starts again. */
static int
note(const struct box *other, const struct box *b)
{
	char path[PATH_MAX];
	auto_buf struct buf text = BUF_INIT, kept = BUF_INIT;
	box_path(other, LINKED, path);
	if (file_exists(path) && file_read(path, 1 << 20, &text) < 0)
		return -1;
	if (strstr(buf_str(&text), b->id))
		return 0;
	if (text.len > GROWN) {
		living(other, text.s, &kept);
		buf_addf(&kept, "%s\n", b->id);
		return sys_replace("who is linked to it, of those that there are", path, kept.s,
			kept.len, 0600);
	}
	auto_free char *line = fmt_new("%s\n", b->id);
	return sys_append("who is linked to it", path, line, strlen(line), 0600);
}

static int
one(const struct box *b, json_t *doc, const char *text, struct buf *hosts, json_t *env)
{
	auto_free char *name = str_new(text);
	char *alias = strchr(name, ':'), own[300];
	struct box other;
	pid_t pid;
	json_t *pair;
	size_t i;
	if (alias)
		*alias++ = '\0';
	if (box_find(name, &other) < 0)
		return err_prefix("could not get container for %s", name);
	auto_json json_t *their = box_read(&other, "box.json");
	if (!their)
		return -1;
	const char *called = box_text(their, "Name");
	alias = alias ? alias : name;
	if (box_pid(&other, false, &pid, NULL) < 0)
		return err_set(ERR_CONFLICT, name,
			"Cannot link to a non running container: /%s AS /%s/%s", called,
			box_text(doc, "Name"), alias);
	if (note(&other, b) < 0)
		return -1;
	auto_json json_t *net = box_read_if(&other, "network.json");
	const char *address = endpoint_address(net, doc);
	if (!*address)
		return err_set(ERR_CONFLICT, name, "cannot link to %s: it is in no network of ours",
			called);
	buf_addf(hosts, "%s\t%s %.12s", address, alias, other.id);
	buf_addf(hosts, strcmp(alias, called) ? " %s\n" : "\n", called);
	snprintf(own, sizeof(own), "/%s/%s", box_text(doc, "Name"), alias);
	variable(env, alias, "NAME", own);
	ports(env, alias, address, box_value(their, "Config.ExposedPorts"));
	json_array_foreach(box_value(their, "Config.Env"), i, pair)
	{
		const char *s = json_string_value(pair), *sign = strchr(s, '=');
		auto_free char *end = fmt_new("ENV_%.*s", (int)strcspn(s, "="), s);
		if (sign && strncmp(s, "PATH=", 5) != 0 && strncmp(s, "HOME=", 5) != 0)
			variable(env, alias, end, sign + 1);
	}
	return 0;
}

static int
each(const struct box *b, json_t *doc, const json_t *list, int *lock, struct buf *hosts,
	json_t *env)
{
	json_t *item;
	size_t i;
	if (json_array_size(list) && *lock < 0 && network_hold(false, lock) < 0)
		return -1;
	json_array_foreach(
		list, i, item) if (one(b, doc, json_string_value(item), hosts, env) < 0) return -1;
	return 0;
}

/* Those of one network (compose has them there) have no variables, as in Docker. */
int
box_links(const struct box *b, json_t *doc, int *lock, struct buf *hosts, json_t *env)
{
	auto_json json_t *unused = json_array();
	const char *key;
	json_t *e;
	int r = each(b, doc, box_value(doc, "HostConfig.Links"), lock, hosts, env);
	json_object_foreach(box_value(doc, "NetworkingConfig.EndpointsConfig"), key, e) r =
		r < 0 ? r : each(b, doc, json_object_get(e, "Links"), lock, hosts, unused);
	return r;
}

bool
links_lead_to(const struct box *b)
{
	return box_has_file(b, LINKED);
}

/* "ADDRESS\tALIAS ID NAME": those of this id get the address. */
static void
readdress(const char *lines, const char *id, const char *address, struct buf *out)
{
	char whose[16];
	for (const char *end; *lines; lines = end + (*end == '\n')) {
		end = strchrnul(lines, '\n');
		const char *rest = memchr(lines, '\t', (size_t)(end - lines));
		bool its =
			rest && sscanf(rest, "%*s %12s", whose) == 1 && strncmp(whose, id, 12) == 0;
		buf_adds(out, its ? address : "");
		const char *from = its ? rest : lines;
		buf_addf(out, "%.*s\n", (int)(end - from), from);
	}
}

static int
follow(const char *id, const struct box *b, const json_t *net)
{
	struct box other;
	struct box_state st;
	auto_buf struct buf lines = BUF_INIT;
	if (box_of(id, &other) < 0)
		return -1;
	auto_json json_t *doc = box_read_if(&other, "box.json");
	auto_json json_t *their = box_read_if(&other, "network.json");
	const char *address = doc ? endpoint_address(net, doc) : "";
	box_state(&other, &st);
	if (!st.busy || !their || !*address)
		return 0;
	readdress(box_text(their, "Links"), b->id, address, &lines);
	if (strcmp(buf_str(&lines), box_text(their, "Links")) == 0)
		return 0;
	json_object_set_new(their, "Links", json_string(lines.s));
	return endpoint_write(&other, their) < 0 ? -1 : etc_connected(&other, doc, their);
}

void
links_follow(const struct box *b, const json_t *net)
{
	char path[PATH_MAX];
	auto_buf struct buf text = BUF_INIT;
	box_path(b, LINKED, path);
	if (!links_lead_to(b))
		return;
	if (file_read(path, 1 << 20, &text) < 0)
		tool_complain();
	for (char *rest = text.s, *id; rest && (id = strsep(&rest, "\n"));)
		if (*id && follow(id, b, net) < 0)
			tool_complain();
}
