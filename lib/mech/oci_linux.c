/* SPDX-License-Identifier: MIT
 * "linux" (config-linux.md) without its resources.
 */
#include "base/auto.h"
#include "base/err.h"
#include "mech/ct.h"
#include "mech/oci_in.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *type;
	const char *option;
	enum ct_ns ns;
} kinds[] = {
	{"pid", "--pid", CT_PID},
	{"network", "--net", CT_NET},
	{"mount", "--mount", CT_MOUNT},
	{"ipc", "--ipc", CT_IPC},
	{"uts", "--uts", CT_UTS},
	{"user", "--user", CT_USER},
	{"cgroup", "--cgroup", CT_CGROUP},
	{"time", "--time", CT_TIME},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int
one_namespace(struct oci_args *a, const struct jat *at, unsigned *seen)
{
	struct jat type_at = jat_member(at, "type"), path_at = jat_member(at, "path");
	const char *type = "", *path = "";
	size_t k = 0;
	if (jat_object(at) < 0 || jat_need(&type_at) < 0 || jat_str(&type_at, &type) < 0 ||
		jat_str(&path_at, &path) < 0)
		return -1;
	while (k < N_KINDS && strcmp(type, kinds[k].type) != 0)
		k++;
	if (k == N_KINDS)
		return jat_fail(&type_at, ERR_INVALID, "is no namespace: '%s'", type);
	if (*seen & 1u << kinds[k].ns)
		return jat_fail(&type_at, ERR_INVALID, "comes twice: %s", type);
	*seen |= 1u << kinds[k].ns;
	a->own_ns[kinds[k].ns] = !path[0];
	a->other_user = a->other_user || kinds[k].ns == CT_USER;
	if (!path[0])
		oci_option(a, kinds[k].option, NULL);
	else if (path[0] != '/')
		return jat_fail(&path_at, ERR_INVALID, "is not an absolute path: '%s'", path);
	else {
		oci_option(a, kinds[k].option, "%s", path);
		a->option[a->n - 1].joined = true;
	}
	return 0;
}

/* inside:outside:count. The kernel wants both or none of the two lists' owners, a new user
 * namespace. */
static int
id_map(struct oci_args *a, const struct jat *lin, const char *key, const char *option)
{
	struct jat list;
	if (jat_get_array(lin, key, &list) < 0)
		return -1;
	if (jat_len(&list) && !a->own_ns[CT_USER])
		return jat_fail(&list, ERR_INVALID, "needs a new user namespace");
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i), size_at = jat_member(&item, "size");
		uint64_t inside = 0, outside = 0, size = 0;
		if (jat_need(&item) < 0 || jat_object(&item) < 0 ||
			jat_get_u64(&item, "containerID", UINT32_MAX - 1, &inside) < 0 ||
			jat_get_u64(&item, "hostID", UINT32_MAX - 1, &outside) < 0 ||
			jat_need(&size_at) < 0 || jat_u64(&size_at, UINT32_MAX, &size) < 0)
			return -1;
		oci_option(a, option, "%" PRIu64 ":%" PRIu64 ":%" PRIu64, inside, outside, size);
	}
	return 0;
}

int
oci_namespaces(struct oci_args *a, const struct jat *lin)
{
	struct jat list;
	unsigned seen = 0;
	if (jat_get_array(lin, "namespaces", &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		if (jat_need(&item) < 0 || one_namespace(a, &item, &seen) < 0)
			return -1;
	}
	if (!(seen & 1u << CT_MOUNT)) {
		list = jat_member(lin, "namespaces");
		return jat_fail(&list, ERR_UNSUPPORTED,
			"has no mount namespace: ns-exec changes no root without one");
	}
	if (id_map(a, lin, "uidMappings", "--uid-map") < 0)
		return -1;
	return id_map(a, lin, "gidMappings", "--gid-map");
}

static int
paths(struct oci_args *a, const struct jat *lin, const char *key, const char *option)
{
	struct jat list;
	if (jat_get_array(lin, key, &list) < 0)
		return -1;
	for (size_t i = 0; i < jat_len(&list); i++) {
		struct jat item = jat_item(&list, i);
		const char *path = "";
		if (jat_need(&item) < 0 || jat_str(&item, &path) < 0)
			return -1;
		if (path[0] != '/')
			return jat_fail(&item, ERR_INVALID, "is not an absolute path: '%s'", path);
		oci_option(a, option, "%s", path);
	}
	return 0;
}

static int
settings(struct oci_args *a, const struct jat *lin)
{
	struct jat at;
	const char *key, *text = "";
	json_t *value;
	if (jat_get_object(lin, "sysctl", &at) < 0)
		return -1;
	json_object_foreach(at.v, key, value)
	{
		struct jat item = {.up = &at, .key = key, .v = value};
		if (jat_str(&item, &text) < 0)
			return -1;
		if (!key[0] || strchr(key, '='))
			return jat_fail(&item, ERR_INVALID, "is no kernel setting");
		oci_option(a, "--sysctl", "%s=%s", key, text);
	}
	return 0;
}

/* Only the kernel's own (PER_LINUX), which is what everybody has. */
static int
personality(const struct jat *lin)
{
	struct jat at, domain_at;
	const char *domain = "LINUX";
	if (jat_get_object(lin, "personality", &at) < 0 ||
		oci_refuse(&at, "flags", "ns-exec sets no personality: setarch(8) does") < 0)
		return -1;
	domain_at = jat_member(&at, "domain");
	if (jat_str(&domain_at, &domain) < 0)
		return -1;
	if (strcmp(domain, "LINUX") != 0)
		return jat_fail(&domain_at, ERR_UNSUPPORTED,
			"cannot be done: ns-exec sets no personality: setarch(8) does");
	return 0;
}

static int
propagation(struct oci_args *a, const struct jat *lin)
{
	struct jat at = jat_member(lin, "rootfsPropagation");
	const char *kind = "";
	if (jat_str(&at, &kind) < 0)
		return -1;
	if (!kind[0] || strcmp(kind, "private") == 0 || strcmp(kind, "rprivate") == 0)
		return 0;
	if (strcmp(kind, "slave") == 0 || strcmp(kind, "rslave") == 0) {
		oci_warn(a,
			"linux.rootfsPropagation %s is taken as private: later mounts of the host do not appear",
			kind);
		return 0;
	}
	return jat_fail(&at, ERR_UNSUPPORTED,
		"is '%s': ns-exec gives mounts back to nobody (private)", kind);
}

/* The profile stays in config.json, from where seccomp-bpf takes it. */
static int
seccomp(struct oci_args *a, const struct jat *lin)
{
	struct jat at, flags;
	if (jat_get_object(lin, "seccomp", &at) < 0 || jat_get_array(&at, "flags", &flags) < 0)
		return -1;
	if (!at.v) {
		oci_option(a, "--seccomp", "none");
		return 0;
	}
	for (size_t i = 0; i < jat_len(&flags); i++) {
		struct jat item = jat_item(&flags, i);
		const char *name = "";
		if (jat_str(&item, &name) < 0)
			return -1;
		/* A process with one thread has no others to synchronise with. */
		if (strcmp(name, "SECCOMP_FILTER_FLAG_TSYNC") != 0)
			oci_warn(a, "the seccomp flag %s is not set", name);
	}
	auto_free char *file = oci_host_path(a, "config.json");
	oci_option(a, "--seccomp", "%s", file);
	return 0;
}

static int
refusals(const struct jat *lin)
{
	static const struct {
		const char *key, *why;
	} rows[] = {
		{"intelRdt", "ns-exec divides no caches"},
		{"mountLabel", "ns-exec sets no SELinux label"},
		{"timeOffsets", "ns-exec sets no clocks"},
		{"netDevices", "ns-exec moves no network devices: ip(8) does"},
		{"memoryPolicy", "ns-exec sets no memory policy: numactl(8) does"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (oci_refuse(lin, rows[i].key, rows[i].why) < 0)
			return -1;
	return personality(lin);
}

int
oci_linux(struct oci_args *a, const struct jat *lin)
{
	if (refusals(lin) < 0 || propagation(a, lin) < 0 || oci_devices(a, lin) < 0 ||
		oci_resources(a, lin) < 0 || paths(a, lin, "maskedPaths", "--mask") < 0 ||
		paths(a, lin, "readonlyPaths", "--ro-path") < 0 || settings(a, lin) < 0)
		return -1;
	return seccomp(a, lin);
}
