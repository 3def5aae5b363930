/* SPDX-License-Identifier: MIT
 * A network with all that is known of it.
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "box/network.h"
#include "mech/bridge.h"

#include <string.h>

/* What the kernel knows of the default bridge: it is there when a box has used it. */
static json_t *
ask_bridge(const char *name)
{
	struct err before = err;
	struct bridge b;
	json_t *list = json_array();
	struct net *n = net_open();
	if (n && bridge_find(n, name, &b) == 0) {
		const struct cidr *each[] = {&b.v4, &b.v6};
		for (size_t i = 0; i < 2; i++) {
			char subnet[CIDR_TEXT], gateway[IPADDR_TEXT];
			if (!each[i]->ip.family)
				continue;
			struct cidr net = cidr_network(each[i]);
			json_array_append_new(list,
				json_pack("{s:s,s:s}", "Subnet", cidr_text(&net, subnet), "Gateway",
					ipaddr_text(&each[i]->ip, gateway)));
		}
	}
	if (n)
		net_close(n);
	err = before;
	return list;
}

static json_t *
container(const char *id, const struct network *n)
{
	struct box b;
	auto_buf struct buf v4 = BUF_INIT, v6 = BUF_INIT;
	if (box_of(id, &b) < 0)
		return NULL;
	auto_json json_t *doc = box_read_if(&b, "box.json");
	auto_json json_t *net = box_read_if(&b, "network.json");
	const json_t *e = json_object_get(json_object_get(net, "Networks"), n->name);
	if (*box_text(e, "IPAddress"))
		buf_addf(&v4, "%s/%d", box_text(e, "IPAddress"),
			(int)json_integer_value(json_object_get(e, "IPPrefixLen")));
	if (*box_text(e, "GlobalIPv6Address"))
		buf_addf(&v6, "%s/%d", box_text(e, "GlobalIPv6Address"),
			(int)json_integer_value(json_object_get(e, "GlobalIPv6PrefixLen")));
	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "Name", box_text(doc, "Name"), "EndpointID",
		box_text(e, "EndpointID"), "MacAddress", box_text(e, "MacAddress"), "IPv4Address",
		buf_str(&v4), "IPv6Address", buf_str(&v6));
}

json_t *
network_show(const struct network *n)
{
	json_t *out = json_deep_copy(n->doc), *all = json_object(), *id;
	auto_json json_t *ids = network_boxes(n, true);
	size_t i;
	json_array_foreach(ids, i, id)
	{
		json_t *c = container(json_string_value(id), n);
		if (c)
			json_object_set_new(all, json_string_value(id), c);
	}
	if (strcmp(n->name, "bridge") == 0)
		json_object_set_new(json_object_get(out, "IPAM"), "Config", ask_bridge(n->bridge));
	json_object_set_new(out, "Containers", all);
	return out;
}
