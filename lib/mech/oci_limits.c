/* SPDX-License-Identifier: MIT
 * "linux.resources" and "linux.cgroupsPath": limits are the matter of cg-create, so all that
 * happens here is that they are read and the words for cg-create are said.
 */
#include "base/err.h"
#include "mech/oci_in.h"

#include <inttypes.h>
#include <string.h>

struct limits {
	struct buf words; /* for cg-create */
	struct buf others; /* what it has no word for */
};

static void
free_limits(struct limits *l)
{
	buf_free(&l->words);
	buf_free(&l->others);
}

static void
other(struct limits *l, const struct jat *at)
{
	if (l->others.len)
		buf_adds(&l->others, ", ");
	jat_path(at, &l->others);
}

/* Members of an object that were not handled otherwise. */
static void
all_others(struct limits *l, const struct jat *at, const char *const *handled)
{
	const char *key;
	json_t *value;
	json_object_foreach(at->v, key, value)
	{
		struct jat item = {.up = at, .key = key, .v = value};
		size_t i = 0;
		while (handled[i] && strcmp(handled[i], key) != 0)
			i++;
		if (!handled[i] && !json_is_null(value) && !oci_empty(value))
			other(l, &item);
	}
}

static int
memory(struct limits *l, const struct jat *resources)
{
	static const char *const handled[] = {"limit", "swap", NULL};
	struct jat at, limit_at, swap_at;
	int64_t limit = -1, swap = -1;
	if (jat_get_object(resources, "memory", &at) < 0)
		return -1;
	limit_at = jat_member(&at, "limit");
	swap_at = jat_member(&at, "swap");
	if (jat_i64(&limit_at, -1, INT64_MAX, &limit) < 0 ||
		jat_i64(&swap_at, -1, INT64_MAX, &swap) < 0)
		return -1;
	if (limit > 0)
		buf_addf(&l->words, " --memory %" PRId64, limit);
	/* Here swap counts with the memory; for cg-create beside it. */
	if (swap > 0 && limit > 0 && swap >= limit)
		buf_addf(&l->words, " --swap %" PRId64, swap - limit);
	all_others(l, &at, handled);
	return 0;
}

static int
cpu(struct limits *l, const struct jat *resources)
{
	static const char *const handled[] = {"shares", "quota", "period", "cpus", "mems", NULL};
	struct jat at, quota_at;
	uint64_t shares = 0, period = 100000;
	int64_t quota = 0;
	const char *cpus = "", *mems = "";
	if (jat_get_object(resources, "cpu", &at) < 0)
		return -1;
	quota_at = jat_member(&at, "quota");
	if (jat_get_u64(&at, "shares", UINT64_MAX, &shares) < 0 ||
		jat_i64(&quota_at, INT64_MIN, INT64_MAX, &quota) < 0 ||
		jat_get_u64(&at, "period", 1000000, &period) < 0 ||
		jat_get_str(&at, "cpus", &cpus) < 0 || jat_get_str(&at, "mems", &mems) < 0)
		return -1;
	if (quota > 0 && period > 0)
		buf_addf(&l->words, " --cpus %.3f", (double)quota / (double)period);
	/* Everybody has 1024 of the one and 100 of the other. */
	if (shares) {
		uint64_t weight = shares >= 102400 ? 10000 : (shares * 100 + 512) / 1024;
		buf_addf(&l->words, " --weight %" PRIu64, weight ? weight : 1);
	}
	if (cpus[0]) {
		buf_adds(&l->words, " --cpuset ");
		buf_add_sh(&l->words, cpus);
	}
	if (mems[0]) {
		buf_adds(&l->words, " --mems ");
		buf_add_sh(&l->words, mems);
	}
	all_others(l, &at, handled);
	return 0;
}

static int
throttle(struct limits *l, const struct jat *io, const char *key, const char *word)
{
	struct jat list;
	if (jat_get_array(io, key, &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		uint64_t major = 0, minor = 0, rate = 0;
		if (jat_object(&item) < 0 || jat_get_u64(&item, "major", UINT32_MAX, &major) < 0 ||
			jat_get_u64(&item, "minor", UINT32_MAX, &minor) < 0 ||
			jat_get_u64(&item, "rate", UINT64_MAX, &rate) < 0)
			return -1;
		buf_addf(&l->words, " --io %" PRIu64 ":%" PRIu64 ":%s=%" PRIu64, major, minor, word,
			rate);
	}
	return 0;
}

static int
block_io(struct limits *l, const struct jat *resources)
{
	static const struct {
		const char *key, *word;
	} rates[] = {{"throttleReadBpsDevice", "rbps"}, {"throttleWriteBpsDevice", "wbps"},
		{"throttleReadIOPSDevice", "riops"}, {"throttleWriteIOPSDevice", "wiops"}};
	static const char *const handled[] = {"throttleReadBpsDevice", "throttleWriteBpsDevice",
		"throttleReadIOPSDevice", "throttleWriteIOPSDevice", NULL};
	struct jat at;
	if (jat_get_object(resources, "blockIO", &at) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (throttle(l, &at, rates[i].key, rates[i].word) < 0)
			return -1;
	all_others(l, &at, handled);
	return 0;
}

static int
pids(struct limits *l, const struct jat *resources)
{
	struct jat at, limit_at;
	int64_t limit = 0;
	if (jat_get_object(resources, "pids", &at) < 0)
		return -1;
	limit_at = jat_member(&at, "limit");
	if (jat_i64(&limit_at, INT64_MIN, INT64_MAX, &limit) < 0)
		return -1;
	if (limit > 0)
		buf_addf(&l->words, " --pids %" PRId64, limit);
	return 0;
}

/* "/a/b", "a/b", or systemd's slice:prefix:name. */
static void
add_group_name(struct buf *out, const char *path)
{
	path += strspn(path, "/");
	buf_add_sh(out, *path && !strchr(path, ':') ? path : "NAME");
}

int
oci_resources(struct oci_args *a, const struct jat *lin)
{
	static const char *const handled[] = {"memory", "cpu", "pids", "blockIO", NULL};
	__attribute__((cleanup(free_limits))) struct limits l = {0};
	auto_buf struct buf name = BUF_INIT;
	struct jat at;
	const char *path = "";
	if (jat_get_object(lin, "resources", &at) < 0 || memory(&l, &at) < 0 || cpu(&l, &at) < 0 ||
		block_io(&l, &at) < 0 || pids(&l, &at) < 0 ||
		jat_get_str(lin, "cgroupsPath", &path) < 0)
		return -1;
	all_others(&l, &at, handled);
	add_group_name(&name, path);
	if (l.words.len || path[0])
		oci_warn(a,
			"ns-exec makes no control group: 'cg-create%s %s', and then --join-cgroup %s, does what %s says",
			buf_str(&l.words), name.s, name.s,
			path[0] ? "linux.cgroupsPath" : "linux.resources");
	if (l.others.len)
		oci_warn(a, "no tool of ours sets what is asked for in %s", l.others.s);
	return 0;
}
