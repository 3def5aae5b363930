/* SPDX-License-Identifier: MIT */
#include "box/etc.h"

#include "base/auto.h"
#include "base/cidr.h"
#include "base/err.h"
#include "base/file.h"
#include "box/network.h"
#include "box/servers.h"
#include "door/sys.h"

#include <stdio.h>
#include <string.h>

static int
write_text(const struct box *b, const char *file, const char *why, const struct buf *text)
{
	char path[PATH_MAX];
	box_path(b, file, path);
	return sys_write_new(why, path, buf_str(text), text->len, 0644);
}

/* Where the host is for it: as moby has it, in place of an address that only the engine knows. */
#define HOST_GATEWAY "host-gateway"

static const char *
first_gateway(const json_t *net)
{
	const char *key;
	json_t *e;
	json_object_foreach(json_object_get(net, "Networks"), key,
		e) if (*box_text(e, "Gateway")) return box_text(e, "Gateway");
	return "";
}

static int
check_extra(const char *host)
{
	struct ipaddr ip;
	const char *colon = strchr(host, ':');
	if (!colon || colon == host)
		return err_set(ERR_INVALID, host, "bad format for add-host: \"%s\"", host);
	return strcmp(colon + 1, HOST_GATEWAY) == 0 || ipaddr_parse(colon + 1, &ip) == 0
		? 0
		: err_set(ERR_INVALID, host, "invalid IP address in add-host: \"%s\"", colon + 1);
}

static void
hosts(const json_t *doc, const json_t *net, struct buf *out)
{
	const char *host = box_text(doc, "Config.Hostname"), *key;
	json_t *item;
	size_t i;
	buf_adds(out,
		"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
		"fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n"
		"ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n");
	json_array_foreach(box_value(doc, "HostConfig.ExtraHosts"), i, item)
	{
		const char *s = json_string_value(item), *colon = strchr(s, ':'),
			   *ip = colon ? colon + 1 : "";
		if (strcmp(ip, HOST_GATEWAY) == 0)
			ip = first_gateway(net);
		if (*ip)
			buf_addf(out, "%s\t%.*s\n", ip, (int)(colon - s), s);
	}
	buf_adds(out, box_text(net, "Links"));
	json_object_foreach(
		json_object_get(net, "Networks"), key, item) if (*box_text(item, "IPAddress"))
		buf_addf(out, "%s\t%s\n", box_text(item, "IPAddress"), host);
}

/* Where names of its networks are resolved: at the gateway of one that leads to the world, if there
 * is one, for it answers for all of them. */
static void
nameserver(const json_t *net, char out[64], bool *internal)
{
	const char *key;
	json_t *e;
	struct network n;
	out[0] = '\0';
	*internal = true;
	json_object_foreach(json_object_get(net, "Networks"), key, e)
	{
		bool inner = box_flag(e, "Internal");
		if (!inner)
			*internal = false;
		if (network_find(key, &n) < 0) {
			err_clear();
			continue;
		}
		if (n.own && (!out[0] || !inner))
			snprintf(out, 64, "%s", network_gateway(&n));
		network_free(&n);
	}
}

/* Lines of what the box asks for itself. */
static void
own_lines(const json_t *doc, const char *key, const char *path, struct buf *out)
{
	bool server = strcmp(key, "nameserver") == 0;
	const json_t *list = box_value(doc, path);
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		/* A server has a line of its own, of the others one line has all. */
		buf_addf(out, "%s %s", i && !server ? "" : key, json_string_value(item));
		buf_adds(out, server || i + 1 == json_array_size(list) ? "\n" : "");
	}
}

static const char *const keys[][2] = {{"nameserver", "HostConfig.Dns"},
	{"search", "HostConfig.DnsSearch"}, {"options", "HostConfig.DnsOptions"}};

/* A line of the host's file, unless the box has such of its own. */
static bool
keeps(const json_t *doc, const char *line, bool resolver)
{
	char word[32] = "";
	if (sscanf(line, "%31s", word) < 1 || *word == '#' || *word == ';')
		return false;
	for (size_t k = 0; k < 3; k++)
		if (strcmp(word, keys[k][0]) == 0 && json_array_size(box_value(doc, keys[k][1])))
			return false;
	if (strcmp(word, "nameserver") != 0)
		return !resolver || strcmp(word, "options") != 0;
	return !resolver;
}

/* In a network of one's own the resolver comes first, and is alone: it asks --dns itself. Nobody is
 * behind that of an internal network, and who waits for it shall not wait long. */
static void
resolv_conf(const json_t *doc, const json_t *net, struct buf *out)
{
	auto_buf struct buf text = BUF_INIT;
	char server[64];
	bool internal, resolver;
	nameserver(net, server, &internal);
	resolver = server[0] != '\0';
	if (resolver)
		buf_addf(out, "nameserver %s\n", server);
	for (size_t k = resolver; k < 3; k++)
		own_lines(doc, keys[k][0], keys[k][1], out);
	if (resolver && !json_array_size(box_value(doc, keys[2][1])))
		buf_addf(out, "options ndots:0%s\n", internal ? " timeout:1 attempts:1" : "");
	servers_read(strcmp(box_text(doc, "HostConfig.NetworkMode"), "host") == 0, &text);
	for (char *rest = text.s, *line; rest && (line = strsep(&rest, "\n"));)
		if (keeps(doc, line, resolver))
			buf_addf(out, "%s\n", line);
}

int
etc_make(const struct box *b, const json_t *doc)
{
	auto_buf struct buf table = BUF_INIT, name = BUF_INIT, resolv = BUF_INIT;
	json_t *item;
	size_t i;
	json_array_foreach(box_value(doc, "HostConfig.ExtraHosts"), i,
		item) if (check_extra(json_string_value(item)) < 0) return -1;
	if (strcmp(box_text(doc, "HostConfig.NetworkMode"), "host") == 0) {
		if (file_read("/etc/hosts", 1 << 20, &table) < 0)
			err_clear();
	} else {
		hosts(doc, NULL, &table);
	}
	buf_addf(&name, "%s\n", box_text(doc, "Config.Hostname"));
	resolv_conf(doc, NULL, &resolv);
	return write_text(b, "hosts", "its /etc/hosts", &table) < 0 ||
			write_text(b, "hostname", "its /etc/hostname", &name) < 0 ||
			write_text(b, "resolv.conf", "its /etc/resolv.conf", &resolv) < 0
		? -1
		: 0;
}

int
etc_connected(const struct box *b, const json_t *doc, const json_t *net)
{
	auto_buf struct buf table = BUF_INIT, resolv = BUF_INIT;
	hosts(doc, net, &table);
	resolv_conf(doc, net, &resolv);
	return write_text(b, "hosts", "its own addresses, and its links", &table) < 0 ||
			write_text(b, "resolv.conf", "who resolves names for it", &resolv) < 0
		? -1
		: 0;
}
