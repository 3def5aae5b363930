/* SPDX-License-Identifier: MIT
 * Questions that the kernel's files and the programs on the path answer.
 */
#include "doctor.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/subid.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

int
doctor_kernel(void)
{
	struct utsname u;
	int major = 0, minor = 0;
	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return 0;
	return major * 100 + minor;
}

void
ask_kernel(const struct question *q, struct answer *a)
{
	struct utsname u;
	(void)q;
	uname(&u);
	buf_addf(&a->detail, "%s %s %s", u.sysname, u.release, u.machine);
	a->yes = doctor_kernel() >= 511;
	if (!a->yes)
		buf_adds(&a->mend, "Linux 5.11 or newer; what works all the same is listed below");
}

/* Path of a program along PATH; false where there is none. */
static bool
find_program(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");
	for (const char *d = dirs ? dirs : "/bin:/usr/bin"; d; d = strchr(d, ':')) {
		d += *d == ':';
		snprintf(path, PATH_MAX, "%.*s/%s", (int)strcspn(d, ":"), d, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

void
ask_fuse_overlayfs(const struct question *q, struct answer *a)
{
	char path[PATH_MAX];
	bool program = find_program("fuse-overlayfs", path);
	struct stat st;
	bool device = stat("/dev/fuse", &st) == 0 && S_ISCHR(st.st_mode) &&
		access("/dev/fuse", R_OK | W_OK) == 0;
	(void)q;
	a->yes = program && device;
	if (a->yes)
		buf_adds(&a->detail, path);
	else if (!program)
		buf_adds(&a->mend,
			"apt-get install fuse-overlayfs; needed only where overlay-user is a no");
	else
		buf_adds(&a->mend, "as root: modprobe fuse");
}

void
ask_forward(const struct question *q, struct answer *a)
{
	int64_t on = 0;
	(void)q;
	a->yes = file_read_number("/proc/sys/net/ipv4/ip_forward", &on) == 0 && on;
	if (!a->yes)
		buf_adds(&a->mend, "sysctl net.ipv4.ip_forward=1; br-setup switches it on as well");
}

void
ask_br_netfilter(const struct question *q, struct answer *a)
{
	(void)q;
	a->yes = file_exists("/proc/sys/net/bridge/bridge-nf-call-iptables");
	if (!a->yes)
		buf_adds(&a->mend,
			"as root: modprobe br_netfilter; without it br-setup --no-icc isolates ports instead");
}

/* Whether a program may give its caller more ids than one: setuid root, or with a file capability.
 */
static bool
is_privileged(const char *path)
{
	struct stat sb;
	return stat(path, &sb) == 0 &&
		((sb.st_mode & S_ISUID && sb.st_uid == 0) ||
			getxattr(path, "security.capability", NULL, 0) > 0);
}

/* How many ids the file gives to us. */
static int64_t
count_ids(const char *path)
{
	struct subid range[64];
	int64_t total = 0;
	int n = subid_read(path, geteuid(), range, sizeof(range) / sizeof(range[0]));
	err_clear();
	for (int i = 0; i < n; i++)
		total += range[i].count;
	return total;
}

void
ask_ids(const struct question *q, struct answer *a)
{
	char map[PATH_MAX], group_map[PATH_MAX];
	const struct passwd *me = getpwuid(geteuid());
	const char *name = me ? me->pw_name : "";
	(void)q;
	if (doctor_is_root()) {
		a->yes = true;
		buf_adds(&a->detail, "root maps any");
		return;
	}
	if (!find_program("newuidmap", map) || !find_program("newgidmap", group_map)) {
		buf_adds(&a->mend, "apt-get install uidmap");
		return;
	}
	int64_t uids = count_ids("/etc/subuid");
	int64_t gids = count_ids("/etc/subgid");
	a->yes = uids > 0 && gids > 0 && is_privileged(map) && is_privileged(group_map);
	if (a->yes)
		buf_addf(&a->detail, "%lld users, %lld groups", (long long)uids, (long long)gids);
	else if (uids && gids)
		buf_addf(&a->mend, "as root: chmod u+s %s %s", map, group_map);
	else
		buf_addf(&a->mend,
			"as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s",
			*name ? name : "NAME");
}

void
ask_net_user(const struct question *q, struct answer *a)
{
	char path[PATH_MAX];
	(void)q;
	a->yes = find_program("pasta", path) || find_program("slirp4netns", path);
	if (a->yes)
		buf_adds(&a->detail, path);
	else
		buf_adds(&a->mend, "apt-get install passt (or slirp4netns)");
}

/* A device that is there and may be opened both ways. Where not, `mend` says what makes it so. */
static bool
is_open(const char *path, const char *module, struct buf *mend)
{
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISCHR(st.st_mode)) {
		buf_addf(mend, "as root: modprobe %s; in a container, give it the device %s",
			module, path);
		return false;
	}
	if (access(path, R_OK | W_OK) == 0)
		return true;
	buf_addf(mend, "as root: chmod 0666 %s", path);
	return false;
}

void
ask_tun(const struct question *q, struct answer *a)
{
	(void)q;
	a->yes = is_open("/dev/net/tun", "tun", &a->mend);
}

/* Only root of the first user namespace mounts what lies on a disk (mount_namespaces(7)). */
void
ask_loop(const struct question *q, struct answer *a)
{
	(void)q;
	if (doctor_is_root())
		a->yes = is_open("/dev/loop-control", "loop", &a->mend);
	else
		buf_adds(&a->mend,
			"only root mounts a file as a disk: --storage-opt size= is for his boxes; "
			"--storage-opt type=tmpfs has one for everybody");
}

void
ask_mkfs(const struct question *q, struct answer *a)
{
	static const char usual[] = "/usr/sbin/mkfs.ext4";
	char path[PATH_MAX];
	(void)q;
	a->yes = find_program("mkfs.ext4", path) || access(usual, X_OK) == 0;
	if (!a->yes)
		buf_adds(&a->mend, "apt-get install e2fsprogs");
}
