/* SPDX-License-Identifier: MIT
 * What the options mean together. Without --root a program is let go as unshare(1) would; with it,
 * it gets what Docker gives by default.
 */
#include "options.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/spawn.h"
#include "door/sys_cred.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool
is_new(const struct settings *s, enum ct_ns ns)
{
	return s->ct.ns[ns].in && !s->ct.ns[ns].path;
}

/* Given by a file, which must not be that of the caller's own (namespaces(7)). */
static bool
is_another(const struct settings *s, enum ct_ns ns)
{
	char ours[64];
	struct stat a, b;
	snprintf(ours, sizeof(ours), "/proc/self/ns/%s", ct_ns_name(ns));
	return s->ct.ns[ns].in && s->ct.ns[ns].path && stat(s->ct.ns[ns].path, &a) == 0 &&
		stat(ours, &b) == 0 && (a.st_dev != b.st_dev || a.st_ino != b.st_ino);
}

/* Settings that belong to a namespace: in the caller's own the host's would be changed. */
static const struct {
	const char *prefix;
	enum ct_ns ns;
	const char *option;
} sysctls[] = {
	{"net.", CT_NET, "--net"},
	{"kernel.shm", CT_IPC, "--ipc"},
	{"kernel.msg", CT_IPC, "--ipc"},
	{"kernel.sem", CT_IPC, "--ipc"},
	{"fs.mqueue.", CT_IPC, "--ipc"},
	{"kernel.hostname", CT_UTS, "--uts"},
	{"kernel.domainname", CT_UTS, "--uts"},
};

static int
check_sysctl(const struct settings *s, const char *pair)
{
	int len = (int)strcspn(pair, "=");
	for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++) {
		if (strncmp(pair, sysctls[i].prefix, strlen(sysctls[i].prefix)) != 0)
			continue;
		if ((is_new(s, sysctls[i].ns) || is_another(s, sysctls[i].ns)) &&
			!memmem(pair, (size_t)len, "..", 2) && !memchr(pair, '/', (size_t)len))
			return 0;
		return err_set(
			ERR_INVALID, pair, "--sysctl %.*s needs %s", len, pair, sysctls[i].option);
	}
	return err_set(ERR_INVALID, pair, "--sysctl %.*s would change the host, not a namespace",
		len, pair);
}

static int
needs(bool wanted, bool given, const char *what, const char *of)
{
	return !wanted || given ? 0 : err_set(ERR_INVALID, what, "%s needs %s", what, of);
}

static bool
any_idmap(const struct ct_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].idmap)
			return true;
	return false;
}

static int
check(const struct settings *s)
{
	const struct ct *c = &s->ct;
	const struct ct_root *r = &c->root;
	bool mount = is_new(s, CT_MOUNT), uts = is_new(s, CT_UTS) || c->ns[CT_UTS].path;
	if (needs(c->hostname, uts, "--hostname", "--uts") < 0 ||
		needs(c->domainname, uts, "--domainname", "--uts") < 0 ||
		needs(c->process.init, is_new(s, CT_PID), "--init", "--pid") < 0 ||
		needs(c->uid_map.n || c->gid_map.n || c->map_auto, is_new(s, CT_USER), "an id map",
			"--user") < 0 ||
		needs(any_idmap(&c->mounts), c->ns[CT_USER].path || c->uid_map.n, "idmap",
			"--user=FILE, or --user with --uid-map") < 0 ||
		needs(c->mounts.n, mount, "a mount", "--root or --mount") < 0 ||
		needs(r->masked.n || r->readonly_paths.n, mount, "a masked path",
			"--root or --mount") < 0 ||
		needs(r->devices.n || r->readonly, r->path && !r->chroot, "--device or --read-only",
			"--root") < 0 ||
		needs(c->pidfile, !c->ns[CT_MOUNT].path, "--pidfile", "the caller's mounts") < 0 ||
		needs(r->path && !r->chroot, mount, "--root", "a new mount namespace") < 0)
		return -1;
	for (size_t i = 0; i < c->sysctl.n; i++)
		if (check_sysctl(s, c->sysctl.v[i]) < 0)
			return -1;
	return 0;
}

/* A user namespace is what gives others than root the right to make the rest. */
static int
expand_all(struct settings *s)
{
	static const enum ct_ns all[] = {
		CT_PID, CT_NET, CT_MOUNT, CT_UTS, CT_IPC, CT_CGROUP, CT_USER};
	uint64_t caps;
	if (!s->all)
		return 0;
	if (sys_get_caps(&caps) < 0)
		return -1;
	size_t n = sizeof(all) / sizeof(all[0]);
	if (caps & UINT64_C(1) << CAP_SYS_ADMIN)
		n--;
	for (size_t i = 0; i < n; i++)
		s->ct.ns[all[i]].in = true;
	return 0;
}

/* The file systems of a container, then those asked for. */
static void
add_mounts(struct settings *s)
{
	struct ct *c = &s->ct;
	struct ct_mounts asked = c->mounts;
	c->mounts = (struct ct_mounts){0};
	if (!s->no_proc)
		ct_default_proc(c);
	if (!s->no_dev)
		ct_default_dev(c, s->shm_size);
	if (!s->no_sys)
		ct_default_sys(c);
	for (size_t i = 0; i < asked.n; i++)
		ct_add_mount(&c->mounts, asked.v[i]);
	free(asked.v);
	if (!s->no_masks && !s->confine.privileged)
		ct_default_masks(c);
}

int
settings_complete(struct settings *s)
{
	struct ct *c = &s->ct;
	if (s->chroot && c->root.path)
		return err_set(
			ERR_INVALID, "--chroot", "--chroot and --root are two ways: one only");
	if (c->root.path && !c->root.path[strspn(c->root.path, "/")]) {
		err_set(ERR_INVALID, "--root", "--root %s: that is the root already", c->root.path);
		return err_hint("--mount with --bind or --tmpfs changes parts of it");
	}
	if (expand_all(s) < 0)
		return -1;
	if (s->chroot) {
		c->root.path = s->chroot;
		c->root.chroot = true;
	} else if (c->root.path) {
		c->ns[CT_MOUNT].in = true;
		add_mounts(s);
		c->root.dev = c->root.dev || s->dev_nodes;
		c->lo_up = is_new(s, CT_NET) && !s->no_lo;
		c->process.close_fds = true;
		c->process.drop_groups = true;
		c->process.default_env = true;
		s->confine.by_default = true;
	}
	return check(s);
}

int
settings_from_bundle(const struct tool *t, int argc, char **argv, struct args *a)
{
	struct buf text = BUF_INIT; /* the words live in it until the exec */
	struct common ignored;
	struct args from_bundle, by_hand;
	struct strlist words = {0};
	char tool[] = "oci-args", null[] = "-0";
	auto_free char *dir = str_new(settings.bundle);
	int status = run_capture((char *[]){tool, null, dir, NULL}, -1, 4 << 20, &text);
	if (status < 0)
		return -1;
	if (status != 0)
		return err_set(ERR_INVALID, dir, "cannot read the bundle %s", dir);
	strlist_add(&words, t->name);
	for (size_t at = 0; at < text.len; at += strlen(text.s + at) + 1)
		strlist_add(&words, text.s + at);
	union {
		const char **in;
		char **out;
	} list = {.in = words.v};
	settings = (struct settings){.shm_size = 64 << 20};
	if (opt_parse(t, (int)words.n, list.out, &ignored, &from_bundle) < 0 ||
		opt_parse(t, argc, argv, &ignored, &by_hand) < 0)
		return -1;
	a->command = by_hand.command ? by_hand.command : from_bundle.command;
	return 0;
}
