/* SPDX-License-Identifier: MIT
 * Which namespaces a process has that are not ours, and what kind a file is of.
 */
#include "target.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Two namespaces are the same one if their files are (namespaces(7)). */
static int
differs(pid_t pid, enum ct_ns ns, bool *result)
{
	char theirs[64], ours[64];
	struct stat a, b;
	snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", pid, ct_ns_name(ns));
	snprintf(ours, sizeof(ours), "/proc/self/ns/%s", ct_ns_name(ns));
	/* A kernel without this kind has neither file. */
	if (stat(ours, &b) < 0) {
		*result = false;
		return 0;
	}
	if (stat(theirs, &a) < 0)
		return err_sys("stat", theirs, "cannot look at the namespaces of process %d", pid);
	*result = a.st_dev != b.st_dev || a.st_ino != b.st_ino;
	return 0;
}

/* Through the pidfd: whatever becomes of the number, it stays this process. */
static int
find_process(struct target *t, pid_t pid)
{
	bool named = false, differ;
	t->found.pid = pid;
	t->found.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (t->found.pidfd < 0)
		return err_sys("pidfd_open", NULL, "cannot find process %d", pid);
	for (enum ct_ns i = 0; i < CT_NS_COUNT; i++)
		named = named || t->ct.ns[i].in;
	for (enum ct_ns i = 0; i < CT_NS_COUNT; i++) {
		const struct ct_namespace *n = &t->ct.ns[i];
		if (n->path)
			continue;
		if (differs(pid, i, &differ) < 0)
			return -1;
		if (differ && (n->in || t->all || !named))
			t->found.flags |= ct_ns_flag(i);
		t->ct.ns[i].in = false;
	}
	/* What was read by number was this process's, if it is still there. */
	if (syscall(SYS_pidfd_send_signal, t->found.pidfd, 0, NULL, 0) < 0 && errno == ESRCH)
		return err_sys("pidfd_send_signal", NULL, "cannot find process %d", pid);
	return 0;
}

static int
find_file(struct target *t, const char *path)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys("open", path, "cannot open namespace %s", path);
	int flag = ioctl(fd, NS_GET_NSTYPE);
	for (enum ct_ns i = 0; i < CT_NS_COUNT; i++)
		if (flag == ct_ns_flag(i)) {
			t->ct.ns[i] = (struct ct_namespace){.in = true, .path = path};
			return 0;
		}
	errno = EINVAL;
	return err_sys("ioctl", path, "cannot enter %s: it is no namespace", path);
}

/* Each named namespace needs a file, or a process that has it. */
static int
check(const struct target *t)
{
	bool any = t->found.pidfd >= 0;
	for (enum ct_ns i = 0; i < CT_NS_COUNT; i++) {
		if (t->ct.ns[i].in && !t->ct.ns[i].path)
			return err_set(ERR_INVALID, ct_ns_name(i),
				"no process or file to take the namespace from");
		any = any || t->ct.ns[i].in;
	}
	if (!any)
		return err_set(ERR_INVALID, NULL, "no process and no file to enter");
	if ((t->found.root || t->found.cwd) && t->found.pidfd < 0)
		return err_set(ERR_INVALID, NULL, "--root and --wd need a process");
	return 0;
}

bool
target_joins(const struct target *t, enum ct_ns ns)
{
	return t->ct.ns[ns].in || t->found.flags & ct_ns_flag(ns);
}

int
target_find(struct target *t, const char *word)
{
	int64_t pid;
	if (word && is_digits(word)) {
		if (parse_int(word, 1, INT_MAX, &pid) < 0 || find_process(t, (pid_t)pid) < 0)
			return -1;
	} else if (word && find_file(t, word) < 0) {
		return -1;
	}
	if (check(t) < 0)
		return -1;
	/* Our own ids mean nothing in another user namespace: be root there, as nsenter(1). */
	if (target_joins(t, CT_USER) && !t->ct.process.user)
		t->ct.process.user = "0:0";
	t->ct.process.default_env = t->ct.process.clear_env;
	t->ct.process.close_fds = target_joins(t, CT_MOUNT) || target_joins(t, CT_PID);
	return 0;
}
