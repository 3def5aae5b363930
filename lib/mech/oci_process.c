/* SPDX-License-Identifier: MIT
 * "process": who the program is, what it may do, and what it is (config.md "Process",
 * config-linux.md; POSIX and Linux platforms).
 */
#include "base/err.h"
#include "base/file.h"
#include "mech/ct.h"
#include "mech/oci_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static int
user(struct oci_args *a, const struct jat *process)
{
	struct jat at, groups, umask_at;
	uint64_t uid = 0, gid = 0, mask = 0, group;
	auto_buf struct buf list = BUF_INIT;
	if (jat_get_object(process, "user", &at) < 0 ||
		jat_get_u64(&at, "uid", UINT32_MAX - 1, &uid) < 0 ||
		jat_get_u64(&at, "gid", UINT32_MAX - 1, &gid) < 0 ||
		jat_get_array(&at, "additionalGids", &groups) < 0)
		return -1;
	oci_option(a, "--as", "%" PRIu64 ":%" PRIu64, uid, gid);
	for (size_t i = 0; i < jat_len(&groups); i++) {
		struct jat item = jat_item(&groups, i);
		if (jat_need(&item) < 0 || jat_u64(&item, UINT32_MAX - 1, &group) < 0)
			return -1;
		buf_addf(&list, "%s%" PRIu64, i ? "," : "", group);
	}
	if (list.len)
		oci_option(a, "--groups", "%s", list.s);
	umask_at = jat_member(&at, "umask");
	if (jat_u64(&umask_at, 0777, &mask) < 0)
		return -1;
	if (umask_at.v)
		oci_option(a, "--umask", "%03o", (unsigned)mask);
	return 0;
}

/* One of the five sets. Names that this library does not know are warned of, as the specification
 * wants. */
static int
capability_set(struct oci_args *a, const struct jat *caps, const char *which, uint64_t *bits)
{
	struct jat list;
	if (jat_get_array(caps, which, &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		const char *name = "";
		uint64_t bit;
		if (jat_str(&item, &name) < 0)
			return -1;
		struct err before = err;
		if (ct_caps_parse(name, &bit) == 0) {
			*bits |= bit;
			continue;
		}
		err = before;
		if (strcmp(which, "bounding") == 0)
			oci_warn(a, "capability '%s' is unknown, and left out", name);
	}
	return 0;
}

/* What we have to give; everything in another user namespace than ours. */
static uint64_t
capabilities_here(const struct oci_args *a)
{
	char line[64];
	uint64_t have = 0;
	if (a->other_user)
		return ct_caps_all();
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapPrm: %" SCNx64, &have) == 1)
			break;
	if (f)
		fclose(f);
	return have;
}

static void
add_capabilities(struct oci_args *a, const char *option, uint64_t bits)
{
	auto_buf struct buf list = BUF_INIT;
	for (unsigned i = 0; ct_caps_name(i); i++)
		if (bits & UINT64_C(1) << i)
			buf_addf(&list, "%s%s", list.len ? "," : "", ct_caps_name(i));
	if (list.len)
		oci_option(a, option, "%s", list.s);
}

/* The bounding set is the one that lasts: at exec the kernel makes the permitted and effective sets
 * of root from it, and empties those of others (capabilities(7), "Transformation of capabilities
 * during execve"). With no_new_privs an exec gives nothing, so there the permitted set is the last
 * word. Ambient capabilities are the exception, and only inheritable ones can be ambient. */
static int
lasting_capabilities(
	struct oci_args *a, const struct jat *process, const struct jat *caps, uint64_t *bits)
{
	uint64_t permitted = 0, inheritable = 0, ambient = 0;
	bool no_new_privs = false;
	if (capability_set(a, caps, "bounding", bits) < 0 ||
		capability_set(a, caps, "permitted", &permitted) < 0 ||
		capability_set(a, caps, "inheritable", &inheritable) < 0 ||
		capability_set(a, caps, "ambient", &ambient) < 0 ||
		jat_get_bool(process, "noNewPrivileges", &no_new_privs) < 0)
		return -1;
	if (no_new_privs)
		*bits &= permitted;
	if (!(ambient & inheritable))
		return 0;
	struct jat at = jat_member(caps, "ambient");
	return jat_fail(&at, ERR_UNSUPPORTED,
		"cannot be done: ns-exec leaves no capability inheritable or ambient");
}

static int
capabilities(struct oci_args *a, const struct jat *process)
{
	struct jat at;
	uint64_t bits = 0;
	if (jat_get_object(process, "capabilities", &at) < 0 ||
		lasting_capabilities(a, process, &at, &bits) < 0)
		return -1;
	uint64_t lacking = bits & ~capabilities_here(a);
	for (unsigned i = 0; ct_caps_name(i); i++)
		if (lacking & UINT64_C(1) << i)
			oci_warn(a, "capability %s is not ours to give, and left out",
				ct_caps_name(i));
	oci_option(a, "--cap-drop", "ALL");
	add_capabilities(a, "--cap-add", bits & ~lacking);
	return 0;
}

static void
add_limit(struct buf *out, uint64_t n)
{
	if (n == RLIM_INFINITY)
		buf_adds(out, "unlimited");
	else
		buf_addf(out, "%" PRIu64, n);
}

static int
one_limit(struct oci_args *a, const struct jat *at)
{
	struct jat type = jat_member(at, "type"), soft_at = jat_member(at, "soft"),
		   hard_at = jat_member(at, "hard");
	const char *name = "";
	uint64_t soft = 0, hard = 0;
	auto_buf struct buf text = BUF_INIT;
	if (jat_object(at) < 0 || jat_need(&type) < 0 || jat_str(&type, &name) < 0 ||
		jat_need(&soft_at) < 0 || jat_u64(&soft_at, UINT64_MAX, &soft) < 0 ||
		jat_need(&hard_at) < 0 || jat_u64(&hard_at, UINT64_MAX, &hard) < 0)
		return -1;
	if (strncmp(name, "RLIMIT_", 7) != 0 || !name[7])
		return jat_fail(&type, ERR_INVALID, "is no resource limit: '%s'", name);
	for (const char *p = name + 7; *p; p++)
		buf_addc(&text, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p);
	buf_addc(&text, '=');
	add_limit(&text, soft);
	buf_addc(&text, ':');
	add_limit(&text, hard);
	oci_option(a, "--rlimit", "%s", text.s);
	return 0;
}

static int
limits(struct oci_args *a, const struct jat *process)
{
	struct jat list;
	if (jat_get_array(process, "rlimits", &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		for (size_t k = 0; k < i; k++)
			if (json_equal(json_object_get(json_array_get(list.v, k), "type"),
				    json_object_get(item.v, "type")))
				return jat_fail(&item, ERR_INVALID, "limits the same twice");
		if (jat_need(&item) < 0 || one_limit(a, &item) < 0)
			return -1;
	}
	return 0;
}

static int
environment(struct oci_args *a, const struct jat *process)
{
	struct jat list;
	if (jat_get_array(process, "env", &list) < 0)
		return -1;
	oci_option(a, "--clear-env", NULL);
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		const char *pair = "";
		if (jat_need(&item) < 0 || jat_str(&item, &pair) < 0)
			return -1;
		if (!strchr(pair, '=') || pair[0] == '=')
			return jat_fail(&item, ERR_INVALID, "is not NAME=VALUE: '%s'", pair);
		oci_option(a, "--env", "%s", pair);
	}
	return 0;
}

static int
directory(struct oci_args *a, const struct jat *process)
{
	struct jat at = jat_member(process, "cwd");
	const char *path = "";
	if (jat_need(&at) < 0 || jat_str(&at, &path) < 0)
		return -1;
	if (path[0] != '/')
		return jat_fail(&at, ERR_INVALID, "is not an absolute path: '%s'", path);
	oci_option(a, "--cwd", "%s", path);
	return 0;
}

static int
command(struct oci_args *a, const struct jat *process)
{
	struct jat list;
	if (jat_get_array(process, "args", &list) < 0)
		return -1;
	if (!jat_len(&list)) {
		list = jat_member(process, "args");
		return jat_fail(&list, ERR_INVALID, "names no program");
	}
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		const char *word = "";
		if (jat_need(&item) < 0 || jat_str(&item, &word) < 0)
			return -1;
		strlist_add(&a->command, str_new(word));
	}
	return 0;
}

static int
flags(struct oci_args *a, const struct jat *process)
{
	struct jat oom = jat_member(process, "oomScoreAdj");
	bool terminal = false, no_new_privs = false;
	int64_t score = 0;
	if (jat_get_bool(process, "terminal", &terminal) < 0 ||
		jat_get_bool(process, "noNewPrivileges", &no_new_privs) < 0 ||
		jat_i64(&oom, -1000, 1000, &score) < 0)
		return -1;
	if (terminal)
		oci_option(a, "--tty", NULL);
	if (no_new_privs)
		oci_option(a, "--no-new-privs", NULL);
	if (oom.v)
		oci_option(a, "--oom-score-adj", "%" PRId64, score);
	return 0;
}

int
oci_process(struct oci_args *a, const struct jat *process)
{
	if (oci_refuse(process, "apparmorProfile", "ns-exec sets no AppArmor profile") < 0 ||
		oci_refuse(process, "selinuxLabel", "ns-exec sets no SELinux label") < 0 ||
		oci_refuse(process, "scheduler", "ns-exec sets no scheduler: chrt(1) does") < 0 ||
		oci_refuse(process, "ioPriority", "ns-exec sets no priority: ionice(1) does") < 0 ||
		oci_refuse(process, "execCPUAffinity",
			"ns-exec sets no affinity: taskset(1) does") < 0)
		return -1;
	if (user(a, process) < 0 || capabilities(a, process) < 0 || limits(a, process) < 0 ||
		flags(a, process) < 0 || environment(a, process) < 0 || directory(a, process) < 0)
		return -1;
	return command(a, process);
}
