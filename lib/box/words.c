/* SPDX-License-Identifier: MIT */
#include "box/words.h"

#include "base/auto.h"
#include "base/parse.h"
#include "box/limits.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- values of the plain kinds ---- */

json_t *
box_place(json_t *doc, const char *path, const char **last)
{
	const char *dot;
	for (; (dot = strchr(path, '.')); path = dot + 1) {
		auto_free char *key = fmt_new("%.*s", (int)(dot - path), path);
		json_t *next = json_object_get(doc, key);
		if (!json_is_object(next))
			json_object_set_new(doc, key, next = json_object());
		doc = next;
	}
	*last = path;
	return doc;
}

static int
put(json_t *doc, const char *path, json_t *value)
{
	const char *key;
	json_t *at = box_place(doc, path, &key);
	return json_object_set_new(at, key, value) == 0
		? 0
		: err_set(ERR_INVALID, path, "the value of %s is not UTF-8", path);
}

static int
put_str(json_t *doc, const char *path, const char *value)
{
	return put(doc, path, json_string(value));
}

static int
put_flag(json_t *doc, const char *path, const char *value)
{
	(void)value;
	return put(doc, path, json_true());
}

static int
put_list(json_t *doc, const char *path, const char *value)
{
	const char *key;
	json_t *at = box_place(doc, path, &key), *list = json_object_get(at, key);
	if (!json_is_array(list))
		json_object_set_new(at, key, list = json_array());
	return json_array_append_new(list, json_string(value)) == 0
		? 0
		: err_set(ERR_INVALID, path, "the value of %s is not UTF-8", path);
}

/* "K=V", or "K" for an empty value. */
static int
put_map(json_t *doc, const char *path, const char *value)
{
	const char *key, *sign = strchr(value, '=');
	json_t *at = box_place(doc, path, &key), *map = json_object_get(at, key);
	auto_free char *name = fmt_new("%.*s", (int)strcspn(value, "="), value);
	if (!*name)
		return err_set(ERR_INVALID, value, "'%s' is not NAME=VALUE", value);
	if (!json_is_object(map))
		json_object_set_new(at, key, map = json_object());
	return json_object_set_new(map, name, json_string(sign ? sign + 1 : "")) == 0
		? 0
		: err_set(ERR_INVALID, value, "'%s' is not UTF-8", name);
}

static int
put_int(json_t *doc, const char *path, const char *value)
{
	int64_t n;
	if (strcmp(value, "-1") == 0)
		n = -1;
	else if (parse_int(value, strcmp(path, "HostConfig.OomScoreAdj") == 0 ? -1000 : 0,
			 INT64_MAX, &n) < 0)
		return -1;
	return put(doc, path, json_integer(n));
}

static int
put_size(json_t *doc, const char *path, const char *value)
{
	int64_t n = -1;
	if (strcmp(value, "-1") != 0 && parse_size(value, &n) < 0)
		return -1;
	return put(doc, path, json_integer(n));
}

static int
put_cpus(json_t *doc, const char *path, const char *value)
{
	int64_t n;
	return parse_cpus(value, &n) < 0 ? -1 : put(doc, path, json_integer(n));
}

static int
put_duration(json_t *doc, const char *path, const char *value)
{
	int64_t n;
	return parse_duration(value, &n) < 0 ? -1 : put(doc, path, json_integer(n));
}

/* ---- the table ---- */

static const struct word {
	char letter;
	const char *name, *arg; /* arg NULL: a flag */
	box_put_fn *put;
	const char *path; /* in the document */
	const char *help;
} words[] = {
	{0, "entrypoint", "PROGRAM", box_put_entrypoint, "Entrypoint",
		"run this, not the image's (\"\" for none)"},
	{'e', "env", "NAME[=VALUE]", box_put_env, "Env",
		"set a variable, or hand on ours (repeatable)"},
	{0, "env-file", "FILE", box_put_env_file, "Env", "variables, one a line (repeatable)"},
	{'l', "label", "NAME[=VALUE]", put_map, "Labels", "a label (repeatable)"},
	{0, "label-file", "FILE", box_put_label_file, "Labels", "labels, one a line (repeatable)"},
	{'u', "user", "USER[:GROUP]", put_str, "User", "who runs it"},
	{0, "group-add", "GROUP", put_list, "HostConfig.GroupAdd",
		"one more group of the user (repeatable)"},
	{'w', "workdir", "DIR", put_str, "WorkingDir", "where it starts"},
	{'h', "hostname", "NAME", put_str, "Hostname", "its host name"},
	{0, "domainname", "NAME", put_str, "Domainname", "its NIS domain name"},
	{'t', "tty", NULL, put_flag, "Tty", "a terminal of its own"},
	{'i', "interactive", NULL, put_flag, "OpenStdin", "keep its input open"},
	{'d', "detach", NULL, put_flag, "Detach",
		"nobody stays: its input does not end with who gives it"},
	{0, "rm", NULL, put_flag, "HostConfig.AutoRemove", "remove it when it has ended"},
	{0, "init", NULL, put_flag, "HostConfig.Init", "a small init as its process 1"},
	{0, "read-only", NULL, put_flag, "HostConfig.ReadonlyRootfs", "the root is read-only"},
	{0, "privileged", NULL, put_flag, "HostConfig.Privileged",
		"all capabilities and devices, nothing masked"},
	{0, "cap-add", "CAP", put_list, "HostConfig.CapAdd", "keep a capability (repeatable)"},
	{0, "cap-drop", "CAP", put_list, "HostConfig.CapDrop", "drop a capability (repeatable)"},
	{0, "security-opt", "OPTION", put_list, "HostConfig.SecurityOpt",
		"no-new-privileges, seccomp=FILE or seccomp=unconfined (repeatable)"},
	{0, "device", "SRC[:DST[:rwm]]", box_put_device, "HostConfig.Devices",
		"a device of the host (repeatable)"},
	{0, "device-cgroup-rule", "RULE", put_list, "HostConfig.DeviceCgroupRules",
		"devices it may use, such as 'c 10:229 rw' (repeatable)"},
	{0, "ulimit", "NAME=SOFT[:HARD]", box_put_ulimit, "HostConfig.Ulimits",
		"resource limit of its processes (repeatable)"},
	{0, "sysctl", "NAME=VALUE", put_map, "HostConfig.Sysctls",
		"kernel setting of its namespaces (repeatable)"},
	{0, "shm-size", "SIZE", put_size, "HostConfig.ShmSize", "size of /dev/shm (64m)"},
	{0, "oom-score-adj", "N", put_int, "HostConfig.OomScoreAdj",
		"how willingly the kernel kills it when memory is out"},
	{0, "pid", "MODE", put_str, "HostConfig.PidMode", "host, or container:BOX: no own ids"},
	{0, "ipc", "MODE", put_str, "HostConfig.IpcMode", "private, host or container:BOX"},
	{0, "uts", "MODE", put_str, "HostConfig.UTSMode", "host: the host's name"},
	{0, "cgroupns", "MODE", put_str, "HostConfig.CgroupnsMode", "private or host"},
	{0, "userns", "MODE", put_str, "HostConfig.UsernsMode",
		"its user ids: host, auto, UID:GID:COUNT, or those of a USER in /etc/subuid"},
	{'m', "memory", "SIZE", put_size, "HostConfig.Memory", "memory at most"},
	{0, "memory-swap", "SIZE", put_size, "HostConfig.MemorySwap",
		"memory and swap together at most (-1: no limit)"},
	{0, "memory-reservation", "SIZE", put_size, "HostConfig.MemoryReservation",
		"memory above which it is slowed down (cgroup v2)"},
	{0, "cpus", "N", put_cpus, "HostConfig.NanoCpus", "processor time at most"},
	{'c', "cpu-shares", "N", put_int, "HostConfig.CpuShares",
		"share of busy processors (others have 1024)"},
	{0, "cpuset-cpus", "LIST", put_str, "HostConfig.CpusetCpus", "processors to run on"},
	{0, "cpuset-mems", "LIST", put_str, "HostConfig.CpusetMems", "memory nodes to use"},
	{0, "pids-limit", "N", put_int, "HostConfig.PidsLimit", "processes at most"},
	{0, "device-read-bps", "DEV:RATE", box_put_rate, "HostConfig.BlkioDeviceReadBps",
		"bytes a second read from a disk (repeatable)"},
	{0, "device-write-bps", "DEV:RATE", box_put_rate, "HostConfig.BlkioDeviceWriteBps",
		"bytes a second written to it"},
	{0, "device-read-iops", "DEV:N", box_put_rate, "HostConfig.BlkioDeviceReadIOps",
		"reads a second"},
	{0, "device-write-iops", "DEV:N", box_put_rate, "HostConfig.BlkioDeviceWriteIOps",
		"writes a second"},
	{'v', "volume", "[SRC:]DST[:ro]", box_put_volume, "HostConfig.Binds",
		"a directory of the host, or a volume (repeatable)"},
	{0, "mount", "KEY=VALUE,...", box_put_mount, "HostConfig.Mounts",
		"type=bind|volume|tmpfs,source=,target=,readonly (repeatable)"},
	{0, "volumes-from", "BOX[:ro]", put_list, "HostConfig.VolumesFrom",
		"the volumes of another box (repeatable)"},
	{0, "tmpfs", "DST[:OPTIONS]", box_put_tmpfs, "HostConfig.Tmpfs",
		"an empty directory in memory (repeatable)"},
	{0, "network", "MODE", box_put_network, "HostConfig.NetworkMode",
		"bridge, none, host, container:BOX, or one of net-create (repeatable)"},
	{0, "ip", "ADDRESS", box_put_endpoint, "IPAMConfig.IPv4Address", "its address"},
	{0, "network-alias", "NAME", box_put_endpoint_list, "Aliases",
		"a name in its network (repeatable)"},
	{0, "network-rate", "RATE", put_str, "HostConfig.NetworkRate",
		"at most so many bits a second each way: 10mbit"},
	{'p', "publish", "[IP:][HPORT:]CPORT", box_put_publish, "HostConfig.PortBindings",
		"a port of the host leads to one of its (repeatable)"},
	{'P', "publish-all", NULL, put_flag, "HostConfig.PublishAllPorts",
		"publish all exposed ports somewhere"},
	{0, "expose", "PORT[/udp]", box_put_expose, "ExposedPorts",
		"a port it serves (repeatable)"},
	{0, "link", "BOX[:ALIAS]", put_list, "HostConfig.Links",
		"know another box by a name, and its variables (repeatable)"},
	{0, "add-host", "NAME:ADDRESS", put_list, "HostConfig.ExtraHosts",
		"a line in /etc/hosts (repeatable)"},
	{0, "dns", "ADDRESS", put_list, "HostConfig.Dns", "a name server (repeatable)"},
	{0, "dns-search", "DOMAIN", put_list, "HostConfig.DnsSearch",
		"a domain to search names in (repeatable)"},
	{0, "dns-option", "OPTION", put_list, "HostConfig.DnsOptions",
		"an option of resolv.conf (repeatable)"},
	{0, "stop-signal", "SIGNAL", put_str, "StopSignal", "what box-stop sends (TERM)"},
	{0, "stop-timeout", "SECONDS", put_int, "StopTimeout",
		"how long box-stop waits before KILL (10)"},
	{0, "restart", "POLICY[:N]", box_put_restart, "HostConfig.RestartPolicy",
		"no, on-failure[:N], always or unless-stopped"},
	{0, "health-cmd", "COMMAND", box_put_health, "Healthcheck.Test",
		"how to see that it is well"},
	{0, "health-interval", "TIME", put_duration, "Healthcheck.Interval", "how often (30s)"},
	{0, "health-timeout", "TIME", put_duration, "Healthcheck.Timeout",
		"how long at most (30s)"},
	{0, "health-start-period", "TIME", put_duration, "Healthcheck.StartPeriod",
		"failures do not count at first"},
	{0, "health-retries", "N", put_int, "Healthcheck.Retries",
		"failures that make it unhealthy (3)"},
	{0, "no-healthcheck", NULL, box_put_no_health, "Healthcheck.Test",
		"not the image's health check"},
	{0, "log-driver", "NAME", put_str, "HostConfig.LogConfig.Type", "json-file or none"},
	{0, "log-opt", "NAME=VALUE", put_map, "HostConfig.LogConfig.Config",
		"max-size and max-file of the log (repeatable)"},
	{0, "storage-opt", "size=SIZE", put_map, "HostConfig.StorageOpt",
		"how large its writable layer may become; type=project, loop or tmpfs"},
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

static size_t
add_rows(struct box_words *w, bool limits, struct opt *rows)
{
	size_t n = 0;
	for (size_t i = 0; i < N_WORDS; i++) {
		const struct word *o = &words[i];
		if (limits &&
			(strncmp(o->path, "HostConfig.", 11) != 0 || !box_is_limit(o->path + 11)))
			continue;
		rows[n++] = (struct opt){o->letter, o->name, o->arg, o->arg ? opt_list : opt_flag,
			o->arg ? (void *)&w->value[i] : (void *)&w->flag[i], o->help, false};
	}
	return n;
}

static void
finish_rows(size_t n, const struct opt *own, struct opt *rows)
{
	for (; own->name; own++)
		rows[n++] = *own;
	rows[n] = (struct opt)OPT_END;
}

void
box_words_options(struct box_words *w, const struct opt *own, struct opt *rows)
{
	finish_rows(add_rows(w, false, rows), own, rows);
}

void
box_words_limits(struct box_words *w, const struct opt *own, struct opt *rows)
{
	finish_rows(add_rows(w, true, rows), own, rows);
}

/* Docker's client says who is attached, and that input ends with the client's. */
static void
add_streams(json_t *doc, const char *image, char **command)
{
	json_t *cmd = json_array();
	for (; command && *command; command++)
		json_array_append_new(cmd, json_string(*command));
	if (json_array_size(cmd))
		json_object_set(doc, "Cmd", cmd);
	json_decref(cmd);
	json_object_set_new(doc, "Image", json_string(image));
	if (json_is_true(json_object_get(doc, "Detach")))
		return;
	json_object_set_new(doc, "AttachStdout", json_true());
	json_object_set_new(doc, "AttachStderr", json_true());
	if (json_is_true(json_object_get(doc, "OpenStdin"))) {
		json_object_set_new(doc, "AttachStdin", json_true());
		json_object_set_new(doc, "StdinOnce", json_true());
	}
}

json_t *
box_words_document(const struct box_words *w, const char *image, char **command)
{
	auto_json json_t *doc = json_object();
	/* A network has to be known before what is said of the place in it. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < N_WORDS; i++) {
			if ((words[i].put == box_put_network) != (pass == 0))
				continue;
			if (w->flag[i] && words[i].put(doc, words[i].path, NULL) < 0)
				return NULL;
			for (size_t k = 0; k < w->value[i].n; k++)
				if (words[i].put(doc, words[i].path, w->value[i].v[k]) < 0) {
					err_prefix("--%s", words[i].name);
					return NULL;
				}
		}
	add_streams(doc, image, command);
	return json_incref(doc);
}

void
box_words_again(const struct box_words *w, struct strlist *argv)
{
	for (size_t i = 0; i < N_WORDS; i++) {
		if (w->flag[i])
			strlist_add(argv, fmt_new("--%s", words[i].name));
		for (size_t k = 0; k < w->value[i].n; k++)
			strlist_add(argv, fmt_new("--%s=%s", words[i].name, w->value[i].v[k]));
	}
}

bool
box_words_detach(const struct box_words *w)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (words[i].letter == 'd')
			return w->flag[i];
	return false;
}
