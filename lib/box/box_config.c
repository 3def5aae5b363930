/* SPDX-License-Identifier: MIT
 * Image config and options to config.json (OCI runtime-spec, config.md, config-linux.md) and
 * box.json. Where both speak, the options win, as Docker has it.
 */
#include "base/auto.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/passwd.h"
#include "box/create.h"
#include "image/lower.h"
#include "mech/ct.h"
#include "mech/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What overlay stacks at most. */
#define OPEN_MAX_LAYERS 500

static json_t *
strings(const struct strlist *l)
{
	json_t *a = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, json_string(l->v[i]));
	return a;
}

/* A file of the image, as text; "" when it is not there. */
static void
image_file(const struct store *s, const struct image *img, const char *path, struct buf *out)
{
	int fds[OPEN_MAX_LAYERS], parent = -1;
	char dir[PATH_MAX], self[64];
	struct stat sb;
	size_t n = 0;
	for (; n < img->n && n < OPEN_MAX_LAYERS; n++)
		if (store_layer_path(s, img->layers[n].chain, dir) < 0 ||
			(fds[n] = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
			break;
	struct lowers l = {.fd = fds, .n = n};
	if (lower_find(&l, path, &parent, &sb) == 1 && S_ISREG(sb.st_mode)) {
		auto_fd int fd = openat(parent, path_base(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		if (file_read(self, (size_t)1 << 20, out) < 0)
			err_clear();
	}
	if (parent >= 0)
		close(parent);
	while (n)
		close(fds[--n]);
}

/* "USER[:GROUP]", names or numbers, by the image's own files. */
static json_t *
user(const struct store *s, const struct image *img, const char *text)
{
	auto_buf struct buf passwd = BUF_INIT, groups = BUF_INIT;
	auto_free char *name = str_new(text);
	struct passwd_entry who = {0};
	char *group = strchr(name, ':');
	uint32_t more[64], gid;
	int64_t n;
	if (group)
		*group++ = '\0';
	image_file(s, img, "etc/passwd", &passwd);
	image_file(s, img, "etc/group", &groups);
	bool number = is_digits(name);
	if (number && parse_int(name, 0, UINT32_MAX - 1, &n) < 0)
		return NULL;
	bool known =
		passwd_find(buf_str(&passwd), number ? NULL : name, number ? (uint32_t)n : 0, &who);
	if (!known && *name && !number) {
		err_set(ERR_NOT_FOUND, text, "the image has no user %s", name);
		return NULL;
	}
	if (number)
		who.uid = (uint32_t)n;
	json_t *ids = json_array();
	if (group && *group) {
		if (is_digits(group) && parse_int(group, 0, UINT32_MAX - 1, &n) == 0)
			who.gid = (uint32_t)n;
		else if (group_find(buf_str(&groups), group, &gid))
			who.gid = gid;
		else
			err_set(ERR_NOT_FOUND, text, "the image has no group %s", group);
	} else if (known) {
		size_t k = group_list(buf_str(&groups), who.name, more, 64);
		for (size_t i = 0; i < k; i++)
			json_array_append_new(ids, json_integer(more[i]));
	}
	return json_pack("{s:I,s:I,s:o}", "uid", (json_int_t)who.uid, "gid", (json_int_t)who.gid,
		"additionalGids", ids);
}

/* A later one of the same name counts, in the place of the first. */
static void
set_variable(json_t *list, const char *pair)
{
	size_t len = strcspn(pair, "=");
	if (!pair[len])
		return;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strncmp(json_string_value(json_array_get(list, i)), pair, len + 1) == 0) {
			json_array_set_new(list, i, json_string(pair));
			return;
		}
	json_array_append_new(list, json_string(pair));
}

static json_t *
environment(const json_t *image, const struct box_options *o, const char *host)
{
	json_t *list = json_array(), *item;
	auto_buf struct buf name = BUF_INIT;
	size_t i;
	set_variable(list, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (host) {
		buf_addf(&name, "HOSTNAME=%s", host);
		set_variable(list, name.s);
	}
	if (o->tty)
		set_variable(list, "TERM=xterm");
	json_array_foreach(json_object_get(image, "Env"), i, item) if (json_is_string(item))
		set_variable(list, json_string_value(item));
	for (i = 0; i < o->env.n; i++) {
		/* A name alone takes the caller's value along. */
		const char *value = strchr(o->env.v[i], '=') ? NULL : getenv(o->env.v[i]);
		buf_reset(&name);
		buf_addf(&name, value ? "%s=%s" : "%s", o->env.v[i], value);
		set_variable(list, name.s);
	}
	return list;
}

static json_t *
arguments(const json_t *image, const struct box_options *o, char **command)
{
	json_t *args = json_array();
	const json_t *entry = json_object_get(image, "Entrypoint");
	if (o->entrypoint && *o->entrypoint)
		json_array_append_new(args, json_string(o->entrypoint));
	else if (!o->entrypoint && json_is_array(entry))
		json_array_extend(args, json_object_get(image, "Entrypoint"));
	for (; command && *command; command++)
		json_array_append_new(args, json_string(*command));
	if (!command && !o->entrypoint && json_is_array(json_object_get(image, "Cmd")))
		json_array_extend(args, json_object_get(image, "Cmd"));
	if (json_array_size(args))
		return args;
	json_decref(args);
	err_set(ERR_INVALID, NULL, "no command given, and the image has none");
	return NULL;
}

static json_t *
capabilities(const struct box_options *o)
{
	uint64_t bits = o->privileged ? ct_caps_all() : ct_caps_default(), b;
	json_t *list = json_array();
	for (size_t i = 0; i < o->cap_drop.n; i++) {
		if (ct_caps_parse(o->cap_drop.v[i], &b) < 0)
			return NULL;
		bits &= ~b;
	}
	for (size_t i = 0; i < o->cap_add.n; i++) {
		if (ct_caps_parse(o->cap_add.v[i], &b) < 0)
			return NULL;
		bits |= b;
	}
	for (unsigned i = 0; ct_caps_name(i); i++)
		if (bits & UINT64_C(1) << i) {
			auto_buf struct buf name = BUF_INIT;
			const char *n = ct_caps_name(i);
			buf_addf(&name, "%s%s", strncmp(n, "CAP_", 4) ? "CAP_" : "", n);
			json_array_append_new(list, json_string(name.s));
		}
	return json_pack("{s:O,s:O,s:o}", "bounding", list, "effective", list, "permitted", list);
}

static int
add_volumes(json_t *mounts, const struct box_options *o)
{
	for (size_t i = 0; i < o->volume.n; i++) {
		auto_free char *word = str_new(o->volume.v[i]);
		char *dst = strchr(word, ':');
		if (!dst || *word != '/' || dst[1] != '/')
			return err_set(ERR_INVALID, word,
				"--volume %s: write /SRC:/DST or /SRC:/DST:ro", o->volume.v[i]);
		*dst++ = '\0';
		char *mode = strchr(dst, ':');
		if (mode)
			*mode++ = '\0';
		json_array_append_new(mounts,
			json_pack("{s:s,s:s,s:s,s:[s,s,s]}", "destination", dst, "type", "bind",
				"source", word, "options", "rbind", "rprivate",
				mode && strcmp(mode, "ro") == 0 ? "ro" : "rw"));
	}
	return 0;
}

static void
add_file(json_t *mounts, const struct box *b, const char *file)
{
	char source[PATH_MAX], target[64];
	box_path(b, file, source);
	snprintf(target, sizeof(target), "/etc/%s", file);
	json_array_append_new(mounts,
		json_pack("{s:s,s:s,s:s,s:[s,s]}", "destination", target, "type", "bind", "source",
			source, "options", "rbind", "rprivate"));
}

static json_t *
mounts(const struct box_options *o, const struct box *b)
{
	json_t *list = json_pack("[{s:s,s:s,s:s,s:[s,s,s]},{s:s,s:s,s:s,s:[s,s,s,s]},"
				 "{s:s,s:s,s:s,s:[s,s,s,s,s]},{s:s,s:s,s:s,s:[s,s,s,s,s]},"
				 "{s:s,s:s,s:s,s:[s,s,s]},{s:s,s:s,s:s,s:[s,s,s,s]}]",
		"destination", "/proc", "type", "proc", "source", "proc", "options", "nosuid",
		"noexec", "nodev", "destination", "/dev", "type", "tmpfs", "source", "tmpfs",
		"options", "nosuid", "strictatime", "mode=755", "size=65536k", "destination",
		"/dev/pts", "type", "devpts", "source", "devpts", "options", "nosuid", "noexec",
		"newinstance", "ptmxmode=0666", "mode=0620", "destination", "/dev/shm", "type",
		"tmpfs", "source", "shm", "options", "nosuid", "noexec", "nodev", "mode=1777",
		"size=65536k", "destination", "/dev/mqueue", "type", "mqueue", "source", "mqueue",
		"options", "nosuid", "noexec", "nodev", "destination", "/sys", "type", "sysfs",
		"source", "sysfs", "options", "nosuid", "noexec", "nodev",
		o->privileged ? "rw" : "ro");
	add_file(list, b, "hosts");
	add_file(list, b, "hostname");
	if (add_volumes(list, o) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static const char *
network(const struct box_options *o)
{
	return !o->network || strcmp(o->network, "default") == 0 ? "bridge" : o->network;
}

static json_t *
namespaces(const struct box_options *o, const struct box *b)
{
	char dir[PATH_MAX], name[32], path[PATH_MAX + 40];
	json_t *list = json_pack("[{s:s},{s:s},{s:s},{s:s},{s:s}]", "type", "pid", "type", "ipc",
		"type", "uts", "type", "mount", "type", "cgroup");
	if (strcmp(network(o), "none") == 0) {
		json_array_append_new(list, json_pack("{s:s}", "type", "network"));
	} else if (strcmp(network(o), "bridge") == 0 && netns_dir(dir) == 0) {
		box_netns(b, name);
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		json_array_append_new(
			list, json_pack("{s:s,s:s}", "type", "network", "path", path));
	} else if (strcmp(network(o), "host") != 0) {
		json_decref(list);
		err_set(ERR_INVALID, network(o), "no such network: %s", network(o));
		return NULL;
	}
	return list;
}

static json_t *
linux_part(const struct box_options *o, const struct box *b)
{
	char group[97] = "/";
	json_t *ns = namespaces(o, b);
	if (!ns)
		return NULL;
	box_group(b, group + 1);
	json_t *l = json_pack("{s:o,s:s}", "namespaces", ns, "cgroupsPath", group);
	if (o->privileged)
		return l;
	json_object_set_new(l, "maskedPaths",
		json_pack("[s,s,s,s,s,s,s,s,s,s]", "/proc/asound", "/proc/acpi", "/proc/kcore",
			"/proc/keys", "/proc/latency_stats", "/proc/timer_list",
			"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"));
	json_object_set_new(l, "readonlyPaths",
		json_pack("[s,s,s,s,s]", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
			"/proc/sysrq-trigger"));
	return l;
}

json_t *
box_config(const struct store *s, const struct image *img, const struct box_options *o,
	char **command, const struct box *b)
{
	const json_t *image = json_object_get(img->config, "config");
	const char *who = o->user ? o->user : json_string_value(json_object_get(image, "User"));
	const char *cwd =
		o->workdir ? o->workdir : json_string_value(json_object_get(image, "WorkingDir"));
	char host[64];
	snprintf(host, sizeof(host), "%.63s", o->hostname ? o->hostname : "");
	if (!o->hostname)
		snprintf(host, sizeof(host), "%.12s", b->id);
	err_clear();
	auto_json json_t *args = arguments(image, o, command);
	auto_json json_t *caps = args ? capabilities(o) : NULL;
	auto_json json_t *ids = caps ? user(s, img, who ? who : "") : NULL;
	auto_json json_t *fs = ids && !err.message[0] ? mounts(o, b) : NULL;
	auto_json json_t *lin = fs ? linux_part(o, b) : NULL;
	if (!lin)
		return NULL;
	return json_pack("{s:s,s:{s:s,s:b},s:s,s:{s:b,s:O,s:O,s:o,s:s,s:O},s:O,s:O}", "ociVersion",
		"1.0.2", "root", "path", "root", "readonly", o->read_only, "hostname", host,
		"process", "terminal", o->tty, "user", ids, "args", args, "env",
		environment(image, o, host), "cwd", cwd && *cwd ? cwd : "/", "capabilities", caps,
		"mounts", fs, "linux", lin);
}

json_t *
box_document(const char *image, const struct image *img, const struct box_options *o,
	const char *name, const json_t *config, const struct box *b)
{
	const json_t *c = json_object_get(img->config, "config");
	const char *stop = o->stop_signal ? o->stop_signal
					  : json_string_value(json_object_get(c, "StopSignal"));
	json_t *limits = json_array(), *labels = json_object();
	const char *const given[][2] = {
		{"--memory", o->memory}, {"--cpus", o->cpus}, {"--pids", o->pids}};
	for (size_t i = 0; i < 3; i++)
		if (given[i][1]) {
			json_array_append_new(limits, json_string(given[i][0]));
			json_array_append_new(limits, json_string(given[i][1]));
		}
	json_object_update(labels, json_object_get(c, "Labels"));
	for (size_t i = 0; i < o->label.n; i++) {
		auto_free char *key = str_new(o->label.v[i]);
		char *value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		json_object_set_new(labels, key, json_string(value ? value : ""));
	}
	return json_pack("{s:s,s:s,s:I,s:s,s:s,s:O,s:b,s:b,s:b,s:b,s:s,s:s,s:o,s:o,s:o}", "Id",
		b->id, "Name", name, "Created", (json_int_t)time(NULL), "Image", image, "ImageID",
		img->id, "Command", json_object_get(json_object_get(config, "process"), "args"),
		"Tty", o->tty, "OpenStdin", o->interactive, "AutoRemove", o->remove, "Privileged",
		o->privileged, "NetworkMode", network(o), "StopSignal", stop ? stop : "TERM",
		"Publish", strings(&o->publish), "Limits", limits, "Labels", labels);
}
