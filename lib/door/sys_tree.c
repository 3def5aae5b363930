/* SPDX-License-Identifier: MIT
 * The door: trees of files, and things that stay once they are there.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sweep.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors held at once while removing: deeper directories are first moved up. A tree from a
 * stranger's tar may be deeper than we may have files open. */
#define SWEEP_DEPTH 64

struct sweep {
	int top;
	dev_t dev;
	unsigned moved;
};

/* Opens a directory for emptying. Its owner may have closed it to himself (mode 0555). */
static int
open_to_empty(int parent, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);
	if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
		fd = openat(parent, name, flags);
	if (fd >= 0 && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		fchmod(fd, 0700); /* if this fails, so does what comes next, with its own errno */
	return fd;
}

/* Moves a directory up to the top. Our names for that may be there already: a stranger's tar may
 * hold them, and so may what a removal that was killed left. Looked up, not left to
 * RENAME_NOREPLACE, which NFS and old FUSE file systems lack. */
static int
move_up(struct sweep *s, int parent, const char *name)
{
	char place[32];
	struct stat sb;
	do
		snprintf(place, sizeof(place), ".sweep-%u", s->moved++);
	while (fstatat(s->top, place, &sb, AT_SYMLINK_NOFOLLOW) == 0);
	return errno == ENOENT ? renameat(parent, name, s->top, place) : -1;
}

static int empty_dir(struct sweep *s, int fd, unsigned depth);

static int
remove_dir_at(struct sweep *s, int parent, const char *name, unsigned depth)
{
	struct stat sb;
	auto_fd int fd = open_to_empty(parent, name);
	if (fd < 0 || fstat(fd, &sb) < 0)
		return -1;
	if (sb.st_dev != s->dev) {
		errno = EXDEV;
		return -1;
	}
	if (depth == SWEEP_DEPTH)
		return move_up(s, parent, name);
	if (empty_dir(s, fd, depth + 1) < 0)
		return -1;
	return unlinkat(parent, name, AT_REMOVEDIR);
}

static int
empty_dir(struct sweep *s, int fd, unsigned depth)
{
	struct dirent *e;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return -1;
	while (errno = 0, (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) == 0)
			continue;
		if (errno != EISDIR || remove_dir_at(s, fd, e->d_name, depth) < 0)
			return -1;
	}
	return errno ? -1 : 0;
}

/* Empties the directory behind top. */
static int
sweep_content(int top)
{
	struct stat sb;
	if (fstat(top, &sb) < 0)
		return -1;
	struct sweep s = {.top = top, .dev = sb.st_dev};
	for (unsigned before = UINT_MAX; before != s.moved;) {
		before = s.moved;
		if (empty_dir(&s, top, 0) < 0)
			return -1;
	}
	return 0;
}

int
sweep_at(int parent, const char *name)
{
	auto_fd int top = open_to_empty(parent, name);
	if (top < 0 && errno == ENOTDIR)
		return unlinkat(parent, name, 0);
	if (top < 0 || sweep_content(top) < 0)
		return -1;
	return unlinkat(parent, name, AT_REMOVEDIR);
}

static int
remove_tree(const char *path)
{
	return sweep_at(AT_FDCWD, path);
}

int
undo_remove_tree(const char *a, const char *b)
{
	(void)b;
	return remove_tree(a);
}

int
undo_empty_dir(const char *a, const char *b)
{
	(void)b;
	auto_fd int top = open_to_empty(AT_FDCWD, a);
	return top < 0 ? -1 : sweep_content(top);
}

int
sys_remove_tree(const char *why, const char *path)
{
	struct step st;
	if (step_open(&st, "remove", why))
		step_result(&st, remove_tree(path));
	if (step_told(&st)) {
		step_call(&st, "unlinkat, rmdir of all below %s", tell_c(path));
		step_shell(&st, "rm -rf --one-file-system %s", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("remove", path, "cannot remove %s", path);
	return 0;
}

static int
keep_one_dir(const char *why, const char *path, mode_t mode)
{
	struct step st;
	struct stat sb;
	if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode))
		return 0;
	if (step_open(&st, "mkdir", why)) {
		long r = mkdir(path, mode);
		/* Somebody else made it at the same time: as good as ours. */
		step_result(&st, r < 0 && errno == EEXIST ? stat(path, &sb) : r);
	}
	if (step_told(&st)) {
		step_call(&st, "mkdir(%s, 0%03o)", tell_c(path), mode);
		step_shell(&st, "mkdir -p -m %03o %s", mode, tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("mkdir", path, "cannot make directory %s", path);
	return 0;
}

int
sys_keep_dir(const char *why, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return err_sys("mkdir", path, "cannot make directory %s", path);
	}
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (keep_one_dir(why, part, mode) < 0)
			return -1;
	}
	return 0;
}

/* Not every file system has O_TMPFILE: overlay only since Linux 6.6. */
static int
nameless(const char *dir)
{
	int fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	auto_free char *path = fmt_new("%s/.tacklebox-XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int
sys_spool(const char *why, int *fd)
{
	struct step st;
	const char *dir = getenv("TMPDIR");
	dir = dir && *dir ? dir : "/tmp";
	*fd = -1;
	if (step_open(&st, "spool", why)) {
		*fd = nameless(dir);
		step_result(&st, *fd < 0 ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "open(%s, O_RDWR|O_TMPFILE, 0600)", tell_c(dir));
		step_shell(&st, "spool=$(mktemp -p %s)", tell_sh(dir));
	}
	return step_close(&st) < 0 ? err_sys("spool", dir, "cannot make a file in %s", dir) : 0;
}

int
sys_create(const char *why, const char *path, mode_t mode, int *fd)
{
	struct step st;
	auto_buf struct buf shell = BUF_INIT;
	*fd = -1;
	if (step_open(&st, "create", why)) {
		*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		step_result(&st, *fd < 0 ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "open(%s, O_CREAT|O_EXCL, 0%03o)", tell_c(path), mode);
		step_shell(&st, "(set -C; : > %s)", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("create", path, "cannot make file %s", path);
	buf_addf(&shell, "rm %s", tell_sh(path));
	undo_push(undo_unlink, path, NULL, buf_str(&shell));
	return 0;
}

/* fsync(2) of what path names, a file or a directory. */
static int
sync_path(const char *path, int flags)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);
	return fd < 0 ? -1 : fsync(fd);
}

static long
publish(const char *from, const char *to)
{
	char dir[PATH_MAX];
	struct stat sb;
	if (lstat(from, &sb) < 0)
		return -1;
	/* What a tree holds was made durable by syncfs(2) before. */
	if (S_ISREG(sb.st_mode) && sync_path(from, 0) < 0)
		return -1;
	if (rename(from, to) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(to, '/') - to), to);
	return sync_path(dir, O_DIRECTORY);
}

int
sys_publish(const char *why, const char *from, const char *to)
{
	struct step st;
	if (step_open(&st, "publish", why))
		step_result(&st, publish(from, to));
	if (step_told(&st)) {
		step_call(&st, "fsync, rename(%s, %s), fsync", tell_c(from), tell_c(to));
		step_shell(&st, "sync %s; mv -T %s %s", tell_sh(from), tell_sh(from), tell_sh(to));
	}
	if (step_close(&st) < 0)
		return err_sys("publish", to, "cannot rename %s to %s", from, to);
	return 0;
}

int
sys_syncfs(const char *why, const char *path)
{
	struct step st;
	if (step_open(&st, "syncfs", why)) {
		auto_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		step_result(&st, fd < 0 ? -1 : syncfs(fd));
	}
	if (step_told(&st)) {
		step_call(&st, "syncfs(%s)", tell_c(path));
		step_shell(&st, "sync -f %s", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("syncfs", path, "cannot write back what %s holds", path);
	return 0;
}

static long
lock_part(const char *path, uint64_t part, int *fd)
{
	struct flock range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(part >> 2), .l_len = 1};
	long r;
	if (*fd < 0)
		*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return -1;
	do
		r = fcntl(*fd, F_OFD_SETLKW, &range);
	while (r < 0 && errno == EINTR);
	return r;
}

int
sys_lock_part(const char *why, const char *path, uint64_t part, int *fd)
{
	struct step st;
	if (step_open(&st, "fcntl", why))
		step_result(&st, lock_part(path, part, fd));
	if (step_told(&st)) {
		step_call(&st, "fcntl(%s, F_OFD_SETLKW, byte %llu)", tell_c(path),
			(unsigned long long)(part >> 2));
		step_shell(&st, ": # no shell command: a lock on one byte of %s", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("fcntl", path, "cannot lock %s", path);
	return 0;
}
