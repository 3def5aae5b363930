/* SPDX-License-Identifier: MIT
 * "mounts" of config.json: Docker's own, and those of the box, parents before children.
 */
#include "base/auto.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/subid.h"
#include "box/bundle.h"
#include "box/userns.h"
#include "door/rootless.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One mount; options are words with commas between. */
static void
add(json_t *list, const char *destination, const char *type, const char *source,
	const char *options)
{
	json_t *words = json_array();
	auto_free char *text = str_new(options);
	for (char *rest = text, *word; (word = strsep(&rest, ","));)
		if (*word)
			json_array_append_new(words, json_string(word));
	json_array_append_new(list,
		json_pack("{s:s,s:s,s:s,s:o}", "destination", destination, "type", type, "source",
			source, "options", words));
}

static bool
own(const json_t *doc, const char *destination)
{
	json_t *m;
	size_t i;
	json_array_foreach(json_object_get(doc, "Mounts"), i,
		m) if (strcmp(json_string_value(json_object_get(m, "Destination")), destination) ==
		0) return true;
	return json_object_get(json_object_get(json_object_get(doc, "HostConfig"), "Tmpfs"),
		       destination) != NULL;
}

static bool
is_mapped(const json_t *doc)
{
	return box_value(doc, "HostConfig.IDMappings") != NULL;
}

static void
add_file(json_t *list, const json_t *doc, const struct box *b, const char *file)
{
	char source[PATH_MAX], target[64];
	box_path(b, file, source);
	snprintf(target, sizeof(target), "/etc/%s", file);
	/* They are for the box: its root is their owner. */
	if (!own(doc, target))
		add(list, target, "bind", source,
			is_mapped(doc) ? "rbind,rprivate,idmap" : "rbind,rprivate");
}

/* A file system that shows a namespace is given only to who has the rights over that namespace, and
 * over the host's an ordinary user has none: then it is the host's own that shows. */
static void
add_shown(json_t *list, const json_t *h, const char *path, const char *type, const char *mode_of,
	const char *options)
{
	const char *mode = json_string_value(json_object_get(h, mode_of));
	auto_buf struct buf bound = BUF_INIT;
	if (!rootless_here() || !mode || strcmp(mode, "host") != 0) {
		add(list, path, type, type, options);
		return;
	}
	buf_addf(&bound, "rbind,rprivate,%s", options);
	if (dir_exists(path))
		add(list, path, "bind", path, bound.s);
}

static void
add_system(json_t *list, const json_t *doc)
{
	const json_t *h = json_object_get(doc, "HostConfig");
	bool privileged = json_is_true(json_object_get(h, "Privileged"));
	const char *ipc = json_string_value(json_object_get(h, "IpcMode"));
	char shm[96];
	snprintf(shm, sizeof(shm), "nosuid,noexec,nodev,mode=1777,size=%" PRId64,
		(int64_t)json_integer_value(json_object_get(h, "ShmSize")));
	add_shown(list, h, "/proc", "proc", "PidMode", "nosuid,noexec,nodev");
	add(list, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	/* Group 5 is that of terminals. */
	add(list, "/dev/pts", "devpts", "devpts",
		subid_is_mapped("/proc/self/gid_map", 5) && box_userns_has_gid(doc, 5)
			? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"
			: "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	add_shown(list, h, "/sys", "sysfs", "NetworkMode",
		privileged ? "nosuid,noexec,nodev,rw" : "nosuid,noexec,nodev,ro");
	add(list, "/sys/fs/cgroup", "cgroup", "cgroup",
		privileged ? "nosuid,noexec,nodev,relatime,rw" : "nosuid,noexec,nodev,relatime,ro");
	add_shown(list, h, "/dev/mqueue", "mqueue", "IpcMode", "nosuid,noexec,nodev");
	if (strcmp(ipc, "host") == 0)
		add(list, "/dev/shm", "bind", "/dev/shm", "rbind,rprivate");
	else if (!own(doc, "/dev/shm"))
		add(list, "/dev/shm", "tmpfs", "shm", shm);
}

/* What a volume holds has the ids that boxes know, whichever box wrote it. A directory of the host
 * has the host's, and shows them, so that root in the box is nobody there, unless it is asked for.
 */
static bool
is_shifted(const json_t *m)
{
	auto_free char *copy = str_new(box_text(m, "Mode"));
	char *rest = copy, *word;
	if (strcmp(box_text(m, "Type"), "volume") == 0)
		return true;
	while ((word = strsep(&rest, ",")))
		if (strcmp(word, "idmap") == 0)
			return true;
	return false;
}

static void
add_point(json_t *list, const json_t *m, bool mapped)
{
	auto_buf struct buf options = BUF_INIT;
	const char *type = json_string_value(json_object_get(m, "Type"));
	const char *how = json_string_value(json_object_get(m, "Propagation"));
	bool rw = json_is_true(json_object_get(m, "RW"));
	if (strcmp(type, "tmpfs") == 0)
		return; /* its options stand in HostConfig.Mounts */
	buf_addf(&options, "rbind,%s,%s%s", how && *how ? how : "rprivate", rw ? "rw" : "ro",
		mapped && is_shifted(m) ? ",idmap" : "");
	add(list, json_string_value(json_object_get(m, "Destination")), "bind",
		json_string_value(json_object_get(m, "Source")), options.s);
}

static void
add_tmpfs(json_t *list, const json_t *h)
{
	const char *destination;
	json_t *item;
	size_t i;
	json_object_foreach(json_object_get(h, "Tmpfs"), destination, item)
	{
		auto_buf struct buf options = BUF_INIT;
		buf_addf(&options, "noexec,nosuid,nodev,%s", json_string_value(item));
		add(list, destination, "tmpfs", "tmpfs", options.s);
	}
	json_array_foreach(json_object_get(h, "Mounts"), i, item)
	{
		const json_t *t = json_object_get(item, "TmpfsOptions");
		json_int_t size = json_integer_value(json_object_get(t, "SizeBytes"));
		json_int_t mode = json_integer_value(json_object_get(t, "Mode"));
		auto_buf struct buf options = BUF_INIT;
		if (strcmp(json_string_value(json_object_get(item, "Type")), "tmpfs") != 0)
			continue;
		buf_addf(&options, "noexec,nosuid,nodev,mode=%o", mode ? (unsigned)mode : 01777);
		if (size)
			buf_addf(&options, ",size=%" PRId64, (int64_t)size);
		if (json_is_true(json_object_get(item, "ReadOnly")))
			buf_adds(&options, ",ro");
		add(list, json_string_value(json_object_get(item, "Target")), "tmpfs", "tmpfs",
			options.s);
	}
}

static unsigned
depth(const json_t *mount)
{
	unsigned n = 0;
	for (const char *p = json_string_value(json_object_get(mount, "destination")); *p; p++)
		n += *p == '/';
	return n;
}

json_t *
bundle_mounts(const json_t *doc, const struct box *b)
{
	const json_t *h = json_object_get(doc, "HostConfig");
	auto_json json_t *points = json_array();
	json_t *list = json_array(), *m;
	size_t i;
	unsigned deepest = 0;
	add_system(list, doc);
	add_file(points, doc, b, "resolv.conf");
	add_file(points, doc, b, "hostname");
	add_file(points, doc, b, "hosts");
	json_array_foreach(json_object_get(doc, "Mounts"), i, m)
		add_point(points, m, is_mapped(doc));
	add_tmpfs(points, h);
	json_array_foreach(points, i, m) deepest = depth(m) > deepest ? depth(m) : deepest;
	for (unsigned d = 0; d <= deepest; d++)
		json_array_foreach(points, i, m) if (depth(m) == d) json_array_append(list, m);
	return list;
}
