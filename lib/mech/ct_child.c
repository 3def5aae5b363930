/* SPDX-License-Identifier: MIT
 * From the birth of a process to its exec, in the order that the kernel's rules leave.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/chain.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"
#include "door/sys_ns.h"
#include "door/undo.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_new(const struct ct *c, enum ct_ns ns)
{
	return c->ns[ns].in && !c->ns[ns].path;
}

/* Memory used before stays charged to the former group, so this comes first. */
static int
enter_group(struct ct_child *k)
{
	if (!k->c->cgroup || k->grouped)
		return 0;
	if (cg_join_self(&k->group, k->in_group ? CG_JOIN_V1 : CG_JOIN_ALL) < 0)
		return -1;
	/* The group that the namespace is made in becomes its root. */
	if (!is_new(k->c, CT_CGROUP) || !k->forked)
		return 0;
	if (sys_unshare("a view of the cgroups that begins here", CLONE_NEWCGROUP) < 0)
		return -1;
	ct_script_nest(k, "unshare --cgroup");
	return 0;
}

static int
make_namespaces(struct ct_child *k)
{
	auto_buf struct buf script = BUF_INIT;
	if (k->unshare && sys_unshare("new namespaces for this process", k->unshare) < 0)
		return -1;
	if (!k->forked && ct_script_open(k, &script))
		ct_script_nest(k, script.s);
	return is_new(k->c, CT_USER) ? ct_idmap_apply(&k->map) : ct_outside_become_root(k);
}

/* The name of a setting is its path below /proc/sys with dots for slashes (sysctl(8)). The host's
 * own /proc is used: what it shows there are the settings of our namespaces. */
static int
set_sysctl(const char *pair)
{
	char path[256];
	size_t n = strcspn(pair, "=");
	int len = snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)n, pair);
	if (len >= (int)sizeof(path))
		return err_set(ERR_INVALID, pair, "the name of setting %s is too long", pair);
	for (char *p = path + strlen("/proc/sys/"); *p; p++)
		if (*p == '.')
			*p = '/';
	return sys_write("a kernel setting of the new namespaces", path, pair + n + 1, NULL);
}

int
ct_set_oom(const struct ct *c)
{
	return c->process.oom_score_adj
		? sys_write("how willingly the kernel kills it when memory is out",
			  "/proc/self/oom_score_adj", c->process.oom_score_adj, NULL)
		: 0;
}

static int
set_names(const struct ct *c)
{
	if (c->hostname && sys_sethostname("our own host name", c->hostname) < 0)
		return -1;
	if (c->domainname && sys_setdomainname("our own domain name", c->domainname) < 0)
		return -1;
	if (c->lo_up && sys_lo_up("a network of our own begins with 127.0.0.1") < 0)
		return -1;
	for (size_t i = 0; i < c->sysctl.n; i++)
		if (set_sysctl(c->sysctl.v[i]) < 0)
			return -1;
	return 0;
}

/* /proc is still the caller's, and numbers us as the caller does. */
static int
write_pidfile(const char *path, int fd)
{
	static const char why[] = "the process id, as the caller sees it";
	char pid[32];
	ssize_t n = readlink("/proc/self", pid, sizeof(pid) - 2);
	if (n < 0)
		return err_sys("readlink", "/proc/self", "cannot read /proc/self");
	memcpy(pid + n, "\n", 2);
	return fd >= 0 ? sys_write_fd(why, fd, path, pid)
		       : sys_replace(why, path, pid, strlen(pid), 0644);
}

static int
build_root(struct ct_child *k, struct ct_tree *t)
{
	const struct ct *c = k->c;
	if (is_new(c, CT_MOUNT))
		return ct_root_build(c, &k->out, t);
	t->path = c->root.path ? c->root.path : "/";
	/* Only where something of it will be read. */
	if (!c->process.user && !c->process.default_env && !c->process.terminal &&
		!c->process.more_groups.n)
		return 0;
	t->fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return t->fd < 0 ? err_sys("open", t->path, "cannot open %s", t->path) : 0;
}

static int
set_limits(const struct ct_process *p)
{
	if (p->set_umask && sys_umask("the mode that its new files do not get", p->umask) < 0)
		return -1;
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct ct_rlimit *l = &p->rlimits[i];
		if (sys_setrlimit("a limit on what it may use", l->resource, l->name, l->soft,
			    l->hard) < 0)
			return -1;
	}
	return 0;
}

/* A directory reached through /proc/self/fd may lie in the host's tree, where ".." leads on: the
 * kernel calls its path unreachable (getcwd(2)). */
static int
enter_directory(const struct ct *c)
{
	char path[PATH_MAX];
	if (c->process.cwd && sys_chdir("where it starts", c->process.cwd) < 0)
		return -1;
	if (!c->process.cwd || step_dry())
		return 0;
	if (getcwd(path, sizeof(path)) && path[0] == '/')
		return 0;
	errno = 0;
	return err_set(ERR_DENIED, c->process.cwd, "working directory %s lies outside of the root",
		c->process.cwd);
}

static int
change_root(struct ct_child *k, const struct ct_tree *t)
{
	const struct ct_root *r = &k->c->root;
	if (r->path && !r->chroot)
		return ct_root_enter(t);
	if (!r->chroot)
		return 0;
	if (sys_chroot("another directory is / from now on, and nothing else changes", r->path) < 0)
		return -1;
	return k->c->process.cwd ? 0 : sys_chdir("stand in it", "/");
}

bool
ct_is_foreign(const struct ct_child *k)
{
	return k->c->root.path || k->c->ns[CT_MOUNT].path ||
		(k->target && (k->target->root || k->target->flags & CLONE_NEWNS));
}

/* Our own program must never run in there: its file would be open to be written by whoever is in
 * there with us, through /proc/PID/exe. A script's #! line may lead back to it too. */
static int
refuse_ourselves(const struct stat *own, const char *name)
{
	char path[PATH_MAX], line[256];
	struct stat sb;
	if (chain_find(name, path) < 0)
		return 0;
	for (int depth = 0; depth < 5; depth++) {
		auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0 || fstat(fd, &sb) < 0)
			return 0;
		if (sb.st_dev == own->st_dev && sb.st_ino == own->st_ino)
			break;
		ssize_t n = S_ISREG(sb.st_mode) ? read(fd, line, sizeof(line) - 1) : 0;
		if (n < 3 || line[0] != '#' || line[1] != '!')
			return 0;
		line[n] = '\0';
		char *word = line + 2 + strspn(line + 2, " \t");
		word[strcspn(word, " \t\n")] = '\0';
		snprintf(path, sizeof(path), "%s", word);
		if (depth == 4)
			return 0;
	}
	err_set(ERR_DENIED, name, "cannot run %s: it is this very program, outside of the root",
		name);
	err.status = EXIT_NOT_EXECUTABLE;
	return -1;
}

/* Says that all is ready, and waits for the word to go on. No word: the parent is gone. */
static int
wait_at_gate(struct ct_child *k, int master)
{
	const struct ct_report ready = {.failed = false};
	char word;
	if (!k->gate || step_dry())
		return 0;
	if (ct_send(k->sock, &ready, master) < 0)
		return err_sys("sendmsg", NULL, "cannot report to the parent");
	close(k->other);
	if (read(k->sock, &word, 1) != 1)
		_exit(EXIT_CHAIN_FAILED);
	return 0;
}

static int
become_program(struct ct_child *k, const struct ct_identity *id)
{
	const struct ct_process *p = &k->c->process;
	auto_buf struct buf words = BUF_INIT;
	bool foreign = ct_is_foreign(k);
	if (p->init && !step_dry() && ct_init_fork() < 0)
		return -1;
	if (k->ignored_sigchld)
		signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_SETMASK, &k->mask, NULL);
	if (foreign && !step_dry() && refuse_ourselves(&k->own, p->args[0]) < 0)
		return -1;
	ct_script_exec(k, id, &words);
	return chain_exec_nested(p->args, foreign, words.s, k->nested);
}

/* The terminal: its master end goes to the parent. */
static int
open_terminal(struct ct_child *k, const struct ct_tree *t, int *master, int *slave)
{
	*master = *slave = -1;
	if (!k->c->process.terminal)
		return 0;
	/* In somebody else's root a device's name may lead anywhere. */
	bool strange = k->c->root.path || k->target || k->c->ns[CT_MOUNT].path;
	return ct_tty_open(strange && !k->c->root.chroot ? t : NULL, master, slave);
}

int
ct_child_steps(struct ct_child *k)
{
	const struct ct *c = k->c;
	struct ct_tree tree = {.c = c, .fd = -1};
	struct ct_identity id = {0};
	int master, slave;
	if (k->forked && sys_death_signal("end when our parent ends, however that is") < 0)
		return -1;
	if (enter_group(k) < 0 || make_namespaces(k) < 0 || set_names(c) < 0)
		return -1;
	if (!k->target && !c->ns[CT_USER].in && ct_set_oom(c) < 0)
		return -1;
	if (c->pidfile && write_pidfile(c->pidfile, k->out.pidfile) < 0)
		return -1;
	if (build_root(k, &tree) < 0 || open_terminal(k, &tree, &master, &slave) < 0)
		return -1;
	if (set_limits(&c->process) < 0 || ct_identity_find(&c->process, tree.fd, &id) < 0)
		return -1;
	if (change_root(k, &tree) < 0 || enter_directory(c) < 0)
		return -1;
	if (ct_environment(&c->process, &id) < 0)
		return -1;
	if (c->process.terminal &&
		sys_take_terminal("the terminal is its user's, and its standard input and output",
			slave, id.set_ids ? id.uid : (uid_t)-1) < 0)
		return -1;
	if (c->process.close_fds &&
		sys_close_on_exec("nothing of the host stays open", 3 + c->process.preserve_fds) <
			0)
		return -1;
	if (ct_identity_become(k, &id) < 0 || wait_at_gate(k, master) < 0)
		return -1;
	return become_program(k, &id);
}
