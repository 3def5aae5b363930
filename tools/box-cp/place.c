/* SPDX-License-Identifier: MIT */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "cp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SYMLINKS_MAX 40

static int
not_found(const struct place *p)
{
	if (p->box)
		return err_set(ERR_NOT_FOUND, p->path, "Could not find the file %s in container %s",
			p->path, p->box);
	return err_set(
		ERR_NOT_FOUND, p->path, "cannot find %s: No such file or directory", p->path);
}

static int
open_dir(int root, const char *path)
{
	if (root < 0)
		return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return open_in_root(root, path, O_PATH | O_DIRECTORY, 0);
}

/* Cuts path into the directory and the last name: "" when the path means a directory's content. */
static int
split(const char *path, struct buf *dir, char name[NAME_MAX + 1])
{
	auto_free char *clean = str_new(path);
	size_t n = strlen(clean);
	while (n > 1 && clean[n - 1] == '/')
		clean[--n] = '\0';
	const char *base = path_base(clean);
	bool content = !*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0;
	if (strlen(base) > NAME_MAX)
		return err_set(ERR_INVALID, path, "the name %.32s… is too long", base);
	buf_reset(dir);
	if (content)
		buf_adds(dir, clean);
	else if (base == clean)
		buf_adds(dir, ".");
	else
		buf_add(dir, clean, (size_t)(base - clean));
	snprintf(name, NAME_MAX + 1, "%s", content ? "" : base);
	return 0;
}

/* Where a symlink leads. */
static int
next(const struct place *p, const struct buf *dir, struct buf *path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(p->dir, p->name, target, sizeof(target) - 1);
	if (n < 0)
		return err_sys("readlinkat", p->path, "cannot read symlink %s", p->path);
	target[n] = '\0';
	buf_reset(path);
	if (*target != '/')
		buf_addf(path, "%s/", buf_str(dir));
	buf_adds(path, target);
	return 0;
}

int
place_find(struct place *p, int root, bool follow)
{
	auto_buf struct buf dir = BUF_INIT, path = BUF_INIT;
	size_t len = strlen(p->path);
	p->slash = len && p->path[len - 1] == '/';
	buf_adds(&path, p->path);
	for (int i = 0; i < SYMLINKS_MAX; i++) {
		if (split(buf_str(&path), &dir, p->name) < 0)
			return -1;
		if (i == 0)
			memcpy(p->last, p->name, sizeof(p->last));
		p->dir = open_dir(root, buf_str(&dir));
		if (p->dir < 0)
			return errno == ENOENT || errno == ENOTDIR
				? not_found(p)
				: err_sys("openat2", p->path, "cannot open %s", p->path);
		p->exists =
			fstatat(p->dir, p->name, &p->sb, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0;
		if (!p->exists || !S_ISLNK(p->sb.st_mode) || !(follow || p->slash))
			return 0;
		if (next(p, &dir, &path) < 0)
			return -1;
		close(p->dir);
		p->dir = -1;
	}
	errno = ELOOP;
	return err_sys("openat2", p->path, "cannot open %s", p->path);
}

int
place_need(const struct place *p)
{
	if (!p->exists)
		return not_found(p);
	if (p->slash && !S_ISDIR(p->sb.st_mode))
		return err_set(ERR_INVALID, p->path, "cannot copy %s: it is no directory", p->path);
	return 0;
}
