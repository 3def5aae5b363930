/* SPDX-License-Identifier: MIT */
#include "door/hint.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/subid.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool
file_says(const char *path, const char *text)
{
	char got[32];
	return file_read_line(path, got, sizeof(got)) == 0 && strcmp(got, text) == 0;
}

static bool
always(void)
{
	return true;
}

static bool
not_root(void)
{
	return geteuid() != 0;
}

static bool
userns_limit_zero(void)
{
	return file_says("/proc/sys/user/max_user_namespaces", "0");
}

/* Debian's and Ubuntu's own switch, gone from newer kernels. */
static bool
userns_clone_off(void)
{
	return file_says("/proc/sys/kernel/unprivileged_userns_clone", "0");
}

/* Ubuntu 23.10 and newer: a program without a profile gets a user namespace without capabilities.
 */
static bool
apparmor_restricts(void)
{
	return file_says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1");
}

/* Whether the object of the failed call is a file of that name. */
static bool
about_file(const char *name)
{
	return strcmp(path_base(err.object), name) == 0;
}

static bool
in_cgroup(void)
{
	return strncmp(err.object, "/sys/fs/cgroup", 14) == 0;
}

static bool
cgroup_and_not_root(void)
{
	return in_cgroup() && not_root();
}

static bool
about_subtree_control(void)
{
	return about_file("cgroup.subtree_control");
}

static bool
about_joining(void)
{
	return in_cgroup() && (about_file("cgroup.procs") || about_file("tasks"));
}

static bool
about_memory(void)
{
	return about_file("memory.limit_in_bytes") || about_file("memory.memsw.limit_in_bytes");
}

static bool
about_cpuset(void)
{
	return about_file("cpuset.cpus") || about_file("cpuset.mems");
}

static bool
about_cpu_quota(void)
{
	return about_file("cpu.cfs_quota_us") || about_file("cpu.max");
}

static bool
about_disk(void)
{
	return about_file("io.max") || strstr(err.object, "blkio.throttle.");
}

static bool
one_id_only(void)
{
	return !subid_is_mapped("/proc/self/uid_map", 1);
}

#define ONE_ID \
	"there are no other ids here: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " \
	"NAME gives some to the user NAME (see subuid(5))"
#define BELONGS_TO_ROOT \
	"these groups are root's: an ordinary user has groups where a part of the v2 tree was given " \
	"to it, as by systemd-run --user --scope -p Delegate=yes"

static const struct {
	const char *call;
	int no;
	bool (*looks)(void);
	const char *text;
} hints[] = {
	{"unshare", ENOSPC, userns_limit_zero,
		"user namespaces are switched off here: sysctl user.max_user_namespaces=15000 allows them"},
	{"clone", ENOSPC, userns_limit_zero,
		"user namespaces are switched off here: sysctl user.max_user_namespaces=15000 allows them"},
	{"unshare", ENOSPC, always,
		"a limit on namespaces is reached: see the files in /proc/sys/user, and namespaces(7)"},
	{"clone", ENOSPC, always,
		"a limit on namespaces is reached: see the files in /proc/sys/user, and namespaces(7)"},
	{"unshare", EPERM, userns_clone_off,
		"user namespaces need root here: sysctl kernel.unprivileged_userns_clone=1 allows them to all"},
	{"clone", EPERM, userns_clone_off,
		"user namespaces need root here: sysctl kernel.unprivileged_userns_clone=1 allows them to all"},
	{"unshare", EPERM, not_root, "only root may do this outside a user namespace: add --user"},
	{"clone", EPERM, not_root, "only root may do this outside a user namespace: add --user"},
	{"write", EBUSY, about_subtree_control,
		"a v2 group that gives controllers to those below it may hold no process: make one more "
		"group below it, and write the numbers in its cgroup.procs to cgroup.procs of that one"},
	{"write", EBUSY, about_joining,
		"a v2 group that gives controllers to those below it may hold no process: join one of those"},
	{"write", EOPNOTSUPP, about_joining,
		"the group is not fit for processes: see its cgroup.type, and that of the groups above"},
	{"write", ENOSPC, about_joining,
		"its cpuset has no processor or no memory: give it some with cg-set --cpuset 0 --mems 0"},
	{"write", EBUSY, about_memory,
		"its processes have more in use and cannot give it back: end some, or allow more"},
	{"write", EACCES, about_cpuset,
		"the group above does not have all of these: see its cpuset.cpus and cpuset.mems"},
	{"write", EINVAL, about_cpuset,
		"not all of these exist here: see cpuset.cpus of the group above"},
	{"write", ERANGE, about_cpuset,
		"not all of these exist here: see cpuset.cpus of the group above"},
	{"write", EINVAL, about_cpu_quota,
		"on cgroup v1 a group may not have more than the one above it, nor less than one below"},
	{"write", ENODEV, about_disk,
		"no such disk: limits go on a whole disk, not on a partition; lsblk -d lists them"},
	{"write", EACCES, cgroup_and_not_root, BELONGS_TO_ROOT},
	{"write", EPERM, cgroup_and_not_root, BELONGS_TO_ROOT},
	{"mkdir", EACCES, cgroup_and_not_root, BELONGS_TO_ROOT},
	{"mkdir", EPERM, cgroup_and_not_root, BELONGS_TO_ROOT},
	{"rmdir", EACCES, cgroup_and_not_root, BELONGS_TO_ROOT},
	{"mkdir", EROFS, in_cgroup,
		"the groups are mounted read-only here, as in most containers: they can be made outside of it"},
	{"mkdir", EAGAIN, in_cgroup,
		"a group above allows no more groups: see its cgroup.max.descendants and cgroup.max.depth"},
	{"write", EPERM, apparmor_restricts,
		"AppArmor restricts user namespaces here: "
		"sysctl kernel.apparmor_restrict_unprivileged_userns=0 allows them, or give the program a profile"},
	{"mount", EACCES, apparmor_restricts,
		"AppArmor restricts user namespaces here: "
		"sysctl kernel.apparmor_restrict_unprivileged_userns=0 allows them, or give the program a profile"},
	{"mount", EPERM, not_root,
		"only root may mount, or a process in a user namespace of its own: "
		"put ns-exec --user --mount -- before the command"},
	{"mount", ENOSPC, always, "the mount namespace is full: see /proc/sys/fs/mount-max"},
	{"pivot_root", EINVAL, always,
		"the new root must be a mount point, and its parent mount must not be shared: see pivot_root(2)"},
	{"setresuid", EINVAL, one_id_only, ONE_ID},
	{"setresgid", EINVAL, one_id_only, ONE_ID},
	{"sethostname", EPERM, always, "a host name of one's own needs --uts"},
};

void
hint_for_err(void)
{
	if (err.hint[0] || !err.no)
		return;
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (err.no == hints[i].no && strcmp(err.call, hints[i].call) == 0 &&
			hints[i].looks()) {
			err_hint("%s", hints[i].text);
			return;
		}
}
