/* SPDX-License-Identifier: MIT */
#include "box/expose.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/opt.h"
#include "box/endpoint.h"
#include "door/rootless.h"
#include "door/spawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
expose(const struct expose_at *at, const char *key, const char *ip, const char *port, bool bound,
	char got[16])
{
	auto_buf struct buf spec = BUF_INIT, where = BUF_INIT;
	struct strlist l = {0};
	if (*ip)
		buf_addf(&spec, strchr(ip, ':') ? "[%s]:" : "%s:", ip);
	buf_addf(&spec, "%s:%s", *port ? port : "0", key);
	for (const char **w = (const char *[]){"br-publish", "--bridge", at->bridge, NULL}; *w; w++)
		strlist_add(&l, *w);
	if (bound)
		strlist_add(&l, "--bound");
	strlist_add(&l, at->ns);
	strlist_add(&l, spec.s);
	strlist_add(&l, NULL);
	int r = run_tool("a published port", l.v, &where);
	free(l.v);
	if (r < 0)
		return err_prefix("driver failed programming external connectivity");
	const char *colon = strrchr(buf_str(&where), ':');
	snprintf(
		got, 16, "%.*s", colon ? (int)strcspn(colon + 1, "\n") : 0, colon ? colon + 1 : "");
	return 0;
}

/* All addresses stand there twice, for IPv4 and IPv6, but are published at once. */
static bool
is_other_half(const json_t *list, size_t i)
{
	const json_t *now = json_array_get(list, i),
		     *before = i ? json_array_get(list, i - 1) : NULL;
	return before && strcmp(box_text(now, "HostIp"), "::") == 0 &&
		strcmp(box_text(before, "HostIp"), "0.0.0.0") == 0 &&
		strcmp(box_text(now, "HostPort"), box_text(before, "HostPort")) == 0;
}

static int
expose_all(const struct expose_at *at, const json_t *ports)
{
	const char *key;
	json_t *list, *item;
	size_t i;
	char got[16];
	json_object_foreach((json_t *)(uintptr_t)ports, key, list) json_array_foreach(list, i, item)
	{
		const char *ip = is_other_half(list, i + 1) ? "" : box_text(item, "HostIp");
		if (!is_other_half(list, i) &&
			expose(at, key, ip, box_text(item, "HostPort"), true, got) < 0)
			return -1;
	}
	return 0;
}

int
expose_follow(const struct box *b, json_t *net)
{
	const json_t *ports = json_object_get(net, "Ports");
	json_t *all = json_object_get(net, "Networks"), *e;
	const char *name, *former = box_text(net, "Published");
	struct expose_at at = {.ns = box_text(net, "Netns")};
	if (rootless_inside() || !json_object_size(ports) ||
		(*former && json_object_get(all, former)))
		return 0;
	json_object_foreach(all, name, e) if (!box_flag(e, "Internal"))
	{
		at.bridge = box_text(e, "Bridge");
		break;
	}
	if (!at.bridge && !*former)
		return 0;
	if (at.bridge && expose_all(&at, ports) < 0)
		return -1;
	json_object_set_new(net, "Published", at.bridge ? json_string(name) : json_null());
	return endpoint_write(b, net);
}
