/* SPDX-License-Identifier: MIT */
#include "mech/netns.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/subid.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define NETNS_DIR "/run/netns"

int
netns_dir(char path[PATH_MAX])
{
	if (geteuid() == 0 && subid_all_mapped()) {
		snprintf(path, PATH_MAX, NETNS_DIR);
		return 0;
	}
	return state_run_path(path, "netns");
}

static int
spec_path(const char *spec, char path[PATH_MAX])
{
	char dir[PATH_MAX];
	int n;
	if (strchr(spec, '/')) {
		n = snprintf(path, PATH_MAX, "%s", spec);
	} else {
		if (parse_name("network namespace", spec, NAME_MAX) < 0 || netns_dir(dir) < 0)
			return -1;
		n = snprintf(path, PATH_MAX, "%s/%s", dir, spec);
	}
	if (n >= PATH_MAX)
		return err_set(
			ERR_INVALID, spec, "the path of network namespace %s is too long", spec);
	return 0;
}

static bool
is_mount_point(const char *dir)
{
	struct statx sx;
	return statx(AT_FDCWD, dir, AT_NO_AUTOMOUNT, 0, &sx) == 0 &&
		sx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* A place where the names are mounts that all mount namespaces see, as ip-netns(8) makes it: a
 * shared mount on itself. */
static int
make_dir(const char *dir)
{
	if (sys_mkdir_all("a place for the names of network namespaces", dir, 0755) < 0)
		return -1;
	if (strcmp(dir, NETNS_DIR) != 0 || is_mount_point(dir))
		return 0;
	if (sys_mount("only a mount can be shared: make it one", dir, dir, NULL, MS_BIND | MS_REC,
		    NULL) < 0 ||
		sys_mount("let other mount namespaces see the names as well", NULL, dir, NULL,
			MS_SHARED | MS_REC, NULL) < 0)
		return -1;
	return 0;
}

static int
make_named(const char *spec, const char *path, const char *user)
{
	auto_buf struct buf shell = BUF_INIT;
	char dir[PATH_MAX];
	if (netns_dir(dir) < 0 || (!dir_exists(dir) && make_dir(dir) < 0))
		return -1;
	if (state_note("netns", path) < 0)
		return -1;
	if (user)
		buf_addf(&shell,
			"touch %s\nnsenter --user=%s unshare --net sleep 9 &\nsleep 1; mount --bind /proc/$!/ns/net %s; kill $!",
			tell_sh(path), tell_sh(user), tell_sh(path));
	else if (strcmp(dir, NETNS_DIR) == 0)
		buf_addf(&shell, "ip netns add %s", tell_sh(spec));
	else
		buf_addf(&shell, "touch %s\nunshare --net=%s true", tell_sh(path), tell_sh(path));
	auto_fd int owner = user && !step_dry() ? open(user, O_RDONLY | O_CLOEXEC) : -1;
	if (user && owner < 0 && !step_dry())
		return err_sys("open", user, "cannot open namespace %s", user);
	return sys_netns_pin(
		"a new network namespace with nothing in it, under a name", path, owner, shell.s);
}

static int
check_kind(const char *path, int fd, ino_t *ino)
{
	struct statfs fs;
	struct stat sb;
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &sb) < 0)
		return err_sys("fstatfs", path, "cannot look at %s", path);
	if (fs.f_type != NSFS_MAGIC)
		return err_set(ERR_INVALID, path, "%s is not a network namespace", path);
	*ino = sb.st_ino;
	return 0;
}

static int
open_spec(const char *spec, bool make, const char *user, struct netns *out)
{
	*out = (struct netns){.fd = -1};
	if (spec_path(spec, out->path) < 0)
		return -1;
	if (make && !strchr(spec, '/') && !file_exists(out->path)) {
		if (make_named(spec, out->path, user) < 0)
			return -1;
		out->made = true;
		if (step_dry())
			return 0;
	}
	auto_fd int fd = open(out->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("open", out->path, "cannot open network namespace %s", out->path);
	if (check_kind(out->path, fd, &out->ino) < 0)
		return -1;
	out->fd = take_fd(&fd);
	return 0;
}

int
netns_open(const char *spec, bool make, struct netns *out)
{
	return open_spec(spec, make, NULL, out);
}

int
netns_open_for(const char *spec, const char *user, struct netns *out)
{
	return open_spec(spec, true, user, out);
}

bool
netns_is_ours(const char *path)
{
	return state_noted("netns", path);
}

int
netns_remove(const char *path)
{
	/* With the mounts that it was among it may have gone before its name. */
	bool there = step_dry() || is_mount_point(path);
	if ((there &&
		    sys_umount("let go of the namespace: it ends with its last process", path,
			    MNT_DETACH | UMOUNT_NOFOLLOW) < 0) ||
		sys_unlink("and of its name", path) < 0)
		return -1;
	return state_forget("netns", path);
}
