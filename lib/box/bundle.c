/* SPDX-License-Identifier: MIT */
#include "box/bundle.h"

#include "base/auto.h"
#include "base/buf.h"
#include "door/rootless.h"
#include "mech/ct.h"

#include <stdio.h>
#include <string.h>

/* A later one of the same name counts, in the place of the first. */
static void
set_variable(json_t *list, const char *pair)
{
	size_t len = strcspn(pair, "="), i;
	json_t *item;
	if (!pair[len] || !len)
		return;
	json_array_foreach(list, i, item) if (strncmp(json_string_value(item), pair, len + 1) == 0)
	{
		json_array_set_new(list, i, json_string(pair));
		return;
	}
	json_array_append_new(list, json_string(pair));
}

static json_t *
environment(const json_t *config)
{
	json_t *list = json_array(), *item;
	const char *host = json_string_value(json_object_get(config, "Hostname"));
	auto_buf struct buf name = BUF_INIT;
	size_t i;
	set_variable(list, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	buf_addf(&name, "HOSTNAME=%s", host);
	if (*host)
		set_variable(list, name.s);
	if (json_is_true(json_object_get(config, "Tty")))
		set_variable(list, "TERM=xterm");
	json_array_foreach(json_object_get(config, "Env"), i, item)
		set_variable(list, json_string_value(item));
	return list;
}

static json_t *
arguments(const json_t *config)
{
	json_t *args = json_array();
	if (json_is_array(json_object_get(config, "Entrypoint")))
		json_array_extend(args, json_object_get(config, "Entrypoint"));
	if (json_is_array(json_object_get(config, "Cmd")))
		json_array_extend(args, json_object_get(config, "Cmd"));
	return args;
}

static int
named_caps(const json_t *list, struct ct_caps *set)
{
	json_t *item;
	size_t i;
	json_array_foreach(
		list, i, item) if (ct_caps_name_in(set, json_string_value(item)) < 0) return -1;
	return 0;
}

/* Other than moby, which gives a privileged container all of them whatever is dropped. */
static json_t *
capabilities(const json_t *h)
{
	bool privileged = json_is_true(json_object_get(h, "Privileged"));
	struct ct_caps add = {0}, drop = {0};
	if (named_caps(json_object_get(h, "CapAdd"), &add) < 0 ||
		named_caps(json_object_get(h, "CapDrop"), &drop) < 0)
		return NULL;
	uint64_t bits = ct_caps_change(privileged ? ct_caps_all() : ct_caps_default(), &add, &drop);
	json_t *list = json_array();
	for (unsigned i = 0; ct_caps_name(i); i++)
		if (bits & UINT64_C(1) << i) {
			auto_buf struct buf name = BUF_INIT;
			buf_adds(&name, "CAP_");
			for (const char *p = ct_caps_name(i); *p; p++)
				buf_addc(&name,
					*p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
			json_array_append_new(list, json_string(name.s));
		}
	return list;
}

/* -1 is no limit, which is 2^64-1 in the specification. */
static json_t *
limit(const json_t *ulimit, const char *which)
{
	json_t *n = json_object_get(ulimit, which);
	return json_integer_value(n) < 0 ? json_string(BOX_UNLIMITED) : json_incref(n);
}

static json_t *
limits(const json_t *h)
{
	json_t *list = json_array(), *u;
	size_t i;
	json_array_foreach(json_object_get(h, "Ulimits"), i, u)
	{
		auto_buf struct buf type = BUF_INIT;
		buf_adds(&type, "RLIMIT_");
		for (const char *p = json_string_value(json_object_get(u, "Name")); *p; p++)
			buf_addc(&type, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
		json_array_append_new(list,
			json_pack("{s:s,s:o,s:o}", "type", type.s, "soft", limit(u, "Soft"), "hard",
				limit(u, "Hard")));
	}
	return list;
}

static int
security(const json_t *h, json_t *process)
{
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(h, "SecurityOpt"), i, item)
	{
		const char *s = json_string_value(item);
		if (strcmp(s, "no-new-privileges") == 0 ||
			strcmp(s, "no-new-privileges=true") == 0 ||
			strcmp(s, "no-new-privileges:true") == 0)
			json_object_set_new(process, "noNewPrivileges", json_true());
		else if (strncmp(s, "seccomp", 7) != 0 && strncmp(s, "label", 5) != 0 &&
			strncmp(s, "apparmor", 8) != 0 && strncmp(s, "no-new-privileges", 17) != 0)
			return err_set(ERR_INVALID, s, "invalid --security-opt: \"%s\"", s);
	}
	return 0;
}

static json_t *
process(const json_t *doc, json_t *user)
{
	const json_t *c = json_object_get(doc, "Config"), *h = json_object_get(doc, "HostConfig");
	const char *cwd = json_string_value(json_object_get(c, "WorkingDir"));
	json_t *caps = capabilities(h);
	if (!caps)
		return NULL;
	json_t *p = json_pack("{s:b,s:O,s:o,s:o,s:s,s:{s:O,s:O,s:O},s:o,s:O}", "terminal",
		json_is_true(json_object_get(c, "Tty")), "user", user, "args", arguments(c), "env",
		environment(c), "cwd", *cwd ? cwd : "/", "capabilities", "bounding", caps,
		"effective", caps, "permitted", caps, "rlimits", limits(h), "oomScoreAdj",
		json_object_get(h, "OomScoreAdj"));
	json_decref(caps);
	/* An ordinary user's session may have a floor that he cannot go below (systemd's
	 * user@.service): 0, which nobody asked for, is then what he has. */
	if (rootless_here() && json_integer_value(json_object_get(h, "OomScoreAdj")) == 0)
		json_object_del(p, "oomScoreAdj");
	if (p && security(h, p) < 0) {
		json_decref(p);
		return NULL;
	}
	return p;
}

json_t *
bundle_make(const json_t *doc, const struct box *b, const struct store *s, const struct image *img)
{
	const json_t *c = json_object_get(doc, "Config"), *h = json_object_get(doc, "HostConfig");
	const char *domain = json_string_value(json_object_get(c, "Domainname"));
	auto_json json_t *user = bundle_user(doc, s, img);
	auto_json json_t *p = user ? process(doc, user) : NULL;
	auto_json json_t *lin = p
		? bundle_linux(
			  doc, b, json_object_get(json_object_get(p, "capabilities"), "bounding"))
		: NULL;
	if (!lin)
		return NULL;
	json_t *out = json_pack("{s:s,s:{s:s,s:b},s:O,s:o,s:O}", "ociVersion", "1.0.2", "root",
		"path", "root", "readonly", json_is_true(json_object_get(h, "ReadonlyRootfs")),
		"process", p, "mounts", bundle_mounts(doc, b), "linux", lin);
	/* Without a uts namespace of its own there is no name to set. */
	if (strcmp(json_string_value(json_object_get(h, "UTSMode")), "host") != 0) {
		json_object_set(out, "hostname", json_object_get(c, "Hostname"));
		if (*domain)
			json_object_set(out, "domainname", json_object_get(c, "Domainname"));
	}
	return out;
}
