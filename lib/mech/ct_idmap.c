/* SPDX-License-Identifier: MIT
 * Ids of a user namespace (user_namespaces(7)). A process may map its own id by itself; anything
 * more needs CAP_SETUID outside, or the set-user-ID helpers newuidmap and newgidmap, which give
 * what /etc/subuid and /etc/subgid allow. Both act from outside: a helper process does it.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/subid.h"
#include "door/channel.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys_cred.h"
#include "door/sys_ns.h"
#include "door/tell.h"
#include "mech/ct_in.h"
#include "mech/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool
ct_in_user_ns(void)
{
	char line[64];
	unsigned in, out, count;
	/* The first one maps every id to itself. */
	return file_read_line("/proc/self/uid_map", line, sizeof(line)) == 0 &&
		!(sscanf(line, "%u %u %u", &in, &out, &count) == 3 && in == 0 && out == 0 &&
			count == UINT32_MAX);
}

bool
ct_idmap_has_gid(const struct ct *c, uint32_t gid)
{
	if (!c->ns[CT_USER].in || c->ns[CT_USER].path)
		return subid_is_mapped("/proc/self/gid_map", gid);
	for (size_t i = 0; i < c->gid_map.n; i++)
		if (gid - c->gid_map.v[i].container_id < c->gid_map.v[i].size)
			return true;
	return c->map_auto && gid < 65536;
}

static void
add_map(struct ct_id_maps *m, uint32_t inside, uint32_t outside, uint32_t size)
{
	m->v = realloc(m->v, (m->n + 1) * sizeof(*m->v));
	if (!m->v)
		abort();
	m->v[m->n++] = (struct ct_id_map){inside, outside, size};
}

/* The caller, and then what the file gives him. */
static int
auto_map(const char *file, uid_t uid, uint32_t own, struct ct_id_maps *m)
{
	const struct passwd *pw = getpwuid(uid);
	struct subid range[64];
	uint32_t next = 0;
	int n = subid_read(file, uid, range, sizeof(range) / sizeof(range[0]));
	if (n < 0)
		return -1;
	/* Root inside is the caller; for root itself that would be no change at all. */
	if (uid != 0)
		add_map(m, next++, own, 1);
	for (int i = 0; i < n; i++) {
		add_map(m, next, range[i].first, range[i].count);
		next += range[i].count;
	}
	if (n > 0)
		return 0;
	auto_free char *who = pw ? str_new(pw->pw_name) : fmt_new("%u", uid);
	err_set(ERR_NOT_FOUND, file, "cannot map ids: %s has no line for %s", file, who);
	return err_hint("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s", who);
}

/* newuidmap PID IN OUT COUNT … */
static int
run_newidmap(const char *tool, pid_t pid, const struct ct_id_maps *m)
{
	struct strlist words = {0};
	strlist_add(&words, tool);
	strlist_add(&words, fmt_new("%d", pid));
	for (size_t i = 0; i < m->n; i++) {
		strlist_add(&words, fmt_new("%u", m->v[i].container_id));
		strlist_add(&words, fmt_new("%u", m->v[i].host_id));
		strlist_add(&words, fmt_new("%u", m->v[i].size));
	}
	union {
		const char **in;
		char **out;
	} argv = {.in = words.v};
	int status = run_wait("map the ids that /etc/subuid and /etc/subgid allow", argv.out);
	if (status == 0)
		return 0;
	if (status < 0 && err.no == ENOENT)
		return err_hint("Debian's package uidmap has %s", tool);
	if (status > 0)
		err_set(ERR_DENIED, tool, "%s would not map these ids (exit status %d)", tool,
			status);
	return err_hint("see /etc/subuid, /etc/subgid, and subuid(5)");
}

/* By ourselves where we may. */
static int
write_map(pid_t pid, const char *file, const char *tool, const struct ct_id_maps *m, bool may)
{
	auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
	if (m->n == 0)
		return 0;
	if (!may)
		return run_newidmap(tool, pid, m);
	buf_addf(&path, "/proc/%d/%s", pid, file);
	userns_map_text(m, &text);
	return sys_id_map("which ids inside are which outside", path.s, text.s);
}

/* The helper: waits for the pid (the sender's, as the kernel translates it into our numbers). */
static void
helper(const struct ct_idmap *m)
{
	struct ct_report r = {0};
	uint64_t caps = 0;
	pid_t pid;
	close(m->pipe[0]);
	if (read(m->pipe[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(0); /* nobody came: the start failed before */
	tell_open(-1, "");
	bool may = sys_get_caps(&caps) == 0 && caps & (UINT64_C(1) << CAP_SETUID);
	r.failed = write_map(pid, "uid_map", "newuidmap", &m->uid, may) < 0 ||
		write_map(pid, "gid_map", "newgidmap", &m->gid, may) < 0;
	r.err = err;
	ct_send(m->pipe[1], &r, -1);
	_exit(0);
}

/* One's own id alone needs nobody else. */
static bool
by_ourselves(const struct ct_id_maps *m, uint32_t own)
{
	return m->n == 0 || (m->n == 1 && m->v[0].size == 1 && m->v[0].host_id == own);
}

int
ct_idmap_prepare(const struct ct *c, struct ct_idmap *m)
{
	*m = (struct ct_idmap){.uid = c->uid_map,
		.gid = c->gid_map,
		.pipe = {-1, -1},
		.own_uid = geteuid(),
		.own_gid = getegid()};
	if (!c->ns[CT_USER].in || c->ns[CT_USER].path)
		return 0;
	if (c->map_auto &&
		(auto_map("/etc/subuid", geteuid(), geteuid(), &m->uid) < 0 ||
			auto_map("/etc/subgid", geteuid(), getegid(), &m->gid) < 0))
		return -1;
	m->outside = !by_ourselves(&m->uid, geteuid()) || !by_ourselves(&m->gid, getegid());
	if (!m->outside || step_dry())
		return 0;
	if (channel_pair(m->pipe) < 0)
		return -1;
	m->helper = fork();
	if (m->helper < 0)
		return err_sys("fork", NULL, "cannot start a helper to map ids");
	if (m->helper == 0)
		helper(m);
	close(take_fd(&m->pipe[1]));
	return 0;
}

void
ct_idmap_done(struct ct_idmap *m)
{
	if (m->pipe[0] >= 0)
		close(take_fd(&m->pipe[0]));
	if (m->helper > 0)
		waitpid(m->helper, NULL, 0);
	m->helper = 0;
}

/* The helper, from outside. */
static int
apply_outside(struct ct_idmap *m)
{
	char digits[32];
	struct ct_report r = {0};
	/* Our number in the host's /proc, which is the helper's. */
	ssize_t n = readlink("/proc/self", digits, sizeof(digits) - 1);
	digits[n > 0 ? n : 0] = '\0';
	pid_t pid = atoi(digits);
	if (n <= 0 || write(m->pipe[0], &pid, sizeof(pid)) != sizeof(pid) ||
		ct_receive(m->pipe[0], &r, NULL) == 0)
		return err_set(ERR_INTERNAL, NULL, "the helper that maps ids went away");
	if (r.failed)
		err = r.err;
	ct_idmap_done(m);
	return r.failed ? -1 : 0;
}

static int
apply_range(struct ct_idmap *m)
{
	struct step st;
	auto_buf struct buf uid = BUF_INIT, gid = BUF_INIT;
	const char *why = "which ids inside are which outside, written by a helper outside";
	struct err told = {0};
	if (step_open(&st, "idmap", why)) {
		int r = apply_outside(m);
		told = err;
		step_result(&st, r);
	}
	if (step_told(&st)) {
		userns_map_text(&m->uid, &uid);
		userns_map_text(&m->gid, &gid);
		step_call(&st, "uid_map, gid_map: %s, %s", tell_c(buf_str(&uid)),
			tell_c(buf_str(&gid)));
	}
	if (step_close(&st) < 0) {
		err_sys("idmap", NULL, "cannot map the ids");
		if (told.message[0])
			err = told;
		return -1;
	}
	/* Our own id may be none of them: be the first of the new ones, whose files we make. */
	if (sys_setgroups("no groups of the host's", 0, NULL) < 0 ||
		sys_setgid("become root of the new user namespace", 0) < 0)
		return -1;
	return sys_setuid("become root of the new user namespace", 0);
}

static int
apply_own(const struct ct_idmap *m)
{
	/* What we were before, though the map that says so is not there yet. */
	uint32_t uid_in = m->uid.n ? m->uid.v[0].container_id : 0;
	uint32_t gid_in = m->gid.n ? m->gid.v[0].container_id : 0;
	auto_buf struct buf uid = BUF_INIT, gid = BUF_INIT;
	buf_addf(&uid, "%u %u 1", uid_in, m->own_uid);
	buf_addf(&gid, "%u %u 1", gid_in, m->own_gid);
	if (sys_id_map("our user id, and what it is inside", "/proc/self/uid_map", uid.s) < 0)
		return -1;
	/* Giving up groups could open files that a group is kept out of: the kernel wants us to
	 * renounce that before we map a group ourselves. */
	if (sys_id_map("renounce setgroups(2), as the kernel wants", "/proc/self/setgroups",
		    "deny") < 0)
		return -1;
	return sys_id_map("our group, and what it is inside", "/proc/self/gid_map", gid.s);
}

int
ct_idmap_apply(struct ct_idmap *m)
{
	return m->outside ? apply_range(m) : apply_own(m);
}
