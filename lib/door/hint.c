/* SPDX-License-Identifier: MIT */
#include "door/hint.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"

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
