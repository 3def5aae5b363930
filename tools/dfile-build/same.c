/* SPDX-License-Identifier: MIT
 * Whether two layers say the same, each a directory in overlay's form: names, types, modes, owners,
 * attributes, content. Times do not count, as they do not in the keys of records. Nor do overlay's
 * own notes: what is compared was copied, and copying hides nothing but by name.
 */
#include "build.h"

#include "base/auto.h"
#include "base/file.h"
#include "image/xattrs.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (32 * 1024)

static bool
same_stat(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		return false;
	if (S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode))
		return a->st_rdev == b->st_rdev;
	return !S_ISREG(a->st_mode) || a->st_size == b->st_size;
}

static bool
same_xattrs(int a, int b, const char *name)
{
	struct xattrs xa = {0}, xb = {0};
	bool same = xattrs_read(&xa, a, name) == 0 && xattrs_read(&xb, b, name) == 0 &&
		xattrs_equal(&xa, &xb);
	xattrs_free(&xa);
	xattrs_free(&xb);
	return same;
}

static bool
same_target(int a, int b, const char *name)
{
	char x[PATH_MAX], y[PATH_MAX];
	ssize_t n = readlinkat(a, name, x, sizeof(x));
	return n >= 0 && readlinkat(b, name, y, sizeof(y)) == n && memcmp(x, y, (size_t)n) == 0;
}

static bool
same_bytes(int dir_a, int dir_b, const char *name)
{
	static const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char x[PIECE], y[PIECE];
	auto_fd int a = openat(dir_a, name, flags);
	auto_fd int b = openat(dir_b, name, flags);
	off_t at = 0;
	ssize_t n;
	if (a < 0 || b < 0)
		return false;
	while ((n = pread(a, x, sizeof(x), at)) > 0) {
		if (pread(b, y, (size_t)n, at) != n || memcmp(x, y, (size_t)n) != 0)
			return false;
		at += n;
	}
	return n == 0;
}

static size_t
count_names(int fd)
{
	size_t n = 0;
	auto_dir DIR *d = fdopendir(dup(fd));
	if (d)
		rewinddir(d);
	while (d && readdir(d))
		n++;
	return n;
}

static bool
same_name(int a, int b, const char *name)
{
	struct stat sa, sb;
	if (fstatat(a, name, &sa, AT_SYMLINK_NOFOLLOW) < 0 ||
		fstatat(b, name, &sb, AT_SYMLINK_NOFOLLOW) < 0 || !same_stat(&sa, &sb) ||
		!same_xattrs(a, b, name))
		return false;
	if (S_ISLNK(sa.st_mode))
		return same_target(a, b, name);
	if (S_ISREG(sa.st_mode))
		return same_bytes(a, b, name);
	return !S_ISDIR(sa.st_mode) || same_layers(a, name, b, name);
}

bool
same_layers(int dir_a, const char *path_a, int dir_b, const char *path_b)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	const struct dirent *e;
	auto_fd int a = openat(dir_a, path_a, flags);
	auto_fd int b = openat(dir_b, path_b, flags);
	if (a < 0 || b < 0 || count_names(a) != count_names(b))
		return false;
	auto_dir DIR *d = fdopendir(dup(a));
	if (!d)
		return false;
	rewinddir(d);
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			!same_name(a, b, e->d_name))
			return false;
	return true;
}
