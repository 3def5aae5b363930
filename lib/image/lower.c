/* SPDX-License-Identifier: MIT */
#include "image/lower.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

bool
lower_is_whiteout(const struct stat *sb)
{
	return S_ISCHR(sb->st_mode) && sb->st_rdev == makedev(0, 0);
}

const char *
lower_opaque_name(bool user_xattr)
{
	return user_xattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

bool
lower_is_opaque(int dir, bool user_xattr)
{
	char value[4];
	ssize_t n = fgetxattr(dir, lower_opaque_name(user_xattr), value, sizeof(value));
	return n == 1 && value[0] == 'y';
}

enum look
lower_look(int layer, const char *path, bool user_xattr, int *parent, struct stat *sb, bool *cut)
{
	char name[NAME_MAX + 1];
	auto_fd int fd =
		-1; /* of the directory that is looked into; -1: the top, which may be O_PATH */
	*parent = -1;
	for (const char *p = path;;) {
		int dir = fd < 0 ? layer : fd;
		size_t n = strcspn(p, "/");
		if (n == 0 || (*p == '.' && (n == 1 || (n == 2 && p[1] == '.'))))
			return LOOK_HIDDEN;
		if (n > NAME_MAX) {
			errno = ENAMETOOLONG;
			return LOOK_FAILED;
		}
		memcpy(name, p, n);
		name[n] = '\0';
		if (fstatat(dir, name, sb, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? LOOK_ABSENT : LOOK_FAILED;
		if (lower_is_whiteout(sb))
			return LOOK_HIDDEN;
		if (!p[n]) {
			*parent = fd >= 0 ? take_fd(&fd)
					  : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			return *parent < 0 ? LOOK_FAILED : LOOK_FOUND;
		}
		if (!S_ISDIR(sb->st_mode))
			return LOOK_HIDDEN;
		int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			return LOOK_FAILED;
		if (fd >= 0)
			close(fd);
		fd = sub;
		*cut = *cut || lower_is_opaque(fd, user_xattr);
		p += n + 1;
	}
}

int
lower_find(const struct lowers *l, const char *path, int *parent, struct stat *sb)
{
	bool cut = false;
	enum look got = LOOK_ABSENT;
	for (size_t i = l->n; i > 0 && got == LOOK_ABSENT && !cut; i--)
		got = lower_look(l->fd[i - 1], path, l->user_xattr, parent, sb, &cut);
	return got == LOOK_FAILED ? -1 : got == LOOK_FOUND;
}
