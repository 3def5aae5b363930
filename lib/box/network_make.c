/* SPDX-License-Identifier: MIT
 * Making networks and removing them.
 */
#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/human.h"
#include "base/parse.h"
#include "box/box.h"
#include "box/network.h"
#include "door/env.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/sys.h"
#include "mech/bridge.h"
#include "mech/lease.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* ---- subnets ---- */

struct taken {
	const struct cidr *wanted;
	char by[256];
};

static int
overlaps(const struct network *n, void *arg)
{
	struct taken *t = arg;
	json_t *c;
	size_t i;
	struct cidr there;
	json_array_foreach(box_value(n->doc, "IPAM.Config"), i,
		c) if (cidr_parse(box_text(c, "Subnet"), &there) == 0 &&
		cidr_overlaps(&there, t->wanted))
	{
		snprintf(t->by, sizeof(t->by), "%s", n->name);
		return 1;
	}
	return 0;
}

/* The bridge of a network may be missing, after a reboot: its document counts. */
static int
check_subnet(const struct cidr *c, struct net *net)
{
	char text[CIDR_TEXT];
	struct taken t = {c, ""};
	struct cidr n = cidr_network(c);
	int r = network_each(overlaps, &t);
	if (r < 0)
		return -1;
	return r ? err_set(ERR_CONFLICT, cidr_text(&n, text),
			   "Pool overlaps with other one on this address space: %s is network %s's",
			   text, t.by)
		 : bridge_check_subnet(net, c);
}

/* The first /24 of 10.88.0.0/16 that neither a route nor a network has. */
static int
choose_subnet(struct net *net, struct cidr *out)
{
	for (unsigned third = 0; third < 256; third++) {
		struct cidr c = {.ip = {AF_INET, {10, 88, (uint8_t)third, 0}}, .prefix = 24};
		if (check_subnet(&c, net) == 0) {
			*out = c;
			return 0;
		}
		if (err.class != ERR_CONFLICT)
			return -1;
	}
	err_set(ERR_NO_SPACE, "10.88.0.0/16", "no subnet is free in 10.88.0.0/16");
	return err_hint("choose one with --subnet");
}

static int
gateway_of(const struct network_wish *w, const struct cidr *c, struct ipaddr *out)
{
	for (size_t i = 0; w->gateways && i < w->gateways->n; i++) {
		struct ipaddr ip;
		if (ipaddr_parse(w->gateways->v[i], &ip) < 0)
			return -1;
		if (cidr_contains(c, &ip)) {
			*out = ip;
			return 0;
		}
	}
	/* A host part is the gateway's address, as for br-setup. */
	*out = c->ip;
	if (cidr_is_network(c))
		cidr_host(c, 1, out);
	return 0;
}

static int
add_pool(const struct network_wish *w, const struct cidr *c, json_t *config)
{
	char subnet[CIDR_TEXT], gateway[IPADDR_TEXT];
	struct cidr net = cidr_network(c);
	struct ipaddr ip;
	if (gateway_of(w, c, &ip) < 0)
		return -1;
	json_array_append_new(config,
		json_pack("{s:s,s:s}", "Subnet", cidr_text(&net, subnet), "Gateway",
			ipaddr_text(&ip, gateway)));
	return 0;
}

/* IPAM.Config. What is asked for outside all subnets is an error, not an oversight. */
static int
pools(const struct network_wish *w, json_t *config, bool *v6)
{
	struct net *net = net_open();
	struct cidr c;
	bool v4 = false;
	int r = net ? 0 : -1;
	for (size_t i = 0; r == 0 && w->subnets && i < w->subnets->n; i++) {
		r = cidr_parse(w->subnets->v[i], &c) < 0 || check_subnet(&c, net) < 0 ||
				add_pool(w, &c, config) < 0
			? -1
			: 0;
		v4 = v4 || c.ip.family == AF_INET;
		*v6 = *v6 || c.ip.family == AF_INET6;
	}
	if (r == 0 && !v4)
		r = choose_subnet(net, &c) < 0 || add_pool(w, &c, config) < 0 ? -1 : 0;
	for (size_t i = 0; r == 0 && w->gateways && i < w->gateways->n; i++) {
		bool used = false;
		json_t *p;
		size_t k;
		json_array_foreach(config, k, p) used =
			used || strcmp(box_text(p, "Gateway"), w->gateways->v[i]) == 0;
		if (!used)
			r = err_set(ERR_INVALID, w->gateways->v[i],
				"no matching subnet for gateway %s", w->gateways->v[i]);
	}
	if (net)
		net_close(net);
	return r;
}

/* ---- making and removing ---- */

static int
check_wish(const struct network_wish *w)
{
	struct network other;
	if (strcmp(w->driver, "bridge") != 0)
		return err_set(ERR_NOT_FOUND, w->driver, "plugin \"%s\" not found: bridge is known",
			w->driver);
	if (parse_name("network name", w->name, 200) < 0)
		return -1;
	if (!network_of_mode(w->name) || strcmp(w->name, "bridge") == 0 ||
		strcmp(w->name, "default") == 0)
		return err_set(ERR_DENIED, w->name,
			"operation is not permitted on predefined %s network", w->name);
	if (network_find(w->name, &other) == 0) {
		bool same = strcmp(other.name, w->name) == 0;
		network_free(&other);
		if (same)
			return err_set(ERR_CONFLICT, w->name, "network with name %s already exists",
				w->name);
	}
	err_clear();
	return 0;
}

int
network_make(const struct network_wish *w, struct network *n)
{
	char when[TIME_TEXT], path[PATH_MAX];
	auto_json json_t *config = json_array();
	auto_buf struct buf text = BUF_INIT;
	bool v6 = false;
	*n = (struct network){.own = true, .internal = w->internal};
	if (check_wish(w) < 0 || pools(w, config, &v6) < 0 || box_random_id(n->id) < 0 ||
		state_root_path(path, "nets/%s.json", w->name) < 0)
		return -1;
	const char *bridge = network_option(w->options, NETWORK_NAME);
	snprintf(n->name, sizeof(n->name), "%s", w->name);
	if (*bridge)
		snprintf(n->bridge, sizeof(n->bridge), "%s", bridge);
	else
		snprintf(n->bridge, sizeof(n->bridge), "br-%.12s", n->id);
	auto_json json_t *none = json_object();
	n->doc = json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:b,s:{s:s,s:{},s:O},s:b,s:b,s:b,s:{s:s},s:b,s:O,s:O}",
		"Name", w->name, "Id", n->id, "Created",
		time_rfc3339_ns(clock_ns(CLOCK_REALTIME), when), "Scope", "local", "Driver",
		"bridge", "EnableIPv6", v6, "IPAM", "Driver", "default", "Options", "Config",
		config, "Internal", w->internal, "Attachable", w->attachable, "Ingress", 0,
		"ConfigFrom", "Network", "", "ConfigOnly", 0, "Options",
		w->options ? w->options : none, "Labels", w->labels ? w->labels : none);
	if (strlen(*bridge ? bridge : n->bridge) >= IFNAMSIZ || if_nametoindex(n->bridge))
		return err_set(ERR_CONFLICT, n->bridge, "%s cannot be the name of its bridge",
			*bridge ? bridge : n->bridge);
	json_visible(n->doc, JSON_INDENT(2), &text);
	buf_addc(&text, '\n');
	/* The bridge first: br-setup refuses what cannot be. */
	if (network_up(n) < 0)
		return -1;
	if (sys_replace("what it is", path, text.s, text.len, 0600) < 0) {
		struct err why = err;
		env_no_faults();
		run_tool("its bridge goes again",
			(const char *[]){"br-setup", "--rm", n->bridge, NULL}, NULL);
		err = why;
		return -1;
	}
	network_event(n, "create", NULL);
	return 0;
}

int
network_remove(const struct network *n)
{
	char path[PATH_MAX];
	auto_json json_t *ids = network_boxes(n, true);
	if (!n->own)
		return err_set(ERR_DENIED, n->name,
			"%s is a pre-defined network and cannot be removed", n->name);
	if (json_array_size(ids))
		return err_set(ERR_IN_USE, n->name,
			"error while removing network: network %s id %s has active endpoints",
			n->name, n->id);
	/* The document last: a failure leaves what a second try finds. */
	/* After a reboot, or the end of a user's namespaces, there is no bridge. */
	if ((if_nametoindex(n->bridge)
			    ? run_tool("its bridge",
				      (const char *[]){"br-setup", "--rm", n->bridge, NULL}, NULL)
			    : lease_forget_bridge(n->bridge)) < 0)
		return -1;
	if (state_root_path(path, "nets/%s.json", n->name) < 0 ||
		sys_unlink("and what described it", path) < 0)
		return -1;
	network_event(n, "destroy", NULL);
	return 0;
}
