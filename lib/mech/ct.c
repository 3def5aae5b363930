/* SPDX-License-Identifier: MIT
 * Starting the process: here, as a child that borrows our memory until it is the program, or as a
 * child with a copy, in two phases.
 */
#include "mech/ct.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/step.h"
#include "door/sys_cred.h"
#include "door/sys_ns.h"
#include "door/tell.h"
#include "door/undo.h"
#include "mech/ct_in.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
is_new(const struct ct *c, enum ct_ns ns)
{
	return c->ns[ns].in && !c->ns[ns].path;
}

static int
new_flags(const struct ct *c)
{
	int flags = 0;
	for (enum ct_ns i = 0; i < CT_NS_COUNT; i++)
		if (is_new(c, i))
			flags |= ct_ns_flag(i);
	return flags;
}

/* A new pid or time namespace holds only children of the one who made it, and so does a pid
 * namespace that is joined (pid_namespaces(7), time_namespaces(7)). */
static bool
needs_child(const struct ct *c)
{
	return c->ns[CT_PID].in || is_new(c, CT_TIME) || c->process.init || c->process.terminal;
}

/* Joins those given by path. All are opened before the first is joined: a path may mean something
 * else afterwards. */
static int
join_given(const struct ct *c)
{
	int fds[CT_NS_COUNT], r = 0;
	for (enum ct_ns i = 0; i < CT_NS_COUNT; i++) {
		fds[i] = -1;
		if (r == 0 && c->ns[i].path) {
			fds[i] = open(c->ns[i].path, O_RDONLY | O_CLOEXEC);
			if (fds[i] < 0)
				r = err_sys("open", c->ns[i].path, "cannot open namespace %s",
					c->ns[i].path);
		}
	}
	for (enum ct_ns i = 0; i < CT_NS_COUNT; i++) {
		if (fds[i] >= 0 && r == 0)
			r = sys_setns("join a namespace that is there", fds[i], ct_ns_flag(i),
				c->ns[i].path);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return r;
}

/* Once in another mount namespace, the groups' files are not where they were. */
static int
join_group_first(struct ct_child *k)
{
	if (!k->c->cgroup || !(k->target || k->c->ns[CT_MOUNT].path))
		return 0;
	k->grouped = true;
	return cg_join_self(&k->group, CG_JOIN_ALL);
}

static bool
enters_user(const struct ct_child *k)
{
	return k->c->ns[CT_USER].in || (k->target && k->target->flags & CLONE_NEWUSER);
}

/* What both forms need before the child is there. */
static int
prepare(struct ct_child *k)
{
	const struct ct *c = k->c;
	if (c->cgroup && cg_open(c->cgroup, &k->group) < 0)
		return -1;
	if (ct_is_foreign(k) && stat("/proc/self/exe", &k->own) < 0)
		return err_sys("stat", "/proc/self/exe", "cannot find our own program");
	if (ct_idmap_prepare(c, &k->map) < 0 ||
		(enters_user(k) && ct_outside_limits(&c->process) < 0) ||
		ct_outside_open(c, &k->out) < 0)
		return -1;
	/* Root of a user namespace may not write there, and what /proc is inside is the inside's
	 * word; what comes of us inherits it. */
	if ((k->target || c->ns[CT_USER].in) && ct_set_oom(c) < 0)
		return -1;
	ct_script_needs(k);
	if (join_group_first(k) < 0)
		return -1;
	if (k->target && ct_join_target(k) < 0)
		return -1;
	/* Until we have become somebody in there, we are somebody of the host. */
	if (c->ns[CT_USER].path && c->ns[CT_PID].path &&
		sys_not_dumpable("nobody in there may look into us while we are half inside") < 0)
		return -1;
	return join_given(c);
}

static void
release(struct ct_child *k)
{
	ct_idmap_done(&k->map);
	ct_outside_close(&k->out);
	if (k->c->cgroup)
		cg_close(&k->group);
}

/* All signals wait while the child is made: none may find it half made, and the parent takes them
 * one by one to hand them on. */
static void
hold_signals(struct ct_child *k)
{
	const struct sigaction plain = {.sa_handler = SIG_DFL};
	struct sigaction before;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &k->mask);
	/* Who ignores SIGCHLD has nothing to wait for (wait(2)). */
	sigaction(SIGCHLD, &plain, &before);
	k->ignored_sigchld = before.sa_handler == SIG_IGN;
}

static int
child_main(void *arg)
{
	struct ct_child *k = arg;
	struct ct_report r = {.failed = true};
	ct_child_steps(k);
	/* Whatever was made lives in namespaces that end with us. */
	undo_forget();
	k->failed = true;
	if (k->sock >= 0) {
		r.err = err;
		ct_send(k->sock, &r, -1);
	}
	_exit(EXIT_CHAIN_FAILED);
}

/* The namespaces a child is born with. The group that a cgroup namespace is made in becomes its
 * root: with one to join, that namespace has to wait. */
static unsigned long
birth_flags(const struct ct *c)
{
	int flags = new_flags(c);
	return (unsigned)(c->cgroup ? flags & ~CLONE_NEWCGROUP : flags);
}

static const char *
why_child(const struct ct_child *k)
{
	return birth_flags(k->c) ? "new namespaces, and a process in them"
				 : "a process of its own, which the namespaces need";
}

/* The fast form: no page table is copied, and `err` of the child is ours. */
static int
run_borrowed(struct ct_child *k)
{
	auto_buf struct buf script = BUF_INIT;
	struct sys_clone s = {.flags = birth_flags(k->c) | CLONE_VM | CLONE_VFORK,
		.run = child_main,
		.arg = k,
		.cgroup = -1};
	k->forked = true;
	s.script = ct_script_open(k, &script);
	pid_t pid = sys_clone(why_child(k), &s);
	if (pid == 0)
		return ct_child_steps(k); /* a dry run tells what the child would do */
	release(k);
	if (pid < 0)
		return -1;
	if (k->failed) {
		waitpid(pid, NULL, 0);
		return -1;
	}
	return ct_wait(&(struct ct_proc){.pid = pid, .pidfd = -1, .sync = -1, .terminal = -1});
}

static int
run_here(struct ct_child *k)
{
	k->unshare = new_flags(k->c);
	ct_child_steps(k);
	undo_forget();
	return -1;
}

/* AddressSanitizer keeps its own books on stacks, and a borrowed memory would spoil them. */
#ifdef __SANITIZE_ADDRESS__
#define CAN_BORROW false
#else
#define CAN_BORROW true
#endif

/* An init stays in our image for ever, the clock of a time namespace lies in a page of the memory,
 * a terminal is handed over while both run, and a v2 group is best started in. */
static bool
may_borrow(const struct ct_child *k)
{
	const struct ct *c = k->c;
	return CAN_BORROW && !c->process.init && !c->process.terminal && !is_new(c, CT_TIME) &&
		!(c->cgroup && !k->grouped && cg_v2_tree(k->group.host));
}

/* Without a word from the child, it was killed. */
static int
hear(struct ct_proc *p, int *fd)
{
	struct ct_report r = {0};
	int got = ct_receive(p->sync, &r, fd);
	if (got > 0 && !r.failed)
		return 1;
	if (got > 0)
		err = r.err;
	return got > 0 ? -1 : 0;
}

/* Ends what came of a failed start. */
static int
give_up(struct ct_proc *p)
{
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	ct_close(p);
	return -1;
}

/* To somebody who shows it, as runc's --console-socket does, and who closes the socket when it has
 * the right size. The program does not run yet: so it never sees another, and all that it writes
 * is seen. */
static int
hand_over(struct ct_proc *p)
{
	const char name[] = "tty";
	char word;
	if (channel_send(STDIN_FILENO, name, sizeof(name), p->terminal) < 0)
		return err_sys("sendmsg", "standard input", "cannot hand the terminal over");
	while (read(STDIN_FILENO, &word, 1) < 0 && errno == EINTR)
		;
	close(take_fd(&p->terminal));
	return 0;
}

/* The child with a copy of our memory: what it has to say comes through a socket. */
static int
create_copied(struct ct_child *k, struct ct_proc *p)
{
	int pair[2];
	*p = (struct ct_proc){.pid = -1, .pidfd = -1, .sync = -1, .terminal = -1};
	if (channel_pair(pair) < 0)
		return -1;
	auto_buf struct buf script = BUF_INIT;
	struct sys_clone s = {
		.flags = birth_flags(k->c), .run = child_main, .arg = k, .cgroup = -1};
	if (k->c->cgroup && !k->grouped && cg_dir_fd(&k->group, &s.cgroup) < 0)
		return -1;
	k->in_group = s.cgroup >= 0;
	k->forked = k->gate = true;
	k->sock = pair[1];
	k->other = pair[0];
	s.script = ct_script_open(k, &script);
	pid_t pid = sys_clone(why_child(k), &s);
	if (pid == 0)
		return ct_child_steps(k); /* a dry run tells what the child would do */
	close(pair[1]);
	if (s.cgroup >= 0)
		close(s.cgroup);
	p->pid = pid;
	p->pidfd = s.pidfd;
	p->sync = pair[0];
	if (pid < 0) {
		ct_close(p);
		return -1;
	}
	int ready = hear(p, &p->terminal);
	if (ready == 0)
		err_set(ERR_INTERNAL, NULL, "the new process ended before it was ready");
	if (ready > 0 && k->c->process.console && hand_over(p) < 0)
		ready = -1;
	return ready > 0 ? 0 : give_up(p);
}

int
ct_start(struct ct_proc *p)
{
	const char go = 1;
	if (write(p->sync, &go, 1) != 1) {
		err_sys("write", NULL, "cannot start the process");
		return give_up(p);
	}
	/* Closed without a word: the exec closed it. */
	return hear(p, NULL) < 0 ? give_up(p) : 0;
}

void
ct_close(struct ct_proc *p)
{
	int *const fds[] = {&p->pidfd, &p->sync, &p->terminal};
	for (size_t i = 0; i < 3; i++)
		if (*fds[i] >= 0)
			close(take_fd(fds[i]));
}

int
ct_create(const struct ct *c, struct ct_proc *p)
{
	struct ct_child k = {.c = c, .sock = -1};
	hold_signals(&k);
	int r = prepare(&k);
	if (r == 0)
		r = create_copied(&k, p);
	release(&k);
	sigprocmask(SIG_SETMASK, &k.mask, NULL);
	return r;
}

static int
run_copied(struct ct_child *k)
{
	struct ct_proc p;
	int status = -1;
	int r = create_copied(k, &p);
	release(k);
	if (r < 0)
		return -1;
	if (ct_start(&p) == 0)
		status = ct_wait(&p);
	ct_close(&p);
	return status;
}

static int
run(struct ct_child *k)
{
	bool child = needs_child(k->c) || (k->target && k->target->flags & CLONE_NEWPID);
	k->sock = k->other = -1;
	if (child)
		hold_signals(k);
	else
		sigprocmask(SIG_SETMASK, NULL, &k->mask);
	if (prepare(k) < 0)
		return -1;
	if (!child)
		return run_here(k);
	return may_borrow(k) ? run_borrowed(k) : run_copied(k);
}

int
ct_run(const struct ct *c)
{
	struct ct_child k = {.c = c};
	return run(&k);
}

int
ct_join(const struct ct *c, const struct ct_target *t)
{
	struct ct_child k = {.c = c, .target = t};
	return run(&k);
}
