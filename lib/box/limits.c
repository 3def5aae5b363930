/* SPDX-License-Identifier: MIT */
#include "box/limits.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "box/policy.h"
#include "mech/ct.h"

#include <inttypes.h>
#include <string.h>

#define MIN_MEMORY ((json_int_t)6 << 20)

static int64_t
number(const json_t *h, const char *key)
{
	return json_integer_value(json_object_get(h, key));
}

static void
add(struct strlist *l, const char *option, char *value)
{
	strlist_add(l, option);
	strlist_add(l, value);
}

static void
memory(const json_t *h, struct strlist *l)
{
	int64_t limit = number(h, "Memory"), both = number(h, "MemorySwap");
	if (limit > 0)
		add(l, "--memory", fmt_new("%" PRId64, limit));
	if (number(h, "MemoryReservation") > 0)
		add(l, "--memory-high", fmt_new("%" PRId64, number(h, "MemoryReservation")));
	/* Docker counts memory and swap together, cg-create swap alone. */
	if (both < 0)
		add(l, "--swap", str_new("max"));
	else if (both > 0)
		add(l, "--swap", fmt_new("%" PRId64, both - limit));
}

static void
cpu(const json_t *h, struct strlist *l)
{
	int64_t nano = number(h, "NanoCpus"), quota = number(h, "CpuQuota");
	int64_t period = number(h, "CpuPeriod"), shares = number(h, "CpuShares");
	if (quota > 0)
		nano = quota * 1000 * 1000000 / (period > 0 ? period : 100000);
	if (nano > 0)
		add(l, "--cpus",
			fmt_new("%" PRId64 ".%09" PRId64, nano / 1000000000, nano % 1000000000));
	/* Everybody has 1024 shares, and a weight of 100. */
	if (shares > 0) {
		int64_t weight = shares * 100 / 1024;
		add(l, "--weight",
			fmt_new("%" PRId64,
				weight < 1		 ? 1
					: weight > 10000 ? 10000
							 : weight));
	}
	if (*json_string_value(json_object_get(h, "CpusetCpus")))
		add(l, "--cpuset", str_new(json_string_value(json_object_get(h, "CpusetCpus"))));
	if (*json_string_value(json_object_get(h, "CpusetMems")))
		add(l, "--mems", str_new(json_string_value(json_object_get(h, "CpusetMems"))));
}

static void
block_io(const json_t *h, struct strlist *l)
{
	static const char *const names[][2] = {{"BlkioDeviceReadBps", "rbps"},
		{"BlkioDeviceWriteBps", "wbps"}, {"BlkioDeviceReadIOps", "riops"},
		{"BlkioDeviceWriteIOps", "wiops"}};
	json_t *d;
	size_t k;
	for (size_t i = 0; i < 4; i++)
		json_array_foreach(json_object_get(h, names[i][0]), k, d) add(l, "--io",
			fmt_new("%s:%s=%" PRId64, json_string_value(json_object_get(d, "Path")),
				names[i][1], number(d, "Rate")));
}

void
box_limits(const json_t *h, struct strlist *words)
{
	memory(h, words);
	cpu(h, words);
	if (number(h, "PidsLimit") > 0)
		add(words, "--pids", fmt_new("%" PRId64, number(h, "PidsLimit")));
	block_io(h, words);
}

bool
box_is_limit(const char *key)
{
	static const char *const keys[] = {"Memory", "MemorySwap", "MemoryReservation", "NanoCpus",
		"CpuShares", "CpuPeriod", "CpuQuota", "CpusetCpus", "CpusetMems", "PidsLimit",
		"BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps",
		"BlkioDeviceWriteIOps", "RestartPolicy"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static int
check_name(const char *name)
{
	struct ct_process unused = {0};
	auto_free char *text = fmt_new("%s=-1", name);
	/* In either case, as in "RLIMIT_NOFILE". */
	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (ct_opt_rlimit(&unused, text) == 0)
		return 0;
	return err_set(ERR_INVALID, "Ulimits", "invalid ulimit type: %s", name);
}

static int
check_ulimits(const json_t *list)
{
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		/* -1: there is none. */
		json_int_t soft = json_integer_value(json_object_get(item, "Soft"));
		json_int_t hard = json_integer_value(json_object_get(item, "Hard"));
		if (check_name(json_string_value(json_object_get(item, "Name"))) < 0)
			return -1;
		if (hard >= 0 && (soft < 0 || soft > hard))
			return err_set(ERR_INVALID, "Ulimits",
				"ulimit soft limit must be less than or equal to hard limit: "
				"%" JSON_INTEGER_FORMAT " > %" JSON_INTEGER_FORMAT,
				soft, hard);
	}
	return 0;
}

/* Docker's client gives CpuQuota in a period; NanoCpus means the same. */
int
box_check_limits(const json_t *h)
{
	json_int_t memory = json_integer_value(json_object_get(h, "Memory"));
	json_int_t swap = json_integer_value(json_object_get(h, "MemorySwap"));
	json_int_t quota = json_integer_value(json_object_get(h, "CpuQuota"));
	json_int_t period = json_integer_value(json_object_get(h, "CpuPeriod"));
	json_int_t cpus = json_integer_value(json_object_get(h, "NanoCpus"));
	if (memory < 0 || (memory > 0 && memory < MIN_MEMORY))
		return err_set(ERR_INVALID, "Memory", "Minimum memory limit allowed is 6MB");
	if (swap > 0 && memory == 0)
		return err_set(ERR_INVALID, "MemorySwap",
			"a limit of memory and swap needs one of memory");
	if (swap > 0 && swap < memory)
		return err_set(ERR_INVALID, "MemorySwap",
			"the limit of memory and swap is smaller than that of memory");
	if (cpus < 0 || quota < -1 || period < 0 || (cpus && (quota || period)))
		return err_set(ERR_INVALID, "NanoCpus", "processor time is given in two ways");
	if (policy_check(json_object_get(h, "RestartPolicy")) < 0)
		return -1;
	return check_ulimits(json_object_get(h, "Ulimits"));
}
