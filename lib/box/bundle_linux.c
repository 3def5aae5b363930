/* SPDX-License-Identifier: MIT
 * "linux" of config.json: namespaces, devices, limits, what is hidden.
 */
#include "base/auto.h"
#include "base/buf.h"
#include "base/file.h"
#include "box/bundle.h"
#include "box/bundle_in.h"
#include "box/userns.h"
#include "mech/ct.h"
#include "mech/netns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const char *
text(const json_t *h, const char *key)
{
	return json_string_value(json_object_get(h, key));
}

static void
add_namespace(json_t *list, const char *type, const char *path)
{
	json_t *n = json_pack("{s:s}", "type", type);
	if (path)
		json_object_set_new(n, "path", json_string(path));
	json_array_append_new(list, n);
}

/* "container:BOX" is known by its process, once that runs: box-start fills the path in. */
static int
add_shared(json_t *list, const char *type, const char *mode)
{
	static const char prefix[] = "container:";
	struct box other;
	if (strcmp(mode, "host") == 0)
		return 0;
	if (strncmp(mode, prefix, sizeof(prefix) - 1) != 0) {
		if (!*mode || strcmp(mode, "private") == 0 || strcmp(mode, "shareable") == 0)
			add_namespace(list, type, NULL);
		else
			return err_set(ERR_INVALID, mode, "invalid mode of %s: %s", type, mode);
		return 0;
	}
	if (box_find(mode + sizeof(prefix) - 1, &other) < 0)
		return -1;
	add_namespace(list, type, NULL);
	return 0;
}

static int
add_network(json_t *list, const json_t *h, const struct box *b)
{
	char dir[PATH_MAX], name[32], path[PATH_MAX + 40];
	const char *mode = text(h, "NetworkMode");
	if (strcmp(mode, "host") == 0)
		return 0;
	if (strcmp(mode, "none") == 0) {
		add_namespace(list, "network", NULL);
		return 0;
	}
	if (strncmp(mode, "container:", 10) == 0)
		return add_shared(list, "network", mode);
	if (netns_dir(dir) < 0)
		return -1;
	box_netns(b, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	add_namespace(list, "network", path);
	return 0;
}

static json_t *
namespaces(const json_t *h, const struct box *b)
{
	json_t *list = json_array();
	add_namespace(list, "mount", NULL);
	if (json_object_get(h, "IDMappings"))
		add_namespace(list, "user", NULL);
	if (add_shared(list, "pid", text(h, "PidMode")) < 0 ||
		add_shared(list, "ipc", text(h, "IpcMode")) < 0 ||
		add_shared(list, "uts", text(h, "UTSMode")) < 0 ||
		add_shared(list, "cgroup", text(h, "CgroupnsMode")) < 0 ||
		add_network(list, h, b) < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static int
add_device(json_t *list, const char *host, const char *inside)
{
	struct stat sb;
	if (stat(host, &sb) < 0)
		return err_sys("stat", host,
			"error gathering device information while adding custom device \"%s\"",
			host);
	if (!S_ISCHR(sb.st_mode) && !S_ISBLK(sb.st_mode))
		return err_set(ERR_INVALID, host, "%s is not a device", host);
	if (*inside != '/')
		return err_set(ERR_INVALID, inside,
			"invalid device path: '%s' must be absolute in the container", inside);
	json_array_append_new(list,
		json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "path", inside, "type",
			S_ISCHR(sb.st_mode) ? "c" : "b", "major", (json_int_t)major(sb.st_rdev),
			"minor", (json_int_t)minor(sb.st_rdev), "fileMode",
			(json_int_t)(sb.st_mode & 0777), "uid", (json_int_t)sb.st_uid, "gid",
			(json_int_t)sb.st_gid));
	return 0;
}

static json_t *
devices(const json_t *h)
{
	auto_json json_t *list = json_array();
	json_t *d;
	size_t i;
	json_array_foreach(json_object_get(h, "Devices"), i, d)
	{
		const char *inside = text(d, "PathInContainer");
		if (add_device(list, text(d, "PathOnHost"),
			    *inside ? inside : text(d, "PathOnHost")) < 0)
			return NULL;
	}
	return json_incref(list);
}

/* Those of the request, or ours. */
static json_t *
paths(json_t *asked, const char *const *ours)
{
	if (json_is_array(asked))
		return json_incref(asked);
	json_t *list = json_array();
	for (; *ours; ours++)
		json_array_append_new(list, json_string(*ours));
	return list;
}

json_t *
bundle_linux(const json_t *doc, const struct box *b, const json_t *caps)
{
	const json_t *h = json_object_get(doc, "HostConfig");
	bool privileged = json_is_true(json_object_get(h, "Privileged"));
	char group[97] = "/";
	auto_json json_t *ns = namespaces(h, b);
	auto_json json_t *nodes = ns ? devices(h) : NULL;
	auto_json json_t *res = nodes ? bundle_resources(h) : NULL;
	if (!res)
		return NULL;
	box_group(b, group + 1);
	auto_json json_t *l = json_pack("{s:O,s:s,s:O,s:O,s:O}", "namespaces", ns, "cgroupsPath",
		group, "resources", res, "devices", nodes, "sysctl", json_object_get(h, "Sysctls"));
	box_userns_mappings(doc, l);
	if (privileged)
		return json_incref(l);
	json_object_set_new(
		l, "maskedPaths", paths(json_object_get(h, "MaskedPaths"), ct_masked_paths));
	json_object_set_new(
		l, "readonlyPaths", paths(json_object_get(h, "ReadonlyPaths"), ct_readonly_paths));
	return bundle_seccomp(h, caps, l) < 0 ? NULL : json_incref(l);
}
