/* SPDX-License-Identifier: MIT
 * The door: who the process is and what it may do. In the script setpriv(1) does most of it in one
 * go, on the line that runs the program.
 */
#include "door/sys_cred.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int
sys_setgroups(const char *why, size_t n, const gid_t *gids)
{
	struct step st;
	if (step_open(&st, "setgroups", why))
		step_result(&st, setgroups(n, gids));
	if (step_told(&st))
		step_call(&st, "setgroups(%zu)", n);
	if (step_close(&st) < 0)
		return err_sys("setgroups", NULL, "cannot set %zu supplementary groups", n);
	return 0;
}

int
sys_setgid(const char *why, gid_t gid)
{
	struct step st;
	if (step_open(&st, "setresgid", why))
		step_result(&st, setresgid(gid, gid, gid));
	if (step_told(&st))
		step_call(&st, "setresgid(%u, %u, %u)", gid, gid, gid);
	if (step_close(&st) < 0)
		return err_sys("setresgid", NULL, "cannot become group %u", gid);
	return 0;
}

int
sys_setuid(const char *why, uid_t uid)
{
	struct step st;
	if (step_open(&st, "setresuid", why))
		step_result(&st, setresuid(uid, uid, uid));
	if (step_told(&st))
		step_call(&st, "setresuid(%u, %u, %u)", uid, uid, uid);
	if (step_close(&st) < 0)
		return err_sys("setresuid", NULL, "cannot become user %u", uid);
	return 0;
}

static struct __user_cap_header_struct
cap_header(void)
{
	return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

int
sys_get_caps(uint64_t *permitted)
{
	struct __user_cap_header_struct head = cap_header();
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &head, data) < 0)
		return err_sys("capget", NULL, "cannot read our capabilities");
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

/* From 0 on until the kernel says EINVAL: that is one past the last it knows. */
static long
drop_bounding(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (keep & (UINT64_C(1) << cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno == EINVAL && cap > 0 ? 0 : -1;
	}
	return 0;
}

int
sys_bound_caps(const char *why, uint64_t keep)
{
	struct step st;
	if (step_open(&st, "prctl", why))
		step_result(&st, drop_bounding(keep));
	if (step_told(&st))
		step_call(&st, "prctl(PR_CAPBSET_DROP, all but %#llx)", (unsigned long long)keep);
	if (step_close(&st) < 0)
		return err_sys("prctl", NULL, "cannot limit the capabilities");
	return 0;
}

int
sys_set_caps(const char *why, uint64_t caps)
{
	struct step st;
	struct __user_cap_header_struct head = cap_header();
	const struct __user_cap_data_struct data[2] = {
		{.permitted = (uint32_t)caps, .effective = (uint32_t)caps},
		{.permitted = (uint32_t)(caps >> 32), .effective = (uint32_t)(caps >> 32)},
	};
	if (step_open(&st, "capset", why))
		step_result(&st, syscall(SYS_capset, &head, data));
	if (step_told(&st))
		step_call(&st, "capset(permitted = effective = %#llx, inheritable = 0)",
			(unsigned long long)caps);
	if (step_close(&st) < 0)
		return err_sys("capset", NULL, "cannot set the capabilities");
	return 0;
}

int
sys_no_new_privs(const char *why)
{
	struct step st;
	if (step_open(&st, "prctl", why))
		step_result(&st, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (step_told(&st))
		step_call(&st, "prctl(PR_SET_NO_NEW_PRIVS, 1)");
	if (step_close(&st) < 0)
		return err_sys("prctl", NULL, "cannot set no_new_privs");
	return 0;
}

int
sys_seccomp(const char *why, const struct sock_filter *filter, unsigned short len)
{
	struct step st;
	/* The kernel only reads it, but its struct has no const. */
	union {
		const struct sock_filter *in;
		struct sock_filter *out;
	} code = {.in = filter};
	struct sock_fprog program = {.len = len, .filter = code.out};
	if (step_open(&st, "seccomp", why))
		step_result(&st, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	if (step_told(&st)) {
		step_call(&st, "seccomp(SECCOMP_SET_MODE_FILTER, %u instructions)", len);
		step_shell(&st, ": # no shell command: seccomp filter");
	}
	if (step_close(&st) < 0)
		return err_sys("seccomp", NULL, "cannot load the seccomp filter");
	return 0;
}

int
sys_death_signal(const char *why)
{
	struct step st;
	if (step_open(&st, "prctl", why))
		step_result(&st, prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	if (step_told(&st))
		step_call(&st, "prctl(PR_SET_PDEATHSIG, SIGKILL)");
	if (step_close(&st) < 0)
		return err_sys("prctl", NULL, "cannot tie the program's life to ours");
	return 0;
}

static int
set_dumpable(const char *why, unsigned long on)
{
	struct step st;
	if (step_open(&st, "prctl", why))
		step_result(&st, prctl(PR_SET_DUMPABLE, on, 0, 0, 0));
	if (step_told(&st))
		step_call(&st, "prctl(PR_SET_DUMPABLE, %lu)", on);
	if (step_close(&st) < 0)
		return err_sys("prctl", NULL, "cannot %s this process", on ? "show" : "hide");
	return 0;
}

int
sys_not_dumpable(const char *why)
{
	return set_dumpable(why, 0);
}

int
sys_dumpable(const char *why)
{
	return set_dumpable(why, 1);
}

static void
add_limit(struct buf *b, uint64_t n)
{
	if (n == RLIM_INFINITY)
		buf_adds(b, "unlimited");
	else
		buf_addf(b, "%llu", (unsigned long long)n);
}

int
sys_setrlimit(const char *why, int resource, const char *name, uint64_t soft, uint64_t hard)
{
	struct step st;
	auto_buf struct buf text = BUF_INIT;
	const struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
	add_limit(&text, soft);
	buf_addc(&text, ':');
	add_limit(&text, hard);
	if (step_open(&st, "setrlimit", why))
		step_result(&st, setrlimit((__rlimit_resource_t)resource, &limit));
	if (step_told(&st)) {
		step_call(&st, "setrlimit(%s, %s)", name, text.s);
		step_shell(&st, "prlimit --pid $$ --%s=%s", name, text.s);
	}
	if (step_close(&st) < 0)
		return err_sys("setrlimit", name, "cannot set the limit %s to %s", name, text.s);
	return 0;
}

int
sys_umask(const char *why, mode_t mask)
{
	struct step st;
	if (step_open(&st, "umask", why)) {
		umask(mask);
		step_result(&st, 0);
	}
	if (step_told(&st)) {
		step_call(&st, "umask(%03o)", mask);
		step_shell(&st, "umask %03o", mask);
	}
	if (step_close(&st) < 0)
		return err_sys("umask", NULL, "cannot set the umask");
	return 0;
}

/* Before 5.11 there is no such flag: one by one, from the list in /proc. */
static long
close_on_exec_each(unsigned first)
{
	auto_dir DIR *d = opendir("/proc/self/fd");
	if (!d)
		return -1;
	for (const struct dirent *e; (e = readdir(d));) {
		int fd = atoi(e->d_name);
		if (e->d_name[0] != '.' && (unsigned)fd >= first)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	return 0;
}

int
sys_close_on_exec(const char *why, unsigned first)
{
	struct step st;
	if (step_open(&st, "close_range", why)) {
		step_result(&st, close_range(first, ~0U, CLOSE_RANGE_CLOEXEC));
		if (st.no == ENOSYS || st.no == EINVAL)
			step_result(&st, close_on_exec_each(first));
	}
	if (step_told(&st)) {
		step_call(&st, "close_range(%u, ~0, CLOSE_RANGE_CLOEXEC)", first);
		/* sh knows one digit; what else is open there is the shell's own. */
		for (unsigned fd = first; fd < 10; fd++)
			step_shell(&st, "%sexec %u>&-", fd > first ? "; " : "", fd);
	}
	if (step_close(&st) < 0)
		return err_sys("close_range", NULL, "cannot close the inherited descriptors");
	return 0;
}

static long
take_terminal(int fd, uid_t uid)
{
	/* An id that this user namespace does not know, or may not give, is left alone. */
	if (uid != (uid_t)-1 && fchown(fd, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return -1;
	/* A session leader without a terminal gets one by TIOCSCTTY. */
	if (setsid() < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		return -1;
	for (int to = STDIN_FILENO; to <= STDERR_FILENO; to++)
		if (dup2(fd, to) < 0)
			return -1;
	return 0;
}

int
sys_take_terminal(const char *why, int fd, uid_t uid)
{
	struct step st;
	if (step_open(&st, "setsid", why))
		step_result(&st, take_terminal(fd, uid));
	if (step_told(&st)) {
		step_call(&st, "%ssetsid, ioctl(TIOCSCTTY), dup2(0, 1, 2)",
			uid == (uid_t)-1 ? "" : "fchown, ");
		step_shell(&st, ": # no shell command: a terminal of its own");
	}
	if (step_close(&st) < 0)
		return err_sys("setsid", NULL, "cannot take the terminal");
	return 0;
}

/* What a shell takes for a variable's name. */
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

int
sys_setenv(const char *why, const char *name, const char *value)
{
	struct step st;
	if (step_open(&st, "setenv", why))
		step_result(&st, setenv(name, value, 1));
	if (step_told(&st)) {
		step_call(&st, "setenv(%s, %s)", tell_c(name), tell_c(value));
		if (name[strspn(name, NAME_CHARS)] == '\0')
			step_shell(&st, "export %s=%s", name, tell_sh(value));
		else
			step_shell(&st, ": # no shell command: that name");
	}
	if (step_close(&st) < 0)
		return err_sys("setenv", name, "cannot set the variable %s", name);
	return 0;
}

int
sys_setenv_from(const char *why, const char *name, const char *value, const char *file)
{
	struct step st;
	if (step_open(&st, "setenv", why))
		step_result(&st, setenv(name, value, 1));
	if (step_told(&st)) {
		step_call(&st, "setenv(%s, the content of %s)", tell_c(name), tell_c(file));
		if (name[strspn(name, NAME_CHARS)] == '\0')
			step_shell(&st, "export %s=\"$(cat %s)\"", name, tell_sh(file));
		else
			step_shell(&st, ": # no shell command: that name");
	}
	if (step_close(&st) < 0)
		return err_sys("setenv", name, "cannot set the variable %s", name);
	return 0;
}

/* "unset A B C" of what is there now; a shell can only name what looks like a name. */
static void
tell_unset(struct step *st)
{
	step_call(st, "clearenv()");
	step_shell(st, "unset");
	for (char **e = environ; *e; e++) {
		size_t n = strcspn(*e, "=");
		if (n && strspn(*e, NAME_CHARS) == n)
			step_shell(st, " %.*s", (int)n, *e);
	}
}

int
sys_clearenv(const char *why)
{
	static char *empty[1];
	struct step st;
	bool now = step_open(&st, "clearenv", why);
	if (step_told(&st))
		tell_unset(&st);
	if (now)
		environ = empty;
	if (step_close(&st) < 0)
		return err_sys("clearenv", NULL, "cannot clear the environment");
	return 0;
}
