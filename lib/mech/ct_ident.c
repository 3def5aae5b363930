/* SPDX-License-Identifier: MIT
 * Who the program is: user and groups as the root's own files say, capabilities, seccomp.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/passwd.h"
#include "door/step.h"
#include "door/sys_cred.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MAX (sizeof(((struct ct_identity *)0)->groups) / sizeof(gid_t))

/* A small file of the root, "" when there is none. It may be anything there: a pipe that never
 * ends, a link to the host. */
#define MAX_FILE (16 << 20)
static int
read_in_root(int root_fd, const char *path, struct buf *out)
{
	char chunk[4096];
	struct stat sb;
	ssize_t n;
	auto_fd int fd = open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	buf_adds(out, "");
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &sb) < 0)
		return err_sys("openat2", path, "cannot open %s of the root", path);
	if (!S_ISREG(sb.st_mode))
		return err_set(ERR_INVALID, path, "%s of the root is not a regular file", path);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && out->len < MAX_FILE)
		buf_add(out, chunk, (size_t)n);
	if (n < 0)
		return err_sys("read", path, "cannot read %s of the root", path);
	if (n > 0)
		return err_set(ERR_INVALID, path, "%s of the root is too large", path);
	/* A NUL ends the text for us as for libc. */
	return 0;
}

/* An id as a number: always a number, whatever a passwd file calls by that name. */
static int
parse_id(const char *text, uint32_t *id)
{
	int64_t n;
	if (parse_int(text, 0, UINT32_MAX - 1, &n) < 0)
		return -1;
	*id = (uint32_t)n;
	return 0;
}

static int
find_group(int root_fd, const char *name, uint32_t *gid)
{
	auto_buf struct buf text = BUF_INIT;
	if (is_digits(name))
		return parse_id(name, gid);
	if (read_in_root(root_fd, "/etc/group", &text) < 0)
		return -1;
	if (group_find(text.s, name, gid))
		return 0;
	return err_set(ERR_NOT_FOUND, name, "cannot find group %s in the root's /etc/group", name);
}

static int
find_user(int root_fd, const char *name, struct ct_identity *id, char found[256])
{
	auto_buf struct buf text = BUF_INIT;
	struct passwd_entry e;
	bool digits = is_digits(name);
	uint32_t uid = 0;
	if (digits && parse_id(name, &uid) < 0)
		return -1;
	if (read_in_root(root_fd, "/etc/passwd", &text) < 0)
		return -1;
	id->uid = uid;
	id->gid = 0;
	found[0] = '\0';
	if (passwd_find(text.s, digits ? NULL : name, uid, &e)) {
		id->uid = e.uid;
		id->gid = e.gid;
		memcpy(found, e.name, sizeof(e.name));
		memcpy(id->home, e.home, sizeof(e.home));
	} else if (!digits) {
		return err_set(
			ERR_NOT_FOUND, name, "cannot find user %s in the root's /etc/passwd", name);
	}
	return 0;
}

/* "USER", with the groups that list it, or "USER:GROUP", with that one alone. */
static int
find_both(const char *text, int root_fd, struct ct_identity *id)
{
	char found[256];
	size_t n = strcspn(text, ":");
	auto_free char *user = fmt_new("%.*s", (int)n, text);
	auto_buf struct buf groups = BUF_INIT;
	id->set_ids = id->set_groups = true;
	if (find_user(root_fd, user[0] ? user : "0", id, found) < 0)
		return -1;
	if (text[n] && text[n + 1])
		return find_group(root_fd, text + n + 1, &id->gid);
	if (!found[0])
		return 0;
	if (read_in_root(root_fd, "/etc/group", &groups) < 0)
		return -1;
	id->n_groups = group_list(groups.s, found, id->groups, GROUPS_MAX);
	return 0;
}

static int
add_group(struct ct_identity *id, uint32_t gid)
{
	for (size_t i = 0; i < id->n_groups; i++)
		if (id->groups[i] == gid)
			return 0;
	if (id->n_groups == GROUPS_MAX)
		return err_set(ERR_INVALID, NULL, "more than %zu groups", GROUPS_MAX);
	id->groups[id->n_groups++] = gid;
	return 0;
}

/* To those that it has by now, which are ours where nothing else was said. */
static int
find_more_groups(const struct strlist *names, int root_fd, struct ct_identity *id)
{
	uint32_t gid = 0;
	if (names->n && !id->set_groups) {
		int n = getgroups((int)GROUPS_MAX, id->groups);
		if (n < 0)
			return err_sys("getgroups", NULL, "cannot read our groups");
		id->n_groups = (size_t)n;
		id->set_groups = true;
	}
	for (size_t i = 0; i < names->n; i++)
		if (find_group(root_fd, names->v[i], &gid) < 0 || add_group(id, gid) < 0)
			return -1;
	return 0;
}

/* Single ids are mapped without setgroups(2): the kernel wanted that (user_namespaces(7)). */
static bool
may_set_groups(void)
{
	char line[16];
	return file_read_line("/proc/self/setgroups", line, sizeof(line)) < 0 ||
		strcmp(line, "deny") != 0;
}

int
ct_identity_find(const struct ct_process *p, int root_fd, struct ct_identity *id)
{
	auto_buf struct buf text = BUF_INIT;
	struct passwd_entry e;
	if (p->user && find_both(p->user, root_fd, id) < 0)
		return -1;
	if (!p->user && p->drop_groups)
		id->set_groups = true;
	if (p->groups.given) {
		id->set_groups = true;
		id->n_groups = p->groups.n;
		memcpy(id->groups, p->groups.v, p->groups.n * sizeof(id->groups[0]));
	}
	if (find_more_groups(&p->more_groups, root_fd, id) < 0)
		return -1;
	if ((p->groups.n || p->more_groups.n) && !may_set_groups())
		return err_set(ERR_UNSUPPORTED, p->groups.n ? "--groups" : "--group-add",
			"cannot set supplementary groups: this user namespace does not allow setgroups(2)");
	if (id->set_groups && !may_set_groups())
		id->set_groups = false;
	if (p->user || !p->default_env || getenv("HOME"))
		return 0;
	if (read_in_root(root_fd, "/etc/passwd", &text) < 0)
		return -1;
	if (passwd_find(text.s, NULL, geteuid(), &e))
		memcpy(id->home, e.home, sizeof(e.home));
	return 0;
}

static int
set_default(const char *why, const char *name, const char *value)
{
	return getenv(name) ? 0 : sys_setenv(why, name, value);
}

int
ct_environment(const struct ct_process *p, const struct ct_identity *id)
{
	if (p->clear_env && sys_clearenv("nothing of the caller's environment") < 0)
		return -1;
	for (size_t i = 0; i < p->env.n; i++) {
		size_t n = strcspn(p->env.v[i], "=");
		auto_free char *name = fmt_new("%.*s", (int)n, p->env.v[i]);
		if (sys_setenv("a variable that was asked for", name, p->env.v[i] + n + 1) < 0)
			return -1;
	}
	for (size_t i = 0; i + 1 < p->env_from.n; i += 2) {
		const char *pair = p->env_from.v[i], *value = strchr(pair, '=') + 1;
		auto_free char *name = fmt_new("%.*s", (int)(value - 1 - pair), pair);
		if (sys_setenv_from("a variable whose value is in a file", name, value,
			    p->env_from.v[i + 1]) < 0)
			return -1;
	}
	if (!p->default_env)
		return 0;
	if (set_default("where programs are, in every Linux root", "PATH",
		    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") < 0)
		return -1;
	if (p->terminal && set_default("a plain terminal", "TERM", "xterm") < 0)
		return -1;
	return set_default("its home, as /etc/passwd says", "HOME", id->home[0] ? id->home : "/");
}

/* The capabilities it shall have, of those that there are. Root without CAP_SYS_RESOURCE (some
 * hosts) can give "all" but that one; asked for by name, it is an error. */
static int
allowed_caps(const struct ct_process *p, uint64_t *caps)
{
	uint64_t have;
	if (step_dry()) {
		*caps = p->caps;
		return 0;
	}
	if (sys_get_caps(&have) < 0)
		return -1;
	uint64_t missing = p->caps_wanted & ~have;
	*caps = p->caps & have;
	if (!missing)
		return 0;
	errno = EPERM;
	unsigned first = (unsigned)__builtin_ctzll(missing);
	return err_sys(
		"capset", ct_caps_name(first), "cannot add capability %s", ct_caps_name(first));
}

static int
load_filter(const struct ct_process *p)
{
	if (!p->seccomp)
		return 0;
	if (sys_seccomp("only the system calls that the profile allows", p->seccomp,
		    p->seccomp_len) == 0)
		return 0;
	return err.no == EACCES
		? err_hint("without CAP_SYS_ADMIN the kernel wants --no-new-privs first")
		: -1;
}

static int
become_ids(struct ct_child *k, const struct ct_identity *id)
{
	if (id->set_groups &&
		sys_setgroups(
			"its supplementary groups, and none of ours", id->n_groups, id->groups) < 0)
		return -1;
	if (!id->set_ids)
		return 0;
	/* The group first: afterwards we are nobody who could change it. */
	if (sys_setgid("its group", id->gid) < 0 || sys_setuid("its user", id->uid) < 0)
		return -1;
	k->creds_changed = true;
	return 0;
}

int
ct_identity_become(struct ct_child *k, const struct ct_identity *id)
{
	const struct ct_process *p = &k->c->process;
	uint64_t caps = 0;
	if (p->set_caps && allowed_caps(p, &caps) < 0)
		return -1;
	/* A filter needs CAP_SYS_ADMIN or no_new_privs: without the second it is loaded while we
	 * have the first, and must let the calls below pass. */
	if (!p->no_new_privs && load_filter(p) < 0)
		return -1;
	if (p->set_caps && caps != ct_caps_all() &&
		sys_bound_caps("capabilities that no program in it can ever get", caps) < 0)
		return -1;
	if (become_ids(k, id) < 0)
		return -1;
	/* Another user than root loses all at setresuid(2), but not the inheritable ones. */
	if (p->set_caps &&
		sys_set_caps("what root may do in it; nothing is inherited",
			id->set_ids && id->uid != 0 ? 0 : caps) < 0)
		return -1;
	if (k->forked && k->creds_changed &&
		sys_death_signal("again, for the kernel forgets it with a change of user") < 0)
		return -1;
	if (!p->no_new_privs)
		return 0;
	if (sys_no_new_privs("set-user-ID programs give no rights") < 0)
		return -1;
	return load_filter(p);
}
