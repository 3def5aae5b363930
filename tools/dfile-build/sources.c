/* SPDX-License-Identifier: MIT
 * What COPY and ADD copy: words with wildcards become a list of files, and that a sum.
 */
#include "sources_in.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "image/sha256.h"
#include "image/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ITEMS_MAX ((size_t)4 << 20)
#define DEPTH_MAX 2048
#define PIECE ((size_t)64 << 10)

int
real_path(int root, const char *path, int flags, int *fd, char out[PATH_MAX])
{
	char self[64], top[PATH_MAX];
	auto_fd int at = open_in_root(root, *path ? path : "/", flags, 0);
	if (at < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", root);
	ssize_t n = readlink(self, top, sizeof(top) - 1);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	ssize_t m = n < 0 ? -1 : readlink(self, out, PATH_MAX - 1);
	if (m < 0)
		return -1;
	out[m] = '\0';
	/* The top may be "/". */
	n = n == 1 ? 0 : n;
	if (m < n) {
		errno = ENOENT;
		return -1;
	}
	memmove(out, out + n + (out[n] == '/'), strlen(out + n + (out[n] == '/')) + 1);
	if (fd)
		*fd = take_fd(&at);
	return 0;
}

/* ---- the list ---- */

bool
gather_left_out(const struct gather *g, const char *path, const char *rel)
{
	return (*path && dfile_ignore_match(g->from->ignore, path)) ||
		(*rel && dfile_ignore_match(g->exclude, rel));
}

bool
gather_may_look_below(const struct gather *g, const char *dir, const char *rel)
{
	return (!dfile_ignore_match(g->from->ignore, dir) ||
		       dfile_ignore_may_include_below(g->from->ignore, dir)) &&
		(!*rel || !dfile_ignore_match(g->exclude, rel) ||
			dfile_ignore_may_include_below(g->exclude, rel));
}

static int
add(const struct gather *g, const char *path, char *to, const struct stat *sb)
{
	struct items *l = g->out;
	if (l->n >= ITEMS_MAX)
		return err_set(ERR_NO_SPACE, g->from->shown, "%s has more than %zu files",
			g->from->shown, ITEMS_MAX);
	/* Doubled each time that it is full: then its number is a power of two. */
	if (!(l->n & (l->n - 1))) {
		l->v = realloc(l->v, (l->n ? 2 * l->n : 1) * sizeof(*l->v));
		if (!l->v)
			abort();
	}
	l->v[l->n++] = (struct item){.from = g->from,
		.path = str_new(path),
		.to = to,
		.mode = sb->st_mode,
		.uid = sb->st_uid,
		.gid = sb->st_gid,
		.size = S_ISREG(sb->st_mode) ? sb->st_size : 0,
		.sec = sb->st_mtim.tv_sec,
		.nsec = sb->st_mtim.tv_nsec,
		.csec = sb->st_ctim.tv_sec,
		.cnsec = sb->st_ctim.tv_nsec,
		.dev = sb->st_dev,
		.ino = sb->st_ino,
		.rdev = S_ISCHR(sb->st_mode) || S_ISBLK(sb->st_mode) ? sb->st_rdev : 0};
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
read_names(int root, const char *path, char ***names, size_t *n)
{
	int fd = open_no_links(root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0);
	auto_dir DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	*names = NULL;
	*n = 0;
	if (!d)
		return -1;
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!(*n & (*n - 1))) {
			*names = realloc(*names, (*n ? 2 * *n : 1) * sizeof(**names));
			if (!*names)
				abort();
		}
		(*names)[(*n)++] = str_new(e->d_name);
	}
	if (*n)
		qsort(*names, *n, sizeof(**names), by_name);
	return 0;
}

char *
joined(const char *dir, const char *name)
{
	return fmt_new("%s%s%s", dir, *dir && *name ? "/" : "", name);
}

static int gather_below(const struct gather *g, const char *path, const char *to, unsigned depth);

/* One name in a directory, and what is below it. A directory that is left out may have something in
 * it that is not: then it comes along. */
static int
gather_entry(const struct gather *g, int dir, const char *path, const char *to, unsigned depth)
{
	struct stat sb;
	const char *rel = g->parents ? path : to;
	bool out = gather_left_out(g, path, rel);
	if (fstatat(dir, path_base(path), &sb, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys("open", path, "cannot look at %s", path);
	if (S_ISSOCK(sb.st_mode) || (out && !S_ISDIR(sb.st_mode)))
		return 0;
	if (!S_ISDIR(sb.st_mode))
		return add(g, path, str_new(to), &sb);
	if (out && !gather_may_look_below(g, path, rel))
		return 0;
	size_t at = g->out->n;
	if (add(g, path, str_new(to), &sb) < 0 || gather_below(g, path, to, depth + 1) < 0)
		return -1;
	if (out && g->out->n == at + 1) {
		free(g->out->v[at].path);
		free(g->out->v[at].to);
		g->out->n = at;
	}
	return 0;
}

static int
gather_below(const struct gather *g, const char *path, const char *to, unsigned depth)
{
	char **names;
	size_t n;
	int r = 0;
	if (depth > DEPTH_MAX)
		return err_set(ERR_INVALID, path, "%s is too deep", path);
	auto_fd int dir = open_no_links(g->from->root, *path ? path : ".", O_PATH | O_DIRECTORY, 0);
	if (dir < 0 || read_names(g->from->root, path, &names, &n) < 0)
		return err_sys("open", path, "cannot read directory %s", *path ? path : ".");
	for (size_t i = 0; i < n; i++) {
		if (r == 0) {
			auto_free char *sub = joined(path, names[i]);
			auto_free char *sub_to = joined(to, names[i]);
			r = gather_entry(g, dir, sub, sub_to, depth);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

static int
not_there(const struct gather *g, const char *path)
{
	bool ignored = gather_left_out(g, path, "");
	err_set(ERR_NOT_FOUND, path, "\"/%s\" is not in %s", path, g->from->shown);
	return ignored ? err_hint("its .dockerignore leaves that out") : -1;
}

/* Directories above a file that --parents keeps. */
static int
add_parents(const struct gather *g, const char *path, const char *to)
{
	size_t skip = strlen(path) - strlen(to);
	for (const char *p = to; (p = strchr(p, '/')); p++) {
		auto_free char *dir = fmt_new("%.*s", (int)(p - to), to);
		auto_free char *from = fmt_new("%.*s%s", (int)skip, path, dir);
		struct stat sb;
		bool there = false;
		for (size_t i = g->out->n; i-- > 0 && !there;)
			there = strcmp(g->out->v[i].to, dir) == 0;
		auto_fd int fd = there ? -1 : open_in_root(g->from->root, from, O_PATH, 0);
		if (fd >= 0 && fstat(fd, &sb) == 0 && add(g, from, str_new(dir), &sb) < 0)
			return -1;
	}
	return 0;
}

int
gather_named(const struct gather *g, const char *path, const char *pivot)
{
	char real[PATH_MAX];
	struct stat sb;
	auto_fd int fd = -1;
	if (real_path(g->from->root, path, O_PATH, &fd, real) < 0 || fstat(fd, &sb) < 0)
		return errno == ENOENT || errno == ENOTDIR
			? not_there(g, path)
			: err_sys("openat2", path, "cannot open %s in %s", path, g->from->shown);
	if (gather_left_out(g, real, "") &&
		!(S_ISDIR(sb.st_mode) && gather_may_look_below(g, real, "")))
		return not_there(g, path);
	if (!S_ISDIR(sb.st_mode) && gather_left_out(g, "", g->parents ? path : path_base(path)))
		return 0;
	g->out->named++;
	if (g->parents) {
		if (add_parents(g, path, pivot) < 0)
			return -1;
		if (!S_ISDIR(sb.st_mode))
			return add(g, real, str_new(pivot), &sb);
		return (*pivot && add(g, real, str_new(pivot), &sb) < 0)
			? -1
			: gather_below(g, real, pivot, 0);
	}
	bool directory = S_ISDIR(sb.st_mode);
	if (add(g, real, str_new(directory ? "" : path_base(path)), &sb) < 0)
		return -1;
	g->out->v[g->out->n - 1].top = directory;
	g->out->v[g->out->n - 1].word = !directory;
	return directory ? gather_below(g, real, "", 0) : 0;
}

void
items_free(struct items *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].to);
		free(l->v[i].text);
	}
	free(l->v);
	*l = (struct items){0};
}

/* ---- the sum ---- */

struct summing {
	const struct build *b;
	struct sha256 *whole, *file;
	struct buf head; /* of the item at hand */
	struct xattrs xattrs;
	char *piece;
};

/* Of what is open, or called `name` in what is open. */
static int
sum_xattrs(struct summing *m, const struct item *it, int fd, const char *name, struct sha256 *h)
{
	if (fd < 0 || xattrs_read(&m->xattrs, fd, name) < 0)
		return err_sys("listxattr", it->path, "cannot read the attributes of %s in %s",
			it->path, it->from->shown);
	buf_reset(&m->head);
	buf_addf(&m->head, "%zu", m->xattrs.n);
	for (size_t i = 0; i < m->xattrs.n; i++) {
		const struct tar_xattr *x = &m->xattrs.v[i];
		buf_addf(&m->head, " %s=%zu:", x->name, x->len);
		buf_add(&m->head, x->value, x->len);
	}
	sha256_add(h, m->head.s, m->head.len);
	return 0;
}

/* Of what is no regular file. There is no flistxattr(2) for a symlink, nor for a descriptor of
 * O_PATH: then it is named by the directory that it lies in. */
static int
sum_node(struct summing *m, const struct item *it)
{
	const char *base = path_base(it->path);
	bool directory = S_ISDIR(it->mode);
	auto_free char *open_it = directory ? fmt_new("%s", *it->path ? it->path : ".")
					    : fmt_new("./%.*s", (int)(base - it->path), it->path);
	auto_fd int fd = open_no_links(
		it->from->root, open_it, (directory ? O_RDONLY : O_PATH) | O_DIRECTORY, 0);
	return sum_xattrs(m, it, fd, directory ? "" : base, m->whole);
}

static int
sum_file(struct summing *m, const struct item *it)
{
	const struct source *from = it->from;
	char digest[DIGEST_SIZE];
	const char *known = from->root == m->b->ctx.fd ? sums_find(it) : NULL;
	ssize_t n = 0;
	if (known) {
		sha256_add(m->whole, known, DIGEST_SIZE);
		return 0;
	}
	auto_fd int fd = open_no_links(from->root, it->path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return err_sys("open", it->path, "cannot open %s in %s", it->path, from->shown);
	while ((n = read(fd, m->piece, PIECE)) > 0)
		sha256_add(m->file, m->piece, (size_t)n);
	if (n < 0)
		return err_sys("read", it->path, "cannot read %s in %s", it->path, from->shown);
	/* The time of change is that of the attributes, too: what is remembered covers them. */
	sha256_take(m->file, digest);
	sha256_add(m->file, digest, DIGEST_SIZE);
	if (sum_xattrs(m, it, fd, "", m->file) < 0)
		return -1;
	sha256_take(m->file, digest);
	sha256_add(m->whole, digest, DIGEST_SIZE);
	if (from->root == m->b->ctx.fd)
		sums_add(m->b, it, digest);
	return 0;
}

static int
sum_item(struct summing *m, const struct item *it)
{
	struct sha256 *h = m->whole;
	char link[PATH_MAX];
	/* Not the times: a file that was only touched is the same (moby, pkg/tarsum). Nor what
	 * the named directory is called. */
	buf_reset(&m->head);
	buf_addf(&m->head, "%s%c%o %u %u %" PRId64 " %" PRIx64 "%c", it->to, 0, it->mode, it->uid,
		it->gid, it->size, it->rdev, 0);
	sha256_add(h, m->head.s, m->head.len);
	if (it->text) {
		sha256_add(h, it->text, strlen(it->text) + 1);
		return 0;
	}
	if (S_ISREG(it->mode))
		return sum_file(m, it);
	if (S_ISLNK(it->mode)) {
		auto_fd int fd = open_no_links(it->from->root, it->path, O_PATH | O_NOFOLLOW, 0);
		ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", link, sizeof(link) - 1);
		if (n < 0)
			return err_sys("readlink", it->path, "cannot read %s", it->path);
		link[n] = '\0';
		sha256_add(h, link, (size_t)n + 1);
	}
	return sum_node(m, it);
}

int
items_sum(const struct build *b, const struct items *list, struct buf *key)
{
	struct summing m = {.b = b, .whole = sha256_new(), .file = sha256_new()};
	char digest[DIGEST_SIZE];
	int r = 0;
	m.piece = malloc(PIECE);
	if (!m.piece)
		abort();
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = sum_item(&m, &list->v[i]);
	sha256_take(m.whole, digest);
	sha256_free(m.whole);
	sha256_free(m.file);
	buf_free(&m.head);
	xattrs_free(&m.xattrs);
	free(m.piece);
	buf_addf(key, "%s\n", digest);
	return r < 0 ? -1 : sums_save();
}
