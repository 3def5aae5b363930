/* SPDX-License-Identifier: MIT
 * Where files come from: a directory, a tar on standard input or behind an URL, a repository. And
 * the Dockerfile, which lies in it, elsewhere, or is all that there is.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD 4096

static int
open_directory(struct context *c, const char *path)
{
	auto_buf struct buf real = BUF_INIT;
	if (path_resolve(path, &real) < 0)
		return -1;
	snprintf(c->path, sizeof(c->path), "%s", buf_str(&real));
	c->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->fd < 0 ? err_sys("open", path, "cannot open the context %s", path) : 0;
}

/* The rest of a stream that is a Dockerfile. */
static int
read_text(int fd, const char *shown, struct buf *out)
{
	char piece[16384];
	ssize_t n;
	while ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)) {
		buf_add(out, piece, n > 0 ? (size_t)n : 0);
		if (out->len > DFILE_SIZE_MAX)
			return err_set(ERR_NO_SPACE, shown, "%s is larger than a Dockerfile may be",
				shown);
	}
	return n < 0 ? err_sys("read", shown, "cannot read %s", shown) : 0;
}

/* A tar becomes a directory of the build; what is no tar is a Dockerfile that came alone, as docker
 * has it. */
static int
from_stream(struct build *b, int fd, const char *shown)
{
	char head[HEAD], dir[PATH_MAX];
	size_t n = 0;
	ssize_t got = 0;
	while (n < sizeof(head) &&
		((got = read(fd, head + n, sizeof(head) - n)) > 0 || (got < 0 && errno == EINTR)))
		n += got > 0 ? (size_t)got : 0;
	if (got < 0)
		return err_sys("read", shown, "cannot read %s", shown);
	if (n == 0)
		return err_set(ERR_INVALID, shown,
			"%s is empty: neither a context nor a Dockerfile", shown);
	if (!is_archive_head(head, n)) {
		b->ctx.name = str_new(shown);
		buf_add(&b->ctx.dockerfile, head, n);
		return read_text(fd, shown, &b->ctx.dockerfile);
	}
	snprintf(dir, sizeof(dir), "%.*s/context", PATH_MAX - 16, b->dir);
	if (sys_mkdir("the context, unpacked", dir, 0755) < 0)
		return -1;
	auto_fd int to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct unpack u = {.fd = fd, .head = head, .n_head = n, .dir = to, .shown = shown};
	if (!step_dry() && (to < 0 || unpack_tar(&u) < 0))
		return -1;
	return step_dry() ? 0 : open_directory(&b->ctx, dir);
}

static int
from_remote(struct build *b, const char *url)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%.*s/fetched", PATH_MAX - 16, b->dir);
	if (is_git(url))
		return git_fetch(url, path, false) < 0 ? -1 : open_directory(&b->ctx, path);
	if (remote_fetch(url, path) < 0)
		return -1;
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_free char *shown = url_shown(url);
	return fd < 0 ? err_sys("open", path, "cannot open %s", path) : from_stream(b, fd, shown);
}

/* ---- the Dockerfile ---- */

/* A file of the context, which comes from anywhere: what is no file is not opened at all, for it
 * may wait for ever, or do something. -1 with errno set; *irregular: it is there, and no file. */
static int
open_regular(int root, const char *path, bool *irregular)
{
	struct stat sb;
	char self[64];
	auto_fd int fd = root == AT_FDCWD ? open(path, O_PATH | O_CLOEXEC)
					  : open_in_root(root, path, O_PATH, 0);
	*irregular = false;
	if (fd < 0 || fstat(fd, &sb) < 0)
		return -1;
	if (!S_ISREG(sb.st_mode)) {
		*irregular = true;
		errno = S_ISDIR(sb.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return open(self, O_RDONLY | O_CLOEXEC);
}

static int
no_file(const char *name)
{
	return err_set(ERR_INVALID, name,
		errno == EISDIR ? "%s is a directory" : "%s is not a regular file", name);
}

/* In a context that is a directory of the caller's, -f is a path as any other, and may be of a
 * pipe; in one that was unpacked, it is a path in there. */
static int
open_dockerfile(struct build *b, bool unpacked, int *fd)
{
	const char *path = asked.file ? asked.file : "Dockerfile";
	bool irregular = false;
	b->ctx.name = str_new(path);
	*fd = asked.file && !unpacked ? open(path, O_RDONLY | O_CLOEXEC)
				      : open_regular(b->ctx.fd, path, &irregular);
	if (*fd < 0 && errno == ENOENT && !asked.file)
		*fd = open_regular(b->ctx.fd, "dockerfile", &irregular);
	if (*fd >= 0)
		return 0;
	if (irregular)
		return no_file(path);
	err_sys("open", path, "cannot open %s in the context", path);
	/* Not a thing that is missing here, but a context that was given wrong. */
	err.class = ERR_INVALID;
	return asked.file ? -1 : err_hint("-f FILE names it when it is called otherwise");
}

static int
read_dockerfile(struct build *b, bool unpacked)
{
	struct stat sb;
	auto_fd int fd = -1;
	if (b->ctx.dockerfile.len)
		return 0;
	if (asked.file && strcmp(asked.file, "-") == 0) {
		b->ctx.name = str_new("standard input");
		return read_text(STDIN_FILENO, "standard input", &b->ctx.dockerfile);
	}
	if (open_dockerfile(b, unpacked, &fd) < 0)
		return -1;
	if (fstat(fd, &sb) < 0 || S_ISDIR(sb.st_mode))
		return err_set(ERR_INVALID, b->ctx.name, "%s is a directory", b->ctx.name);
	return read_text(fd, b->ctx.name, &b->ctx.dockerfile);
}

/* The ignore file of this Dockerfile, else that of the context. */
static int
read_ignore(struct build *b, bool unpacked)
{
	auto_buf struct buf text = BUF_INIT, own = BUF_INIT;
	bool elsewhere = asked.file && !unpacked, irregular;
	const char *name;
	if (b->ctx.fd < 0)
		return 0;
	buf_addf(&own, "%s.dockerignore", b->ctx.name);
	auto_fd int fd = open_regular(elsewhere ? AT_FDCWD : b->ctx.fd, own.s, &irregular);
	name = own.s;
	if (fd < 0 && !irregular) {
		name = ".dockerignore";
		fd = open_regular(b->ctx.fd, name, &irregular);
	}
	if (fd < 0 && irregular)
		return no_file(name);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys("open", name, "cannot open %s", name);
	if (read_text(fd, name, &text) < 0)
		return -1;
	b->ctx.ignore = dfile_ignore_parse(name, buf_str(&text), text.len);
	return b->ctx.ignore ? 0 : -1;
}

static int
check_stdin(void)
{
	bool both = strcmp(asked.context, "-") == 0 && asked.file && strcmp(asked.file, "-") == 0;
	return both ? err_set(ERR_INVALID, "-",
			      "the context and the Dockerfile cannot both be standard input")
		    : 0;
}

int
context_open(struct build *b)
{
	bool unpacked = true;
	b->ctx.fd = -1;
	if (check_stdin() < 0)
		return -1;
	int r;
	if (strcmp(asked.context, "-") == 0) {
		r = from_stream(b, STDIN_FILENO, "standard input");
	} else if (is_remote(asked.context) && !dir_exists(asked.context)) {
		r = from_remote(b, asked.context);
	} else {
		unpacked = false;
		r = open_directory(&b->ctx, asked.context);
		if (r == 0)
			sums_open(b->ctx.path);
	}
	if (r < 0 || read_dockerfile(b, unpacked) < 0 || read_ignore(b, unpacked) < 0)
		return -1;
	return dfile_parse(b->ctx.name, buf_str(&b->ctx.dockerfile), b->ctx.dockerfile.len, &b->d);
}
