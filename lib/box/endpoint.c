/* SPDX-License-Identifier: MIT */
#include "box/endpoint.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/resolver.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *
endpoint_none(const struct box *b)
{
	char ns[32];
	box_netns(b, ns);
	return json_pack("{s:s,s:{},s:{}}", "Netns", ns, "Ports", "Networks");
}

/* It is there as long as the box runs: a new one does not wait for the disk. What stands there
 * already is not written again. */
int
endpoint_write(const struct box *b, const json_t *net)
{
	static const char why[] = "where it is connected";
	char path[PATH_MAX];
	auto_buf struct buf text = BUF_INIT, there = BUF_INIT;
	box_path(b, "network.json", path);
	json_visible(net, JSON_INDENT(2), &text);
	buf_addc(&text, '\n');
	if (!file_exists(path))
		return sys_write_new(why, path, text.s, text.len, 0600);
	if (file_read(path, JSON_SIZE_MAX, &there) < 0)
		return -1;
	return strcmp(there.s, text.s) == 0 ? 0 : sys_replace(why, path, text.s, text.len, 0600);
}

/* The first ethN that is free inside: the namespace is this box's alone, so its record is enough.
 */
static char *
free_link(const json_t *net)
{
	for (unsigned i = 0;; i++) {
		char *name = fmt_new("eth%u", i);
		const char *key;
		json_t *e;
		bool taken = false;
		json_object_foreach(json_object_get(net, "Networks"), key, e) taken =
			taken || strcmp(box_text(e, "Interface"), name) == 0;
		if (!taken)
			return name;
		free(name);
	}
}

static const json_t *
asked(const json_t *doc, const struct network *n)
{
	return json_object_get(box_value(doc, "NetworkingConfig.EndpointsConfig"), n->name);
}

static int
attach(const json_t *doc, const struct network *n, const char *ns, const char *link,
	struct buf *out)
{
	const char *ip = box_text(asked(doc, n), "IPAMConfig.IPv4Address"),
		   *rate = box_text(doc, "HostConfig.NetworkRate");
	struct strlist l = {0};
	for (const char **w = (const char *[]){"br-attach", "--json", "--name", link, NULL}; *w;
		w++)
		strlist_add(&l, *w);
	if (*ip) {
		strlist_add(&l, "--ip");
		strlist_add(&l, ip);
	}
	if (*rate) {
		strlist_add(&l, "--rate");
		strlist_add(&l, rate);
	}
	strlist_add(&l, n->bridge);
	strlist_add(&l, ns);
	strlist_add(&l, NULL);
	int r = run_tool("a cable to the network", l.v, out);
	free(l.v);
	return r;
}

static json_t *
describe(const json_t *doc, const struct network *n, const char *link, const json_t *said)
{
	char id[65];
	json_t *aliases = json_object_get(asked(doc, n), "Aliases");
	if (box_random_id(id) < 0)
		return NULL;
	return json_pack("{s:s,s:s,s:s,s:s,s:b,s:O?,s:s,s:s,s:I,s:s,s:s,s:s,s:I}", "NetworkID",
		n->id, "EndpointID", id, "Bridge", n->bridge, "Interface", link, "Internal",
		n->internal, "Aliases", aliases, "Gateway", box_text(said, "gateway"), "IPAddress",
		box_text(said, "ip"), "IPPrefixLen",
		json_integer_value(json_object_get(said, "prefix")), "MacAddress",
		box_text(said, "mac"), "IPv6Gateway", box_text(said, "gateway6"),
		"GlobalIPv6Address", box_text(said, "ip6"), "GlobalIPv6PrefixLen",
		json_integer_value(json_object_get(said, "prefix6")));
}

int
endpoint_add(const struct box *b, const json_t *doc, const struct network *n, json_t *net)
{
	json_t *all = json_object_get(net, "Networks");
	auto_free char *link = free_link(net);
	auto_buf struct buf out = BUF_INIT;
	if (network_up(n) < 0 || attach(doc, n, box_text(net, "Netns"), link, &out) < 0)
		return -1;
	auto_json json_t *said =
		step_dry() ? json_object() : json_parse("br-attach", out.s, out.len);
	json_t *e = said ? describe(doc, n, link, said) : NULL;
	if (!e)
		return -1;
	json_object_set_new(all, n->name, e);
	/* First that it is noted: whoever takes it away goes by that. */
	if (n->own && (endpoint_write(b, net) < 0 || resolver_set(n, b, doc, net) < 0))
		return -1;
	network_event(n, "connect", b->id);
	return 0;
}

int
endpoint_remove(const struct box *b, const json_t *doc, const struct network *n, json_t *net)
{
	json_t *all = json_object_get(net, "Networks");
	if (run_tool("the cable",
		    (const char *[]){
			    "br-detach", "--keep-name", box_text(net, "Netns"), n->bridge, NULL},
		    NULL) < 0 ||
		resolver_set(n, b, doc, NULL) < 0)
		return -1;
	json_object_del(all, n->name);
	network_event(n, "disconnect", b->id);
	return 0;
}

/* Calls each of its networks that is still there. */
static int
each_network(const struct box *b, const json_t *doc,
	int (*each)(const struct network *, const struct box *, const json_t *, const json_t *))
{
	auto_json json_t *net = box_read_if(b, "network.json");
	const char *key;
	json_t *e;
	int r = 0;
	json_object_foreach(json_object_get(net, "Networks"), key, e)
	{
		struct network n;
		if (network_find(key, &n) < 0) {
			err_clear();
			continue;
		}
		if (each(&n, b, doc, net) < 0)
			r = -1;
		network_free(&n);
	}
	return r;
}

static int
forget(const struct network *n, const struct box *b, const json_t *doc, const json_t *net)
{
	(void)net;
	if (resolver_set(n, b, doc, NULL) < 0)
		tool_complain();
	network_event(n, "disconnect", b->id);
	return 0;
}

void
endpoint_forget(const struct box *b, const json_t *doc)
{
	each_network(b, doc, forget);
}

bool
endpoint_is_up(const struct box *b)
{
	struct box_state st;
	box_state(b, &st);
	return st.status == BOX_RUNNING || st.status == BOX_PAUSED ||
		(st.status == BOX_CREATED && st.busy);
}

int
endpoint_names(const struct box *b, const json_t *doc)
{
	return endpoint_is_up(b) ? each_network(b, doc, resolver_set) : 0;
}

const char *
endpoint_address(const json_t *net, const json_t *doc)
{
	const json_t *all = json_object_get(net, "Networks");
	const char *key;
	json_t *e;
	json_object_foreach(box_value(doc, "NetworkingConfig.EndpointsConfig"), key, e)
	{
		const char *ip = box_text(json_object_get(all, key), "IPAddress");
		if (*ip)
			return ip;
	}
	return "";
}
