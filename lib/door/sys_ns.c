/* SPDX-License-Identifier: MIT
 * The door: namespaces.
 */
#include "door/sys_ns.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	unsigned long flag;
	const char *name;
} flag_names[] = {
	{CLONE_NEWUSER, "CLONE_NEWUSER"},
	{CLONE_NEWPID, "CLONE_NEWPID"},
	{CLONE_NEWNS, "CLONE_NEWNS"},
	{CLONE_NEWNET, "CLONE_NEWNET"},
	{CLONE_NEWUTS, "CLONE_NEWUTS"},
	{CLONE_NEWIPC, "CLONE_NEWIPC"},
	{CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
	{CLONE_NEWTIME, "CLONE_NEWTIME"},
	{CLONE_VM, "CLONE_VM"},
	{CLONE_VFORK, "CLONE_VFORK"},
};

/* "CLONE_NEWPID|CLONE_NEWNS". */
static const char *
names_of(unsigned long flags, struct buf *b)
{
	const char *sep = "";
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if (flags & flag_names[i].flag) {
			buf_addf(b, "%s%s", sep, flag_names[i].name);
			sep = "|";
		}
	return b->len ? b->s : "0";
}

int
sys_unshare(const char *why, int flags)
{
	struct step st;
	auto_buf struct buf names = BUF_INIT;
	if (step_open(&st, "unshare", why))
		step_result(&st, unshare(flags));
	if (step_told(&st))
		step_call(&st, "unshare(%s)", names_of((unsigned long)flags, &names));
	if (step_close(&st) < 0)
		return err_sys("unshare", names_of((unsigned long)flags, &names),
			"cannot make new namespaces");
	return 0;
}

int
sys_setns(const char *why, int fd, int flags, const char *shown)
{
	struct step st;
	auto_buf struct buf names = BUF_INIT;
	if (step_open(&st, "setns", why))
		step_result(&st, setns(fd, flags));
	if (step_told(&st))
		step_call(&st, "setns(%s, %s)", tell_c(shown),
			names_of((unsigned long)flags, &names));
	if (step_close(&st) < 0)
		return err_sys("setns", shown, "cannot join %s", shown);
	return 0;
}

/* With CLONE_VM the child needs a stack of its own; it is used by one child at a time, and costs
 * nothing until it is touched. */
#define STACK_SIZE (256 * 1024)
static _Alignas(64) char stack[STACK_SIZE];

/* A child with a copy of our memory: clone3(2) with a zero stack comes back twice, as fork(2). */
static long
clone_copied(struct sys_clone *c)
{
	struct clone_args args = {
		.flags = c->flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&c->pidfd,
		.exit_signal = SIGCHLD,
	};
	if (c->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)c->cgroup;
	}
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(c->run(c->arg));
	return pid;
}

pid_t
sys_clone(const char *why, struct sys_clone *c)
{
	struct step st;
	auto_buf struct buf names = BUF_INIT, call = BUF_INIT;
	c->pidfd = -1;
	if (tell_on()) {
		buf_addf(&call, "clone(%s)", names_of(c->flags, &names));
		tell_step(why, call.s, NULL);
		if (c->script)
			tell_nest(c->script);
	}
	if (step_open(&st, "clone", why)) {
		if (c->flags & CLONE_VM)
			step_result(&st,
				clone(c->run, stack + STACK_SIZE, (int)c->flags | SIGCHLD, c->arg));
		else
			step_result(&st, clone_copied(c));
	}
	errno = st.no;
	if (st.ret < 0)
		return err_sys("clone", names_of(c->flags, &names),
			"cannot start a process in new namespaces");
	return (pid_t)st.ret;
}

static long
write_file(const char *path, const char *text)
{
	auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : write(fd, text, strlen(text));
}

int
sys_id_map(const char *why, const char *path, const char *text)
{
	struct step st;
	if (step_open(&st, "write", why))
		step_result(&st, write_file(path, text));
	if (step_told(&st))
		step_call(&st, "write(%s, %s)", tell_c(path), tell_c(text));
	if (step_close(&st) < 0)
		return err_sys("write", path, "cannot write the ids to %s", path);
	return 0;
}

int
sys_write_fd(const char *why, int fd, const char *shown, const char *text)
{
	struct step st;
	if (step_open(&st, "write", why))
		step_result(&st, write(fd, text, strlen(text)));
	if (step_told(&st)) {
		step_call(&st, "write(%s, %s)", tell_c(shown), tell_c(text));
		step_shell(&st, "printf %%s %s > %s", tell_sh(text), tell_sh(shown));
	}
	if (step_close(&st) < 0)
		return err_sys("write", shown, "cannot write %s", shown);
	return 0;
}

int
sys_fchdir(const char *why, int fd, const char *shown)
{
	struct step st;
	if (step_open(&st, "fchdir", why))
		step_result(&st, fchdir(fd));
	if (step_told(&st))
		step_call(&st, "fchdir(%s)", tell_c(shown));
	if (step_close(&st) < 0)
		return err_sys("fchdir", shown, "cannot change directory to %s", shown);
	return 0;
}

int
sys_sethostname(const char *why, const char *name)
{
	struct step st;
	if (step_open(&st, "sethostname", why))
		step_result(&st, sethostname(name, strlen(name)));
	if (step_told(&st)) {
		step_call(&st, "sethostname(%s)", tell_c(name));
		step_shell(&st, "hostname %s", tell_sh(name));
	}
	if (step_close(&st) < 0)
		return err_sys("sethostname", name, "cannot set the host name to %s", name);
	return 0;
}

int
sys_setdomainname(const char *why, const char *name)
{
	struct step st;
	if (step_open(&st, "setdomainname", why))
		step_result(&st, setdomainname(name, strlen(name)));
	if (step_told(&st)) {
		step_call(&st, "setdomainname(%s)", tell_c(name));
		step_shell(&st, "echo %s > /proc/sys/kernel/domainname", tell_sh(name));
	}
	if (step_close(&st) < 0)
		return err_sys("setdomainname", name, "cannot set the domain name to %s", name);
	return 0;
}

static long
lo_up(void)
{
	struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &req);
}

int
sys_lo_up(const char *why)
{
	struct step st;
	if (step_open(&st, "ioctl", why))
		step_result(&st, lo_up());
	if (step_told(&st)) {
		step_call(&st, "ioctl(SIOCSIFFLAGS, lo, IFF_UP)");
		step_shell(&st, "ip link set lo up");
	}
	if (step_close(&st) < 0)
		return err_sys("ioctl", "lo", "cannot bring the loopback interface up");
	return 0;
}
