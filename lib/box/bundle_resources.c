/* SPDX-License-Identifier: MIT
 * Limits in the words of the OCI runtime specification (config-linux.md, "Control groups").
 */
#include "base/auto.h"
#include "box/bundle.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PERIOD 100000 /* microseconds, the kernel's own */

static json_int_t
number(const json_t *h, const char *key)
{
	return json_integer_value(json_object_get(h, key));
}

static json_t *
cpu(const json_t *h)
{
	static const char *const names[][2] = {{"CpusetCpus", "cpus"}, {"CpusetMems", "mems"}};
	json_t *c = json_object();
	json_int_t quota = number(h, "CpuQuota"), period = number(h, "CpuPeriod");
	json_int_t cpus = number(h, "NanoCpus");
	if (cpus) {
		period = PERIOD;
		quota = cpus / (1000000000 / PERIOD);
	}
	if (number(h, "CpuShares"))
		json_object_set_new(c, "shares", json_integer(number(h, "CpuShares")));
	if (quota)
		json_object_set_new(c, "quota", json_integer(quota));
	if (period)
		json_object_set_new(c, "period", json_integer(period));
	for (size_t i = 0; i < 2; i++)
		if (*json_string_value(json_object_get(h, names[i][0])))
			json_object_set(c, names[i][1], json_object_get(h, names[i][0]));
	return c;
}

static json_t *
memory(const json_t *h)
{
	static const char *const names[][2] = {
		{"Memory", "limit"}, {"MemorySwap", "swap"}, {"MemoryReservation", "reservation"}};
	json_t *m = json_object();
	for (size_t i = 0; i < 3; i++)
		if (number(h, names[i][0]))
			json_object_set_new(m, names[i][1], json_integer(number(h, names[i][0])));
	return m;
}

static int
block_io(const json_t *h, json_t *out)
{
	static const char *const names[][2] = {{"BlkioDeviceReadBps", "throttleReadBpsDevice"},
		{"BlkioDeviceWriteBps", "throttleWriteBpsDevice"},
		{"BlkioDeviceReadIOps", "throttleReadIOPSDevice"},
		{"BlkioDeviceWriteIOps", "throttleWriteIOPSDevice"}};
	for (size_t i = 0; i < 4; i++) {
		json_t *list = json_array(), *d;
		size_t k;
		json_array_foreach(json_object_get(h, names[i][0]), k, d)
		{
			const char *path = json_string_value(json_object_get(d, "Path"));
			struct stat sb;
			if (stat(path, &sb) < 0 || !S_ISBLK(sb.st_mode)) {
				json_decref(list);
				return err_set(ERR_INVALID, path, "%s is not a block device", path);
			}
			json_array_append_new(list,
				json_pack("{s:I,s:I,s:O}", "major", (json_int_t)major(sb.st_rdev),
					"minor", (json_int_t)minor(sb.st_rdev), "rate",
					json_object_get(d, "Rate")));
		}
		if (json_array_size(list))
			json_object_set(out, names[i][1], list);
		json_decref(list);
	}
	return 0;
}

static void
allow(json_t *list, const char *type, json_int_t major_no, json_int_t minor_no, const char *access)
{
	json_t *rule = json_pack("{s:b,s:s,s:s}", "allow", 1, "type", type, "access", access);
	if (major_no >= 0)
		json_object_set_new(rule, "major", json_integer(major_no));
	if (minor_no >= 0)
		json_object_set_new(rule, "minor", json_integer(minor_no));
	json_array_append_new(list, rule);
}

/* "c 10:229 rwm" */
static int
add_rule(json_t *list, const char *text)
{
	char type[2], major_no[12], minor_no[12], access[4];
	int a = -1, b = -1;
	if (sscanf(text, "%1[abc] %11[0-9*]:%11[0-9*] %3[rwm]", type, major_no, minor_no, access) !=
			4 ||
		(*major_no != '*' && sscanf(major_no, "%d", &a) != 1) ||
		(*minor_no != '*' && sscanf(minor_no, "%d", &b) != 1))
		return err_set(ERR_INVALID, text, "invalid device cgroup rule format: '%s'", text);
	allow(list, type, a, b, access);
	return 0;
}

/* What Docker lets every container use (moby, oci/defaults.go), and what was asked for. */
static json_t *
device_rules(const json_t *h)
{
	static const int common[][2] = {
		{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}};
	auto_json json_t *list = json_array();
	json_t *item;
	size_t i;
	struct stat sb;
	if (json_is_true(json_object_get(h, "Privileged"))) {
		allow(list, "a", -1, -1, "rwm");
		return json_incref(list);
	}
	json_array_append_new(list, json_pack("{s:b,s:s}", "allow", 0, "access", "rwm"));
	allow(list, "c", -1, -1, "m");
	allow(list, "b", -1, -1, "m");
	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		allow(list, "c", common[i][0], common[i][1], "rwm");
	allow(list, "c", 136, -1, "rwm");
	json_array_foreach(json_object_get(h, "Devices"), i, item)
	{
		const char *how = json_string_value(json_object_get(item, "CgroupPermissions"));
		if (stat(json_string_value(json_object_get(item, "PathOnHost")), &sb) == 0)
			allow(list, S_ISBLK(sb.st_mode) ? "b" : "c", major(sb.st_rdev),
				minor(sb.st_rdev), *how ? how : "rwm");
	}
	json_array_foreach(json_object_get(h, "DeviceCgroupRules"), i,
		item) if (add_rule(list, json_string_value(item)) < 0) return NULL;
	return json_incref(list);
}

json_t *
bundle_resources(const json_t *h)
{
	auto_json json_t *io = json_object();
	auto_json json_t *rules = device_rules(h);
	if (!rules || block_io(h, io) < 0)
		return NULL;
	json_t *r = json_pack("{s:O,s:o,s:o,s:O}", "devices", rules, "cpu", cpu(h), "memory",
		memory(h), "blockIO", io);
	if (number(h, "PidsLimit") > 0)
		json_object_set_new(r, "pids", json_pack("{s:I}", "limit", number(h, "PidsLimit")));
	return r;
}
