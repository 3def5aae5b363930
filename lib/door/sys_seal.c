/* SPDX-License-Identifier: MIT
 * The door: our own file, out of others' reach. A process in a container may look at any other in
 * its pid namespace, and /proc/PID/exe leads to the file that one runs: once we are in there, to
 * ours on the host, which root could open and, when we are gone, write.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/env.h"
#include "door/step.h"
#include "door/sys_ns.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* since 6.3, where a sysctl may make memfds not executable */
#endif

/* Whether it is so already: on a read-only mount, or a sealed copy in memory. */
static bool
is_sealed(int self)
{
	struct statvfs vfs;
	int seals = fcntl(self, F_GET_SEALS);
	if (seals >= 0 && seals & F_SEAL_WRITE)
		return true;
	return fstatvfs(self, &vfs) == 0 && vfs.f_flag & ST_RDONLY;
}

/* The file alone, on a mount that is read-only and has no place in any tree (open_tree(2)). */
static int
readonly_mount(int self)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	auto_fd int fd = (int)syscall(
		SYS_open_tree, self, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -1;
	return take_fd(&fd);
}

/* Without the right to mount: a copy in memory that the kernel lets nobody write (memfd_create(2),
 * F_ADD_SEALS). */
static int
sealed_copy(int self)
{
	struct stat sb;
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	auto_fd int fd = memfd_create("tacklebox", flags | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("tacklebox", flags);
	if (fd < 0 || fstat(self, &sb) < 0)
		return -1;
	for (off_t done = 0; done < sb.st_size;) {
		ssize_t n = sendfile(fd, self, &done, (size_t)(sb.st_size - done));
		if (n <= 0)
			return -1;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -1;
	return take_fd(&fd);
}

static long
run_sealed(int self, char **argv, unsigned first)
{
	auto_fd int fd = readonly_mount(self);
	if (fd < 0)
		fd = sealed_copy(self);
	if (fd < 0)
		return -1;
	/* The copy cannot see where its companions are. */
	setenv("TACKLEBOX_BIN", env_own_dir(), 1);
	close_range(first, ~0U, CLOSE_RANGE_CLOEXEC);
	env_for_own_tool(false);
	return execveat(fd, "", argv, environ, AT_EMPTY_PATH);
}

int
sys_run_sealed(const char *why, char **argv, unsigned first)
{
	struct step st;
	auto_fd int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return err_sys("open", "/proc/self/exe", "cannot open our own program");
	if (is_sealed(self))
		return 0;
	/* Told before it happens: the copy goes on counting. */
	tell_step(why, "open_tree, mount_setattr, execveat(\"/proc/self/exe\")", NULL);
	if (step_open(&st, "execveat", why))
		step_result(&st, run_sealed(self, argv, first));
	if (st.ret == 0)
		return 0; /* a dry run */
	errno = st.no;
	return err_sys("execveat", argv[0], "cannot run a sealed copy of %s", argv[0]);
}
