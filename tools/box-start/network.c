/* SPDX-License-Identifier: MIT
 * The network of a box, by br-setup, br-attach and br-publish.
 */
#include "start.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/ports.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of many who want the bridge first, one makes it. The others wait until it is done with all of it,
 * for the link is there before its address and its rules are. */
static int
make_bridge(const char *bridge)
{
	char path[PATH_MAX + 32];
	auto_fd int lock = -1;
	if (state_run(path) < 0 || sys_keep_dir("the place of what runs", path, 0711) < 0)
		return -1;
	size_t n = strlen(path);
	snprintf(path + n, sizeof(path) - n, "/bridge.lock");
	if (sys_lock("one makes the bridge, the others wait", path, true, &lock) < 0)
		return -1;
	return if_nametoindex(bridge) ? 0
				      : run_tool("the bridge of all boxes, once",
						(const char *[]){"br-setup", bridge, NULL}, NULL);
}

/* What br-attach says is noted for box-ps, box-inspect and others. */
static int
attach(struct start *s, const char *bridge, const char *ns, json_t **net)
{
	const char *ip = "", *rate = box_text(s->doc, "HostConfig.NetworkRate"), *key;
	auto_buf struct buf out = BUF_INIT;
	struct strlist l = {0};
	json_t *e;
	json_object_foreach(box_value(s->doc, "NetworkingConfig.EndpointsConfig"), key, e) ip =
		box_text(e, "IPAMConfig.IPv4Address");
	for (const char **w = (const char *[]){"br-attach", "--json", NULL}; *w; w++)
		strlist_add(&l, *w);
	if (*ip) {
		strlist_add(&l, "--ip");
		strlist_add(&l, ip);
	}
	if (*rate) {
		strlist_add(&l, "--rate");
		strlist_add(&l, rate);
	}
	strlist_add(&l, bridge);
	strlist_add(&l, ns);
	if (start_run("a network namespace, connected to it", &l, &out) < 0)
		return -1;
	auto_json json_t *said =
		step_dry() ? json_object() : json_parse("br-attach", out.s, out.len);
	if (!said)
		return -1;
	*net = json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:I,s:s,s:{}}", "Bridge", bridge, "IPAddress",
		box_text(said, "ip"), "IPPrefixLen",
		json_integer_value(json_object_get(said, "prefix")), "Gateway",
		box_text(said, "gateway"), "MacAddress", box_text(said, "mac"), "GlobalIPv6Address",
		box_text(said, "ip6"), "GlobalIPv6PrefixLen",
		json_integer_value(json_object_get(said, "prefix6")), "Netns", ns, "Ports");
	return 0;
}

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

static int
publish(struct start *s, const char *ns, json_t *ports, const char *key, const char *ip,
	const char *port)
{
	auto_buf struct buf spec = BUF_INIT, where = BUF_INIT;
	bool v6 = strchr(ip, ':') != NULL, udp = strstr(key, "/udp") != NULL;
	if (*ip)
		buf_addf(&spec, v6 ? "[%s]:" : "%s:", ip);
	buf_addf(&spec, "%s:%s", *port ? port : "0", key);
	if (run_tool("a published port", (const char *[]){"br-publish", ns, spec.s, NULL}, &where) <
		0)
		return err_prefix("driver failed programming external connectivity");
	const char *colon = strrchr(buf_str(&where), ':');
	auto_free char *got =
		fmt_new("%.*s", colon ? (int)strcspn(colon + 1, "\n") : 0, colon ? colon + 1 : "");
	json_t *list = json_object_get(ports, key);
	if (!json_is_array(list))
		json_object_set_new(ports, key, list = json_array());
	json_array_append_new(
		list, json_pack("{s:s,s:s}", "HostIp", *ip ? ip : "0.0.0.0", "HostPort", got));
	if (!*ip)
		json_array_append_new(
			list, json_pack("{s:s,s:s}", "HostIp", "::", "HostPort", got));
	if (!step_dry())
		hold(s, ip, (unsigned)strtoul(got, NULL, 10), udp);
	return 0;
}

static int
publish_all(struct start *s, const char *ns, json_t *ports)
{
	json_t *bindings = box_value(s->doc, "HostConfig.PortBindings");
	const char *key;
	json_t *list, *item;
	size_t i;
	json_object_foreach(box_value(s->doc, "Config.ExposedPorts"), key, list)
	{
		if (json_array_size(json_object_get(bindings, key)))
			continue;
		json_object_set_new(ports, key, json_null());
		if (box_flag(s->doc, "HostConfig.PublishAllPorts") &&
			publish(s, ns, ports, key, "", "") < 0)
			return -1;
	}
	json_object_foreach(bindings, key, list) json_array_foreach(
		list, i, item) if (publish(s, ns, ports, key, box_text(item, "HostIp"),
					   box_text(item, "HostPort")) < 0) return -1;
	return 0;
}

int
start_network(struct start *s)
{
	const char *mode = box_text(s->doc, "HostConfig.NetworkMode");
	auto_json json_t *net = NULL;
	char ns[32];
	if (strcmp(mode, "none") == 0 || strcmp(mode, "host") == 0 ||
		strncmp(mode, "container:", 10) == 0)
		return 0;
	if (strcmp(mode, "default") != 0 && strcmp(mode, "bridge") != 0)
		return err_set(ERR_NOT_FOUND, mode, "network %s not found", mode);
	box_netns(&s->b, ns);
	if (make_bridge(box_bridge()) < 0 || attach(s, box_bridge(), ns, &net) < 0 ||
		publish_all(s, ns, json_object_get(net, "Ports")) < 0)
		return -1;
	char path[PATH_MAX];
	auto_buf struct buf text = BUF_INIT;
	box_path(&s->b, "network.json", path);
	json_visible(net, JSON_INDENT(2), &text);
	buf_addc(&text, '\n');
	return sys_write_new("where it is connected", path, text.s, text.len, 0600);
}
