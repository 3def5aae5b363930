/* SPDX-License-Identifier: MIT
 * The door, part one: files and directories.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The mode a new file gets, for the script: mkdir -m ignores the umask, mkdir(2) does not. Only
 * read while telling, for umask(2) can only be read by setting it. */
static mode_t
masked(mode_t mode)
{
	mode_t mask = umask(022);
	umask(mask);
	return mode & ~mask;
}

/* Remembers an inverse whose command is "VERB PATH". */
static void
push_path(undo_fn *fn, const char *path, const char *verb)
{
	auto_buf struct buf shell = BUF_INIT;
	buf_addf(&shell, "%s ", verb);
	buf_add_sh(&shell, path);
	undo_push(fn, path, NULL, buf_str(&shell));
}

/* What the script of a dry run has made so far, a name a line: nothing is there to be seen by
 * stat(2), and no directory can be made twice. */
static struct buf made_dry;

static bool
dir_there(const char *path)
{
	struct stat sb;
	auto_buf struct buf line = BUF_INIT;
	buf_addf(&line, "\n%s\n", path);
	return (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode)) || strstr(buf_str(&made_dry), line.s);
}

int
sys_mkdir(const char *why, const char *path, mode_t mode)
{
	struct step st;
	if (step_open(&st, "mkdir", why))
		step_result(&st, mkdir(path, mode));
	if (step_told(&st)) {
		step_call(&st, "mkdir(%s, 0%03o)", tell_c(path), mode);
		step_shell(&st, "mkdir -m %03o %s", masked(mode), tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("mkdir", path, "cannot make directory %s", path);
	if (step_dry())
		buf_addf(&made_dry, "\n%s\n", path);
	push_path(undo_rmdir, path, "rmdir");
	return 0;
}

int
sys_mkdir_all(const char *why, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	struct stat sb;
	size_t len = strlen(path);
	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return err_sys("mkdir", path, "cannot make directory %s", path);
	}
	for (size_t i = 1; i <= len; i++) {
		if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (dir_there(part))
			continue;
		/* Somebody else may be making the same directory: that is as good as ours. */
		if (sys_mkdir(why, part, mode) < 0 && !(err.no == EEXIST && stat(part, &sb) == 0))
			return -1;
	}
	return 0;
}

int
sys_rmdir(const char *why, const char *path)
{
	struct step st;
	if (step_open(&st, "rmdir", why))
		step_result(&st, rmdir(path));
	if (step_told(&st)) {
		step_call(&st, "rmdir(%s)", tell_c(path));
		step_shell(&st, "rmdir %s", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("rmdir", path, "cannot remove directory %s", path);
	return 0;
}

int
sys_unlink(const char *why, const char *path)
{
	struct step st;
	if (step_open(&st, "unlink", why))
		step_result(&st, unlink(path));
	if (step_told(&st)) {
		step_call(&st, "unlink(%s)", tell_c(path));
		step_shell(&st, "rm %s", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("unlink", path, "cannot remove %s", path);
	return 0;
}

int
sys_symlink(const char *why, const char *target, const char *path)
{
	struct step st;
	if (step_open(&st, "symlink", why))
		step_result(&st, symlink(target, path));
	if (step_told(&st)) {
		step_call(&st, "symlink(%s, %s)", tell_c(target), tell_c(path));
		step_shell(&st, "ln -s %s %s", tell_sh(target), tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("symlink", path, "cannot make symbolic link %s", path);
	push_path(undo_unlink, path, "rm");
	return 0;
}

int
sys_rename(const char *why, const char *from, const char *to)
{
	struct step st;
	auto_buf struct buf back = BUF_INIT;
	if (step_open(&st, "rename", why))
		step_result(&st, rename(from, to));
	if (step_told(&st)) {
		step_call(&st, "rename(%s, %s)", tell_c(from), tell_c(to));
		step_shell(&st, "mv -T %s %s", tell_sh(from), tell_sh(to));
	}
	if (step_close(&st) < 0)
		return err_sys("rename", to, "cannot rename %s to %s", from, to);
	buf_addf(&back, "mv -T %s %s", tell_sh(to), tell_sh(from));
	undo_push(undo_rename, to, from, buf_str(&back));
	return 0;
}

static long
write_once(const char *path, const char *text)
{
	auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);
	if (n >= 0 && (size_t)n < len) {
		errno = EIO; /* control files take all or nothing */
		return -1;
	}
	return n;
}

int
sys_write(const char *why, const char *path, const char *text, const char *before)
{
	struct step st;
	if (step_open(&st, "write", why))
		step_result(&st, write_once(path, text));
	if (step_told(&st)) {
		step_call(&st, "write(%s, %s)", tell_c(path), tell_c(text));
		step_shell(&st, "echo %s > %s", tell_sh(text), tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("write", path, "cannot write '%s' to %s", text, path);
	if (before) {
		auto_buf struct buf back = BUF_INIT;
		buf_addf(&back, "echo %s > %s", tell_sh(before), tell_sh(path));
		undo_push(undo_write, path, before, buf_str(&back));
	}
	return 0;
}

static int
write_all(int fd, const char *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* fsync of the directory that holds path: without it the rename itself may be lost (fsync(2)). */
static int
sync_parent(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	snprintf(dir, sizeof(dir), "%.*s", n ? (int)n : 1, n ? path : slash ? "/" : ".");
	auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

struct replacement {
	const char *path, *tmp;
	const void *data;
	size_t len;
	mode_t mode;
	bool durable; /* a crash of the machine leaves the old content or the new */
};

static long
replace_file(const struct replacement *r)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	auto_fd int fd = open(r->tmp, flags, r->mode);
	if (fd < 0)
		return -1;
	if (write_all(fd, r->data, r->len) == 0 && (!r->durable || fsync(fd) == 0) &&
		rename(r->tmp, r->path) == 0)
		return r->durable ? sync_parent(r->path) : 0;
	int no = errno;
	unlink(r->tmp);
	errno = no;
	return -1;
}

static int
replace(const char *why, const struct replacement *r)
{
	struct step st;
	if (step_open(&st, "replace", why))
		step_result(&st, replace_file(r));
	if (step_told(&st)) {
		auto_buf struct buf text = BUF_INIT;
		buf_add(&text, r->data, r->len);
		step_call(&st, "write, %srename(%s, %s)", r->durable ? "fsync, " : "",
			tell_c(r->tmp), tell_c(r->path));
		step_shell(&st, "printf %%s %s > %s\n", tell_sh(buf_str(&text)), tell_sh(r->tmp));
		if (r->durable)
			step_shell(&st, "sync %s\n", tell_sh(r->tmp));
		step_shell(&st, "mv -T %s %s", tell_sh(r->tmp), tell_sh(r->path));
	}
	if (step_close(&st) < 0)
		return err_sys("replace", r->path, "cannot write %s", r->path);
	return 0;
}

int
sys_put(const char *why, const char *path, const char *tmp, const void *data, size_t len,
	mode_t mode)
{
	const struct replacement r = {path, tmp, data, len, mode, .durable = true};
	return replace(why, &r);
}

int
sys_replace(const char *why, const char *path, const void *data, size_t len, mode_t mode)
{
	auto_buf struct buf tmp = BUF_INIT;
	buf_addf(&tmp, "%s.tmp.%d", path, getpid());
	return sys_put(why, path, tmp.s, data, len, mode);
}

int
sys_remember(const char *why, const char *path, const void *data, size_t len, mode_t mode)
{
	auto_buf struct buf tmp = BUF_INIT;
	buf_addf(&tmp, "%s.tmp.%d", path, getpid());
	const struct replacement r = {path, tmp.s, data, len, mode, .durable = false};
	return replace(why, &r);
}

static long
write_whole(const char *path, int flags, const void *data, size_t len, mode_t mode)
{
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, mode);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, data, len);
	if (n >= 0 && (size_t)n != len)
		errno = ENOSPC;
	return n == (ssize_t)len ? 0 : -1;
}

int
sys_write_new(const char *why, const char *path, const void *data, size_t len, mode_t mode)
{
	struct step st;
	bool made = access(path, F_OK) < 0;
	if (step_open(&st, "write", why))
		step_result(&st, write_whole(path, O_TRUNC, data, len, mode));
	if (step_told(&st)) {
		step_call(&st, "write(%s, …, %zu)", tell_c(path), len);
		auto_free char *text = fmt_new("%.*s", (int)len, (const char *)data);
		step_shell(&st, "printf %%s %s > %s", tell_sh(text), tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("write", path, "cannot write %s", path);
	if (made)
		push_path(undo_unlink, path, "rm");
	return 0;
}

int
sys_append(const char *why, const char *path, const void *data, size_t len, mode_t mode)
{
	struct step st;
	if (step_open(&st, "append", why))
		step_result(&st, write_whole(path, O_APPEND, data, len, mode));
	if (step_told(&st)) {
		step_call(&st, "write(%s, …, %zu)", tell_c(path), len);
		auto_free char *text = fmt_new("%.*s", (int)len, (const char *)data);
		step_shell(&st, "printf %%s %s >> %s", tell_sh(text), tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("write", path, "cannot write %s", path);
	return 0;
}

int
sys_mknod(const char *why, const char *path, mode_t mode, dev_t dev)
{
	struct step st;
	if (step_open(&st, "mknod", why))
		step_result(&st, mknod(path, mode, dev));
	if (step_told(&st)) {
		const char *type = S_ISCHR(mode) ? "c" : S_ISBLK(mode) ? "b" : "p";
		step_call(&st, "mknod(%s, %06o, makedev(%u, %u))", tell_c(path), mode, major(dev),
			minor(dev));
		if (*type == 'p')
			step_shell(&st, "mknod -m %03o %s p", masked(mode & 07777), tell_sh(path));
		else
			step_shell(&st, "mknod -m %03o %s %s %u %u", masked(mode & 07777),
				tell_sh(path), type, major(dev), minor(dev));
	}
	if (step_close(&st) < 0)
		return err_sys("mknod", path, "cannot make device %s", path);
	push_path(undo_unlink, path, "rm");
	return 0;
}

int
sys_setxattr(const char *why, const char *path, const char *name, const char *value)
{
	struct step st;
	if (step_open(&st, "setxattr", why))
		step_result(&st, setxattr(path, name, value, strlen(value), 0));
	if (step_told(&st)) {
		step_call(&st, "setxattr(%s, %s, %s)", tell_c(path), tell_c(name), tell_c(value));
		step_shell(&st, "setfattr -n %s -v %s %s", tell_sh(name), tell_sh(value),
			tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("setxattr", path, "cannot set attribute %s of %s", name, path);
	return 0;
}

int
sys_chmod(const char *why, const char *path, mode_t mode)
{
	struct step st;
	if (step_open(&st, "chmod", why))
		step_result(&st, chmod(path, mode));
	if (step_told(&st)) {
		step_call(&st, "chmod(%s, 0%03o)", tell_c(path), mode);
		step_shell(&st, "chmod %03o %s", mode, tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("chmod", path, "cannot change the mode of %s", path);
	return 0;
}

int
sys_chown(const char *why, const char *path, uid_t uid, gid_t gid)
{
	struct step st;
	if (step_open(&st, "chown", why))
		step_result(&st, lchown(path, uid, gid));
	if (step_told(&st)) {
		step_call(&st, "lchown(%s, %u, %u)", tell_c(path), uid, gid);
		step_shell(&st, "chown -h %u:%u %s", uid, gid, tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("chown", path, "cannot change the owner of %s", path);
	return 0;
}

int
sys_chdir(const char *why, const char *path)
{
	struct step st;
	if (step_open(&st, "chdir", why))
		step_result(&st, chdir(path));
	if (step_told(&st)) {
		step_call(&st, "chdir(%s)", tell_c(path));
		step_shell(&st, "cd %s", tell_sh(path));
	}
	if (step_close(&st) < 0)
		return err_sys("chdir", path, "cannot change directory to %s", path);
	return 0;
}
