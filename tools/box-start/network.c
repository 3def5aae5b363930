/* SPDX-License-Identifier: MIT
 * The network of a box, by br-setup, br-attach and br-publish.
 */
#include "start.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/endpoint.h"
#include "box/expose.h"
#include "box/network.h"
#include "box/ports.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Rules lead a port away before a server could get it; that no other server takes it is the work of
 * a socket that is bound and does nothing. */
static void
hold(struct start *s, const char *ip, unsigned port, bool udp)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	bool both = !*ip || strcmp(ip, "0.0.0.0") == 0, one = true;
	for (int i = 0; i < 2; i++) {
		if (!both)
			one = i ? inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1
				: inet_pton(AF_INET, ip, &v4.sin_addr) == 1;
		int fd = one ? socket(i ? AF_INET6 : AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0)
			     : -1;
		if (fd < 0)
			continue;
		int yes = 1;
		if (i)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
		if (bind(fd, i ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
			    i ? sizeof(v6) : sizeof(v4)) < 0)
			close(fd);
		else
			strlist_add(&s->hold, fmt_new("%d", fd));
	}
}

/* Where a box is connected, and so what its ports lead to. */
struct place {
	struct expose_at by;
	const char *address;
	json_t *ports; /* of network.json */
};

static int
publish(struct start *s, const struct place *at, const char *key, const char *ip, const char *port)
{
	bool udp = strstr(key, "/udp") != NULL, inside = rootless_inside();
	char got[16] = "";
	if (inside ? start_publish(s, at->address, key, ip, port, got) < 0
		   : expose(&at->by, key, ip, port, false, got) < 0)
		return -1;
	json_t *list = json_object_get(at->ports, key);
	if (!json_is_array(list))
		json_object_set_new(at->ports, key, list = json_array());
	json_array_append_new(
		list, json_pack("{s:s,s:s}", "HostIp", *ip ? ip : "0.0.0.0", "HostPort", got));
	if (!*ip)
		json_array_append_new(
			list, json_pack("{s:s,s:s}", "HostIp", "::", "HostPort", got));
	if (!inside && !step_dry())
		hold(s, ip, (unsigned)strtoul(got, NULL, 10), udp);
	return 0;
}

static int
publish_all(struct start *s, const struct place *at)
{
	json_t *bindings = box_value(s->doc, "HostConfig.PortBindings");
	const char *key;
	json_t *list, *item;
	size_t i;
	json_object_foreach(box_value(s->doc, "Config.ExposedPorts"), key, list)
	{
		if (json_array_size(json_object_get(bindings, key)))
			continue;
		json_object_set_new(at->ports, key, json_null());
		if (box_flag(s->doc, "HostConfig.PublishAllPorts") &&
			publish(s, at, key, "", "") < 0)
			return -1;
	}
	json_object_foreach(bindings, key, list) json_array_foreach(
		list, i, item) if (publish(s, at, key, box_text(item, "HostIp"),
					   box_text(item, "HostPort")) < 0) return -1;
	return 0;
}

/* What is asked for may have changed since box.json was read: who changes it holds the lock. */
static int
read_again(struct start *s)
{
	json_t *doc = box_read(&s->b, "box.json");
	if (!doc)
		return -1;
	json_object_set(s->doc, "NetworkingConfig", json_object_get(doc, "NetworkingConfig"));
	json_decref(doc);
	return 0;
}

/* Ports are published where the way out is: in the first network that is not internal. */
static int
connect_one(struct start *s, const char *name, json_t *net, bool *published)
{
	struct network n;
	if (network_find(name, &n) < 0)
		return -1;
	int r = endpoint_add(&s->b, s->doc, &n, net);
	if (r == 0 && !n.internal && !*published) {
		*published = true;
		json_object_set_new(net, "Published", json_string(n.name));
		const json_t *e = json_object_get(json_object_get(net, "Networks"), n.name);
		const struct place at = {.by = {n.bridge, box_text(net, "Netns")},
			.address = box_text(e, "IPAddress"),
			.ports = json_object_get(net, "Ports")};
		r = publish_all(s, &at);
	}
	network_free(&n);
	return r;
}

static int
connect_all(void *self)
{
	struct start *s = self;
	auto_json json_t *net = endpoint_none(&s->b);
	auto_fd int lock = -1;
	bool published = false;
	const char *key;
	json_t *value;
	if (network_lock(false, &lock) < 0 || read_again(s) < 0)
		return -1;
	json_t *all = box_value(s->doc, "NetworkingConfig.EndpointsConfig");
	/* One that is connected to nothing has a namespace nevertheless, to be connected later. */
	if ((!json_object_size(all) || s->user[0]) &&
		start_empty_net(s, box_text(net, "Netns")) < 0)
		return -1;
	json_object_foreach(
		all, key, value) if (connect_one(s, key, net, &published) < 0) return -1;
	if (start_relay(s) < 0 || endpoint_write(&s->b, net) < 0)
		return -1;
	/* Only now it is known whether there is a way out. */
	if (json_object_size(all) > 1 && endpoint_names(&s->b, s->doc) < 0)
		return -1;
	return rootless_way();
}

/* The next box may be one in the host's network: so this stays there. */
int
start_network(struct start *s)
{
	return network_of_mode(box_text(s->doc, "HostConfig.NetworkMode"))
		? rootless_in_net(connect_all, s)
		: 0;
}
