/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t
read_some(int fd, char *p, size_t n)
{
	ssize_t got;
	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

static int
read_all(int fd, const char *name, size_t max, struct buf *out)
{
	char chunk[16384];
	size_t total = 0;
	buf_adds(out, "");
	for (;;) {
		ssize_t n = read_some(fd, chunk, sizeof(chunk));
		if (n < 0)
			return err_sys("read", name, "cannot read %s", name);
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > max) {
			errno = EFBIG;
			return err_sys(
				"read", name, "cannot read %s: more than %zu bytes", name, max);
		}
		buf_add(out, chunk, (size_t)n);
	}
}

int
file_read(const char *path, size_t max, struct buf *out)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("open", path, "cannot open %s", path);
	return read_all(fd, path, max, out);
}

int
file_read_stdin(size_t max, struct buf *out)
{
	return read_all(STDIN_FILENO, "standard input", max, out);
}

int
file_read_line(const char *path, char *line, size_t size)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read_some(fd, line, size - 1);
	if (n < 0)
		return -1;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

int
file_read_number(const char *path, int64_t *n)
{
	char line[32];
	if (file_read_line(path, line, sizeof(line)) < 0)
		return -1;
	struct err before = err;
	int r = parse_int(line, INT64_MIN, INT64_MAX, n);
	err = before;
	if (r < 0)
		errno = EINVAL;
	return r;
}

bool
file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool
dir_exists(const char *path)
{
	struct stat sb;
	return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

static int
open2(int dir, const char *path, int flags, unsigned mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_CLOEXEC,
		/* openat2 refuses a mode where nothing is made. */
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	long fd;
	/* EAGAIN: a rename below us raced with "..": the kernel could not be sure, and asks to try
	 * again. */
	do
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return (int)fd;
}

int
open_in_root(int root_fd, const char *path, int flags, unsigned mode)
{
	return open2(root_fd, path, flags, mode, RESOLVE_IN_ROOT);
}

int
open_no_links(int root_fd, const char *path, int flags, unsigned mode)
{
	return open2(root_fd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

void
path_join(struct buf *out, const char *dir, const char *name)
{
	buf_adds(out, dir);
	if (out->len && out->s[out->len - 1] != '/')
		buf_addc(out, '/');
	buf_adds(out, name + strspn(name, "/"));
}

/* Length of path without its last part, and the slashes around that. */
static size_t
parent_len(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

int
path_resolve(const char *path, struct buf *out)
{
	auto_free char *all = str_new(path), *head = NULL, *real = NULL;
	size_t len = strlen(all);
	while (len > 1 && all[len - 1] == '/')
		all[--len] = '\0';
	head = str_new(all);
	while (!(real = realpath(len || !*all ? head : ".", NULL))) {
		if (errno != ENOENT || len == 0)
			return err_sys("realpath", path, "cannot find %s", path);
		len = parent_len(head, len);
		head[len] = '\0';
	}
	if (all[len])
		path_join(out, real, all + len);
	else
		buf_adds(out, real);
	return 0;
}

char *
path_clean(const char *path)
{
	struct buf out = BUF_INIT;
	buf_adds(&out, "");
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n == 2 && memcmp(path, "..", 2) == 0) {
			char *slash = strrchr(out.s, '/');
			out.len = slash ? (size_t)(slash - out.s) : 0;
			out.s[out.len] = '\0';
		} else if (n && !(n == 1 && *path == '.')) {
			if (out.len)
				buf_addc(&out, '/');
			buf_add(&out, path, n);
		}
		path += n + (path[n] == '/');
	}
	return buf_take(&out);
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}
