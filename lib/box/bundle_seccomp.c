/* SPDX-License-Identifier: MIT
 * Docker's form of a seccomp profile, whose rules hold for some capabilities, machines or kernels
 * only, in the OCI form, which has no conditions.
 */
#include "base/auto.h"
#include "base/buf.h"
#include "box/bundle_in.h"
#include "mech/seccomp_builtin.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

struct host {
	const json_t *caps; /* names of those that the box has */
	const char *arch; /* as Docker names machines: "amd64" */
	unsigned kernel[2];
};

static bool
names(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item) if (json_is_string(item) &&
		strcmp(json_string_value(item), name) == 0) return true;
	return false;
}

static bool
any_cap(const struct host *host, const json_t *list)
{
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item) if (json_is_string(item) &&
		names(host->caps, json_string_value(item))) return true;
	return false;
}

static bool
new_enough(const struct host *host, const json_t *minimum)
{
	unsigned v[2];
	const char *text = json_string_value(minimum);
	if (!text || sscanf(text, "%u.%u", &v[0], &v[1]) != 2)
		return true;
	return host->kernel[0] > v[0] || (host->kernel[0] == v[0] && host->kernel[1] >= v[1]);
}

/* moby, profiles/seccomp "setupSeccomp": all of a rule's includes must hold, none of its excludes.
 */
static bool
holds(const struct host *host, const json_t *rule)
{
	const json_t *in = json_object_get(rule, "includes"),
		     *ex = json_object_get(rule, "excludes");
	const json_t *arches = json_object_get(in, "arches"), *caps = json_object_get(in, "caps");
	if (json_array_size(arches) && !names(arches, host->arch))
		return false;
	if (json_array_size(caps) && !any_cap(host, caps))
		return false;
	return new_enough(host, json_object_get(in, "minKernel")) &&
		!names(json_object_get(ex, "arches"), host->arch) &&
		!any_cap(host, json_object_get(ex, "caps"));
}

static json_t *
rules_for(const struct host *host, const json_t *profile)
{
	static const char *const kept[] = {"names", "action", "errnoRet", "args"};
	json_t *out = json_array(), *rule;
	size_t i;
	json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
	{
		if (!holds(host, rule))
			continue;
		json_t *one = json_object();
		for (size_t k = 0; k < 4; k++)
			if (json_object_get(rule, kept[k]))
				json_object_set(one, kept[k], json_object_get(rule, kept[k]));
		json_array_append_new(out, one);
	}
	return out;
}

/* Names of this machine: Docker's, and that of the profile's archMap. */
static json_t *
machine(const json_t *profile, const char *kind, const char **arch)
{
	static const char *const known[][3] = {{"x86_64", "amd64", "SCMP_ARCH_X86_64"},
		{"aarch64", "arm64", "SCMP_ARCH_AARCH64"},
		{"riscv64", "riscv64", "SCMP_ARCH_RISCV64"}, {"s390x", "s390x", "SCMP_ARCH_S390X"}};
	json_t *list = json_array(), *row;
	size_t i, k;
	*arch = kind;
	for (k = 0; k < 4; k++)
		if (strcmp(kind, known[k][0]) == 0)
			*arch = known[k][1];
	json_array_foreach(json_object_get(profile, "archMap"), i, row)
	{
		json_t *main = json_object_get(row, "architecture");
		for (k = 0; k < 4; k++)
			if (strcmp(kind, known[k][0]) == 0 && json_is_string(main) &&
				strcmp(json_string_value(main), known[k][2]) == 0) {
				json_array_append(list, main);
				json_array_extend(list, json_object_get(row, "subArchitectures"));
			}
	}
	return list;
}

static json_t *
oci_form(json_t *profile, const json_t *caps)
{
	struct utsname u;
	struct host host = {.caps = caps};
	/* Already in the OCI form. */
	if (!json_object_get(profile, "archMap"))
		return json_incref(profile);
	uname(&u);
	if (sscanf(u.release, "%u.%u", &host.kernel[0], &host.kernel[1]) != 2)
		host.kernel[0] = 0;
	json_t *arches = machine(profile, u.machine, &host.arch);
	json_t *out = json_pack("{s:O,s:o,s:o}", "defaultAction",
		json_object_get(profile, "defaultAction"), "architectures", arches, "syscalls",
		rules_for(&host, profile));
	if (out && json_object_get(profile, "defaultErrnoRet"))
		json_object_set(
			out, "defaultErrnoRet", json_object_get(profile, "defaultErrnoRet"));
	return out;
}

/* What --security-opt seccomp= says: "", a path, "unconfined", or the profile itself, which
 * Docker's client sends. */
static const char *
wanted(const json_t *h)
{
	const char *which = "";
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(h, "SecurityOpt"), i, item)
	{
		const char *s = json_string_value(item);
		if (strncmp(s, "seccomp=", 8) == 0 || strncmp(s, "seccomp:", 8) == 0)
			which = s + 8;
	}
	return which;
}

int
bundle_seccomp(const json_t *h, const json_t *caps, json_t *lin)
{
	const char *which = wanted(h);
	auto_json json_t *profile = NULL;
	if (strcmp(which, "unconfined") == 0)
		return 0;
	if (!*which || strcmp(which, "default") == 0)
		profile = json_parse(
			"the default seccomp profile", seccomp_builtin, seccomp_builtin_len);
	else if (*which == '{')
		profile = json_parse("seccomp", which, strlen(which));
	else
		profile = json_read(which, JSON_SIZE_MAX);
	json_t *made = profile ? oci_form(profile, caps) : NULL;
	if (!made)
		return profile ? err_set(ERR_INVALID, which, "%s is not a seccomp profile", which)
			       : -1;
	return json_object_set_new(lin, "seccomp", made);
}
