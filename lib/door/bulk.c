/* SPDX-License-Identifier: MIT */
#include "door/bulk.h"

#include "base/auto.h"
#include "base/buf.h"
#include "door/fault.h"
#include "door/sweep.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* How each kind is told. */
static const struct {
	const char *why;
	const char *call;
} kinds[BULK_KINDS] = {
	[BULK_DIR] = {"make the directories", "mkdirat(parent, name, mode)"},
	[BULK_FILE] = {"make the files", "openat(parent, name, O_CREAT|O_EXCL|O_NOFOLLOW, mode)"},
	[BULK_WRITE] = {"write their content, leaving holes where there are any",
		"pwrite(file, …)"},
	[BULK_SYMLINK] = {"make the symbolic links", "symlinkat(target, parent, name)"},
	[BULK_LINK] = {"make the hard links", "linkat(parent, name, parent, name, 0)"},
	[BULK_NODE] = {"make the devices, fifos and whiteouts", "mknodat(parent, name, mode, dev)"},
	[BULK_OWNER] = {"give them their owners, where not ours", "fchownat(parent, name, …)"},
	[BULK_MODE] = {"give them the modes that making them did not",
		"fchmodat(parent, name, mode)"},
	[BULK_XATTR] = {"set attributes and opaque marks", "fsetxattr(file, name, value)"},
	[BULK_TIME] = {"set their times, the directories' last", "utimensat(parent, name, …)"},
	[BULK_REMOVE] = {"remove what was replaced or deleted", "unlinkat(parent, name, …)"},
};

/* Counts the call, and says whether it may be made. */
static int
allowed(struct bulk *b, enum bulk_kind kind, const char *call)
{
	int no = fault_due(call);
	b->n[kind]++;
	if (!no)
		return 1;
	errno = no;
	return 0;
}

int
bulk_mkdir(struct bulk *b, int dir, const char *name, mode_t mode)
{
	return allowed(b, BULK_DIR, "mkdirat") ? mkdirat(dir, name, mode) : -1;
}

int
bulk_create(struct bulk *b, int dir, const char *name, mode_t mode)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	return allowed(b, BULK_FILE, "openat") ? openat(dir, name, flags, mode) : -1;
}

int
bulk_write(struct bulk *b, int fd, const void *data, size_t len, int64_t offset)
{
	if (!allowed(b, BULK_WRITE, "pwrite"))
		return -1;
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done, offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	b->bytes += len;
	return 0;
}

int
bulk_truncate(struct bulk *b, int fd, int64_t size)
{
	return allowed(b, BULK_WRITE, "ftruncate") ? ftruncate(fd, size) : -1;
}

int
bulk_symlink(struct bulk *b, const char *target, int dir, const char *name)
{
	return allowed(b, BULK_SYMLINK, "symlinkat") ? symlinkat(target, dir, name) : -1;
}

int
bulk_link(struct bulk *b, int old_dir, const char *old, int dir, const char *name)
{
	return allowed(b, BULK_LINK, "linkat") ? linkat(old_dir, old, dir, name, 0) : -1;
}

int
bulk_mknod(struct bulk *b, int dir, const char *name, mode_t mode, dev_t dev)
{
	return allowed(b, BULK_NODE, "mknodat") ? mknodat(dir, name, mode, dev) : -1;
}

int
bulk_chown(struct bulk *b, int dir, const char *name, uid_t uid, gid_t gid)
{
	if (!allowed(b, BULK_OWNER, "fchownat"))
		return -1;
	return fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH));
}

int
bulk_chmod(struct bulk *b, int dir, const char *name, mode_t mode)
{
	if (!allowed(b, BULK_MODE, "fchmodat"))
		return -1;
	return *name ? fchmodat(dir, name, mode, 0) : fchmod(dir, mode);
}

/* "/proc/self/fd/7/name": names have at most 255 bytes. */
static void
by_way_of_proc(char path[300], int dir, const char *name)
{
	snprintf(path, 300, "/proc/self/fd/%d/%s", dir, name);
}

int
bulk_setxattr(
	struct bulk *b, int dir, const char *name, const char *attr, const void *value, size_t len)
{
	char path[300];
	if (!allowed(b, BULK_XATTR, "setxattr"))
		return -1;
	if (!*name)
		return fsetxattr(dir, attr, value, len, 0);
	by_way_of_proc(path, dir, name);
	return lsetxattr(path, attr, value, len, 0);
}

int
bulk_removexattr(struct bulk *b, int dir, const char *name, const char *attr)
{
	char path[300];
	if (!allowed(b, BULK_XATTR, "removexattr"))
		return -1;
	if (!*name)
		return fremovexattr(dir, attr);
	by_way_of_proc(path, dir, name);
	return lremovexattr(path, attr);
}

int
bulk_times(struct bulk *b, int dir, const char *name, const struct timespec *mtime)
{
	struct timespec both[2] = {*mtime, *mtime};
	if (!allowed(b, BULK_TIME, "utimensat"))
		return -1;
	/* A null path, which the C library offers as futimens, means the descriptor itself. */
	return *name ? utimensat(dir, name, both, AT_SYMLINK_NOFOLLOW) : futimens(dir, both);
}

/* Whether name is in the file system of its directory: what is mounted there is not ours. */
static int
same_mount(int dir, const char *name)
{
	struct stat d, n;
	if (fstat(dir, &d) < 0 || fstatat(dir, name, &n, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	errno = EBUSY;
	return d.st_dev == n.st_dev;
}

int
bulk_remove(struct bulk *b, int dir, const char *name)
{
	if (!allowed(b, BULK_REMOVE, "unlinkat"))
		return -1;
	if (unlinkat(dir, name, 0) == 0)
		return 0;
	return errno == EISDIR && same_mount(dir, name) ? sweep_at(dir, name) : -1;
}

mode_t
bulk_umask(void)
{
	char line[128];
	unsigned mask;
	auto_file FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Umask: %o", &mask) == 1)
			return (mode_t)mask;
	mode_t before = umask(022);
	umask(before);
	return before;
}

void
bulk_tell(const struct bulk *b, const char *where)
{
	if (!tell_on())
		return;
	for (int i = 0; i < BULK_KINDS; i++) {
		auto_buf struct buf why = BUF_INIT, call = BUF_INIT;
		if (!b->n[i])
			continue;
		buf_addf(&why, "%s %s", kinds[i].why, where);
		buf_addf(&call, "%s, %" PRIu64 " times", kinds[i].call, b->n[i]);
		if (i == BULK_WRITE)
			buf_addf(&call, ", %" PRIu64 " bytes", b->bytes);
		tell_step(buf_str(&why), buf_str(&call), NULL);
	}
}
