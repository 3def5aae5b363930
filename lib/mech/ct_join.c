/* SPDX-License-Identifier: MIT
 * Into the namespaces of a process that is there.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"
#include "door/sys_ns.h"
#include "mech/ct_in.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* Its root or working directory, opened while its /proc files still have their names. */
static int
open_of(const struct ct_target *t, const char *what, int *fd)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", t->pid, what);
	*fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? err_sys("open", path, "cannot open %s", path) : 0;
}

int
ct_join_target(struct ct_child *k)
{
	const struct ct_target *t = k->target;
	auto_fd int root = -1;
	auto_fd int cwd = -1;
	char shown[64];
	if ((t->root && open_of(t, "root", &root) < 0) || (t->cwd && open_of(t, "cwd", &cwd) < 0))
		return -1;
	if (t->flags & (CLONE_NEWPID | CLONE_NEWNS) &&
		sys_not_dumpable("nobody in there may look into us while we are half inside") < 0)
		return -1;
	snprintf(shown, sizeof(shown), "the namespaces of process %d", t->pid);
	if (t->flags &&
		sys_setns("join its namespaces, all or none", t->pidfd, t->flags, shown) < 0)
		return -1;
	/* It has done its work, and a child of ours is born in there with all that we have open. */
	if (t->flags && !step_dry())
		close(t->pidfd);
	if (root >= 0 &&
		(sys_fchdir("its root directory", root, "its root") < 0 ||
			sys_chroot("be below it as the process is", ".") < 0))
		return -1;
	if (cwd >= 0)
		return sys_fchdir("its working directory", cwd, "its working directory");
	return 0;
}
