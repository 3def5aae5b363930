/* SPDX-License-Identifier: MIT
 * What a box has from other boxes is known only when it starts: their namespaces, and their
 * addresses.
 */
#include "start.h"

#include "base/auto.h"
#include "base/err.h"
#include "box/endpoint.h"
#include "box/etc.h"
#include "box/links.h"
#include "box/network.h"
#include "door/sys.h"

#include <stdio.h>
#include <string.h>

/* "container:BOX": its namespace, by its first process. */
static int
share(struct start *s, const char *mode, const char *type, const char *file, struct box *other)
{
	static const char prefix[] = "container:";
	json_t *list = json_object_get(json_object_get(s->config, "linux"), "namespaces"), *ns;
	char path[64];
	pid_t pid;
	size_t i;
	if (strncmp(mode, prefix, sizeof(prefix) - 1) != 0)
		return 0;
	if (box_find(mode + sizeof(prefix) - 1, other) < 0 || box_pid(other, true, &pid, NULL) < 0)
		return err_prefix("cannot join the %s namespace of %s", type, mode);
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, file);
	json_array_foreach(list, i, ns) if (strcmp(box_text(ns, "type"), type) == 0)
		json_object_set_new(ns, "path", json_string(path));
	return 1;
}

/* Who shares a network shares what is written of it (moby, daemon "buildSandboxOptions"). */
static void
share_files(struct start *s, const struct box *other)
{
	static const char *const files[] = {"hosts", "hostname", "resolv.conf"};
	char target[32], source[PATH_MAX];
	json_t *m;
	size_t i;
	json_array_foreach(json_object_get(s->config, "mounts"), i, m) for (size_t k = 0; k < 3;
									    k++)
	{
		snprintf(target, sizeof(target), "/etc/%s", files[k]);
		if (strcmp(box_text(m, "destination"), target) != 0)
			continue;
		box_path(other, files[k], source);
		json_object_set_new(m, "source", json_string(source));
	}
	auto_json json_t *doc = box_read_if(other, "box.json");
	const char *host = box_text(doc, "Config.Hostname");
	/* With its own it would not find itself in the other's hosts. One in the host's UTS
	 * namespace has no name of its own. */
	if (*host && json_object_get(s->config, "hostname"))
		json_object_set_new(s->config, "hostname", json_string(host));
}

/* What it knows of boxes that it is linked to stays in network.json: as long as it runs its files
 * are written again whenever it is connected to another network. */
static int
add_links(struct start *s)
{
	auto_fd int lock = -1;
	/* One that is in networks may be connected to another one by now, or meanwhile. */
	if (box_has_file(&s->b, "network.json") && network_hold(false, &lock) < 0)
		return -1;
	auto_json json_t *net = box_read_if(&s->b, "network.json");
	auto_buf struct buf lines = BUF_INIT;
	auto_json json_t *more = json_array();
	if (box_links(&s->b, s->doc, &lock, &lines, more) < 0)
		return -1;
	json_array_extend(json_object_get(json_object_get(s->config, "process"), "env"), more);
	if (!net)
		return 0;
	if (lines.len) {
		json_object_set_new(net, "Links", json_string(lines.s));
		if (endpoint_write(&s->b, net) < 0)
			return -1;
	}
	return etc_connected(&s->b, s->doc, net);
}

/* Who is linked to it may have begun when it had another address. */
static int
lead_links(const struct start *s)
{
	auto_fd int lock = -1;
	if (!links_lead_to(&s->b))
		return 0;
	if (network_hold(true, &lock) < 0)
		return -1;
	auto_json json_t *net = box_read_if(&s->b, "network.json");
	links_follow(&s->b, net);
	return 0;
}

int
start_neighbours(struct start *s)
{
	struct box other;
	int shared = share(s, box_text(s->doc, "HostConfig.NetworkMode"), "network", "net", &other);
	if (shared < 0)
		return -1;
	if (shared)
		share_files(s, &other);
	if (share(s, box_text(s->doc, "HostConfig.PidMode"), "pid", "pid", &other) < 0 ||
		share(s, box_text(s->doc, "HostConfig.IpcMode"), "ipc", "ipc", &other) < 0)
		return -1;
	return add_links(s) < 0 ? -1 : lead_links(s);
}
