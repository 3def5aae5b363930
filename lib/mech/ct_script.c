/* SPDX-License-Identifier: MIT
 * What the script says where one command of util-linux stands for many of our steps: unshare(1) or
 * nsenter(1) around all of it, setpriv(1) at the end.
 */
#include "base/auto.h"
#include "door/step.h"
#include "door/tell.h"
#include "mech/ct_in.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	enum ct_ns ns;
	const char *option;
} options[] = {
	{CT_USER, "--user"},
	{CT_MOUNT, "--mount"},
	{CT_PID, "--pid"},
	{CT_NET, "--net"},
	{CT_UTS, "--uts"},
	{CT_IPC, "--ipc"},
	{CT_CGROUP, "--cgroup"},
	{CT_TIME, "--time"},
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

void
ct_script_nest(struct ct_child *k, const char *command)
{
	auto_buf struct buf line = BUF_INIT;
	if (k->nested)
		buf_adds(&line, "exec ");
	buf_adds(&line, command);
	tell_nest(buf_str(&line));
	k->nested++;
}

static void
add_nsenter(const struct ct_child *k, struct buf *b)
{
	buf_adds(b, "nsenter");
	if (k->target && k->target->pidfd >= 0)
		buf_addf(b, " --target %d", k->target->pid);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct ct_namespace *n = &k->c->ns[options[i].ns];
		if (n->path)
			buf_addf(b, " %s=%s", options[i].option, tell_sh(n->path));
		else if (k->target && k->target->flags & ct_ns_flag(options[i].ns))
			buf_addf(b, " %s", options[i].option);
	}
	if (k->target && k->target->root)
		buf_adds(b, " --root");
	if (k->target && k->target->cwd)
		buf_adds(b, " --wd");
	buf_addc(b, ' ');
}

/* Ids as unshare(1) has them: our own alone, or (by newuidmap) one range. Inside and outside stand
 * the other way round than in the kernel's file. */
static void
add_maps(const struct ct_idmap *m, struct buf *b)
{
	const struct {
		const char *kind;
		const struct ct_id_maps *maps;
	} both[] = {{"user", &m->uid}, {"group", &m->gid}};
	if (!m->outside && !m->uid.n && !m->gid.n)
		buf_adds(b, " --map-root-user");
	for (size_t k = 0; k < 2; k++) {
		const struct ct_id_maps *maps = both[k].maps;
		if (!m->outside && (m->uid.n || m->gid.n))
			buf_addf(b, " --map-%s=%u", both[k].kind,
				maps->n ? maps->v[0].container_id : 0);
		for (size_t i = 0; m->outside && i < maps->n; i++) {
			const struct ct_id_map *one = &maps->v[i];
			if (maps->n > 1 && one->size == 1)
				buf_addf(b, " --map-%s=%u", both[k].kind, one->container_id);
			else
				buf_addf(b, " --map-%ss=%u,%u,%u", both[k].kind, one->host_id,
					one->container_id, one->size);
		}
	}
	if (m->outside)
		buf_adds(b, " --setgid 0 --setuid 0");
}

/* A child that joins a group makes its cgroup namespace after that, by a command of its own. */
static bool
by_unshare(const struct ct_child *k, enum ct_ns ns)
{
	const struct ct_namespace *n = &k->c->ns[ns];
	return n->in && !n->path && !(ns == CT_CGROUP && k->forked && k->c->cgroup);
}

static void
add_unshare(const struct ct_child *k, struct buf *b)
{
	const struct ct *c = k->c;
	buf_adds(b, "unshare");
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (by_unshare(k, options[i].ns))
			buf_addf(b, " %s", options[i].option);
	if (c->ns[CT_MOUNT].in && !c->ns[CT_MOUNT].path)
		buf_adds(b, " --propagation unchanged");
	if (c->ns[CT_PID].in || c->ns[CT_TIME].in)
		buf_adds(b, " --fork --kill-child");
	if (c->ns[CT_USER].in && !c->ns[CT_USER].path)
		add_maps(&k->map, b);
	buf_addc(b, ' ');
}

/* After pivot_root the shell's commands are those of the new root, and ids come from where
 * newuidmap(1) allows them: what that needs is said first. */
void
ct_script_needs(const struct ct_child *k)
{
	const struct ct *c = k->c;
	auto_buf struct buf line = BUF_INIT;
	if (!step_dry())
		return;
	if (k->map.outside)
		tell_line("# unshare maps ids by newuidmap, as /etc/subuid and /etc/subgid allow");
	if (k->map.uid.n > 2 || k->map.gid.n > 2)
		tell_line(": # no shell command: unshare takes no more than one range of ids");
	if (!c->root.path || c->root.chroot)
		return;
	buf_adds(&line, "# after pivot_root the commands come from the new root: needs umount");
	if (c->process.set_caps || c->process.user)
		buf_adds(&line, ", setpriv");
	buf_addf(&line, " in %s", c->root.path);
	tell_line(line.s);
}

const char *
ct_script_open(struct ct_child *k, struct buf *command)
{
	bool enter = k->target, make = false;
	if (!tell_on())
		return NULL;
	for (size_t i = 0; i < N_OPTIONS; i++) {
		enter = enter || k->c->ns[options[i].ns].path;
		make = make || by_unshare(k, options[i].ns);
	}
	if (enter)
		add_nsenter(k, command);
	if (make)
		add_unshare(k, command);
	if (!command->len)
		return NULL;
	command->s[--command->len] = '\0';
	k->nested += k->forked;
	return command->s;
}

/* Whether the script, when it runs the program, has util-linux's setpriv: busybox's knows less. */
static bool
has_setpriv(const struct ct *c)
{
	static const char *const places[] = {"usr/bin/setpriv", "bin/setpriv"};
	struct stat sb;
	auto_fd int dir = open(c->root.path ? c->root.path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < 2; i++)
		if (dir >= 0 && fstatat(dir, places[i], &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(sb.st_mode) && sb.st_nlink == 1)
			return true;
	return false;
}

static void
add_caps(uint64_t caps, struct buf *b)
{
	buf_adds(b, " --inh-caps=-all --bounding-set=-all");
	for (unsigned i = 0; ct_caps_name(i); i++)
		if (caps & (UINT64_C(1) << i))
			buf_addf(b, ",+%s", ct_caps_name(i));
}

static void
add_ids(const struct ct_identity *id, struct buf *b)
{
	if (id->set_ids)
		buf_addf(b, " --reuid=%u --regid=%u", id->uid, id->gid);
	if (!id->set_groups)
		return;
	buf_adds(b, id->n_groups ? " --groups=" : " --clear-groups");
	for (size_t i = 0; i < id->n_groups; i++)
		buf_addf(b, "%s%u", i ? "," : "", id->groups[i]);
}

void
ct_script_exec(const struct ct_child *k, const struct ct_identity *id, struct buf *words)
{
	const struct ct_process *p = &k->c->process;
	bool needed = p->set_caps || id->set_ids || id->set_groups || p->no_new_privs;
	buf_adds(words, "exec");
	if (!tell_on() || !needed)
		return;
	if (!has_setpriv(k->c)) {
		tell_line(": # no shell command: capabilities and ids (the root has no setpriv)");
		return;
	}
	buf_adds(words, " setpriv");
	if (p->no_new_privs)
		buf_adds(words, " --no-new-privs");
	add_ids(id, words);
	if (p->set_caps)
		add_caps(p->caps, words);
	buf_adds(words, " --");
}
