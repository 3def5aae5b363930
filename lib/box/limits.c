/* SPDX-License-Identifier: MIT */
#include "box/limits.h"

#include "base/buf.h"

#include <inttypes.h>
#include <string.h>

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
		"BlkioDeviceWriteIOps"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}
