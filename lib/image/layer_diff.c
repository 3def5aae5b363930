/* SPDX-License-Identifier: MIT
 * Writes what changed as a layer tar. The tree may be in use meanwhile (box-commit without a
 * pause): every file is opened below its directory's descriptor and looked at again, and what went
 * or shrank is said, not guessed.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "image/changes.h"
#include "image/names.h"
#include "image/tar_write.h"
#include "image/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Holes smaller than that are written as zeros: a sparse entry costs a header of its own, and
 * readers that are not ours more trouble. */
#define HOLES_WORTH (64 * 1024)
#define PIECE (256 * 1024)

struct emit {
	const struct layer_diff *how;
	struct layer_result *r;
	struct changes *c;
	struct tar_writer w;
	struct names inodes; /* of changed files with several names */
	size_t *first; /* for each of them, the change that was written as the file, plus one */
	struct xattrs xattrs;
	struct tar_map map;
	struct buf parent; /* the directory that is open */
	int dir;
	struct buf name, link; /* scratch for names in the tar */
	char *piece;
};

static const char *
path_of(const struct emit *m, const struct change *c)
{
	return m->c->text + c->path;
}

static int
read_failed(const char *path)
{
	return err_sys("read", path, "cannot read %s", path);
}

/* Opens the directory that path lies in, unless it is open already. */
static int
open_parent(struct emit *m, const char *path)
{
	size_t len = (size_t)(path_base(path) - path);
	if (m->dir >= 0 && m->parent.len == len && memcmp(buf_str(&m->parent), path, len) == 0)
		return 0;
	if (m->dir >= 0)
		close(m->dir);
	buf_reset(&m->parent);
	buf_add(&m->parent, path, len);
	m->dir = open_no_links(m->how->dir, len ? m->parent.s : ".", O_PATH | O_DIRECTORY, 0);
	return m->dir;
}

struct inode_key {
	dev_t dev;
	ino_t ino;
};

/* Remembers which files with several names changed: then all their names belong together. */
static void
note_inodes(struct emit *m)
{
	for (size_t i = 0; i < m->c->n; i++) {
		const struct change *c = &m->c->v[i];
		struct inode_key key = {c->dev, c->ino};
		if (c->ino && c->kind != 'U')
			names_add(&m->inodes, &key, sizeof(key), NULL);
	}
	m->first = calloc(m->inodes.n + 1, sizeof(*m->first));
	if (!m->first)
		abort();
}

/* Where the file that a change is now has its number in m->first. NULL when it has one name, or is
 * not the one that the walk saw: whatever took its place has content of its own. */
static size_t *
first_of(struct emit *m, const struct change *c, const struct stat *sb)
{
	struct inode_key key = {c->dev, c->ino};
	ssize_t i = c->ino && c->ino == sb->st_ino && c->dev == sb->st_dev
		? names_find(&m->inodes, &key, sizeof(key))
		: -1;
	return i < 0 ? NULL : &m->first[i];
}

/* Finds the spans between the holes. Returns 1 when the holes are worth it, 0 when not, -1. */
static int
find_holes(struct emit *m, int fd, off_t size)
{
	off_t at = 0, data = 0;
	int64_t stored = 0;
	m->map.n = 0;
	while (at < size) {
		off_t start = lseek(fd, at, SEEK_DATA);
		if (start < 0 && errno == ENXIO)
			break;
		off_t end = start < 0 ? -1 : lseek(fd, start, SEEK_HOLE);
		if (end < 0)
			return 0; /* a file system that knows no holes */
		end = end > size ? size : end;
		if (tar_map_add(&m->map, start, end - start) < 0)
			return 0;
		stored += end - start;
		at = data = end;
	}
	/* A hole at the end is said by an empty span there. */
	if (data < size)
		tar_map_add(&m->map, size, 0);
	return size - stored >= HOLES_WORTH;
}

/* Writes len bytes from offset `at`; what is not there any more becomes zeros. */
static int
put_span(struct emit *m, int fd, int64_t at, int64_t len, const char *path, bool *short_)
{
	while (len) {
		size_t want = len < PIECE ? (size_t)len : PIECE;
		ssize_t n = *short_ ? 0 : pread(fd, m->piece, want, at);
		if (n < 0)
			return read_failed(path);
		if (n == 0) {
			*short_ = true;
			memset(m->piece, 0, want);
			n = (ssize_t)want;
		}
		if (tar_write_data(&m->w, m->piece, (size_t)n) < 0)
			return -1;
		m->r->bytes += (uint64_t)n;
		at += n;
		len -= n;
	}
	return 0;
}

static int
put_content(struct emit *m, int fd, struct tar_entry *e, const char *path)
{
	bool is_short = false;
	struct tar_span whole = {0, e->size};
	bool sparse = e->size >= HOLES_WORTH && find_holes(m, fd, e->size) > 0;
	if (tar_write_entry(&m->w, e, sparse ? &m->map : NULL) < 0)
		return -1;
	for (size_t i = 0; i < (sparse ? m->map.n : 1); i++) {
		const struct tar_span *s = sparse ? &m->map.v[i] : &whole;
		if (put_span(m, fd, s->offset, s->len, path, &is_short) < 0)
			return -1;
	}
	if (is_short)
		changes_left_out(m->r, path, "it shrank while it was read, and ends in zeros");
	return tar_write_padding(&m->w);
}

/* 1; 0 when it is left out; or -1. */
static int
put_file(struct emit *m, const char *path, struct tar_entry *e, ino_t ino)
{
	struct stat sb;
	/* Not to wait for a writer, should it have become a fifo. */
	auto_fd int fd =
		openat(m->dir, path_base(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0)
		return read_failed(path);
	if (sb.st_ino != ino || !S_ISREG(sb.st_mode)) {
		changes_left_out(m->r, path, "it was replaced while it was read");
		return 0;
	}
	if (xattrs_read(&m->xattrs, fd, "") < 0)
		return read_failed(path);
	e->size = sb.st_size;
	e->xattr = m->xattrs.v;
	e->n_xattr = m->xattrs.n;
	return put_content(m, fd, e, path) < 0 ? -1 : 1;
}

/* 1, or -1. */
static int
put_other(struct emit *m, const char *path, struct tar_entry *e)
{
	char link[PATH_MAX];
	/* The top has no name in a directory; "." of itself will do. */
	if (xattrs_read(&m->xattrs, m->dir, *path ? path_base(path) : ".") < 0)
		return read_failed(path);
	e->xattr = m->xattrs.v;
	e->n_xattr = m->xattrs.n;
	if (e->type == TAR_SYMLINK) {
		ssize_t n = readlinkat(m->dir, path_base(path), link, sizeof(link) - 1);
		if (n < 0)
			return read_failed(path);
		link[n] = '\0';
		e->link = link;
	}
	return tar_write_entry(&m->w, e, NULL) < 0 ? -1 : 1;
}

static enum tar_type
type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return TAR_DIR;
	case S_IFLNK:
		return TAR_SYMLINK;
	case S_IFCHR:
		return TAR_CHAR;
	case S_IFBLK:
		return TAR_BLOCK;
	case S_IFIFO:
		return TAR_FIFO;
	default:
		return TAR_FILE;
	}
}

/* What a path is called in the tar: with `only`, as was asked for. */
static void
add_name(const struct emit *m, const char *path, struct buf *out)
{
	buf_reset(out);
	if (m->how->only)
		buf_addf(out, "%s%s", m->how->as ? m->how->as : m->how->only,
			path + strlen(m->how->only));
	else
		buf_adds(out, *path ? path : ".");
}

static struct tar_entry
entry_of(const struct stat *sb, const char *name)
{
	struct tar_entry e = {
		.type = type_of(sb->st_mode),
		.name = name,
		.mode = sb->st_mode & 07777,
		.uid = sb->st_uid,
		.gid = sb->st_gid,
		.mtime = sb->st_mtim,
	};
	if (e.type == TAR_CHAR || e.type == TAR_BLOCK) {
		e.major = major(sb->st_rdev);
		e.minor = minor(sb->st_rdev);
	}
	return e;
}

/* ".wh.NAME" beside the thing, or ".wh..wh..opq" in the directory: an empty file. */
static int
put_whiteout(struct emit *m, const char *dir, size_t len, const char *name)
{
	struct tar_entry e = {.type = TAR_FILE, .mode = 0600};
	buf_reset(&m->name);
	buf_add(&m->name, dir, len);
	buf_addf(&m->name, ".wh.%s", name);
	e.name = buf_str(&m->name);
	m->r->whiteouts++;
	m->r->entries++;
	return tar_write_entry(&m->w, &e, NULL);
}

static int
put_change(struct emit *m, const struct change *c)
{
	const char *path = path_of(m, c);
	struct stat sb;
	if (open_parent(m, path) < 0 ||
		fstatat(m->dir, path_base(path), &sb, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return read_failed(path);
		changes_left_out(m->r, path, "it went while it was read");
		return 0;
	}
	size_t *first = first_of(m, c, &sb);
	add_name(m, path, &m->name);
	if (S_ISDIR(sb.st_mode))
		buf_addc(&m->name, '/');
	struct tar_entry e = entry_of(&sb, buf_str(&m->name));
	m->r->entries++;
	if (first && *first) {
		add_name(m, path_of(m, &m->c->v[*first - 1]), &m->link);
		e.type = TAR_LINK;
		e.link = m->link.s;
		return tar_write_entry(&m->w, &e, NULL);
	}
	int put = e.type == TAR_FILE ? put_file(m, path, &e, sb.st_ino) : put_other(m, path, &e);
	if (put > 0 && first)
		*first = (size_t)(c - m->c->v) + 1;
	if (put < 0 || !c->opaque || e.type != TAR_DIR)
		return put < 0 ? -1 : 0;
	auto_buf struct buf dir = BUF_INIT;
	buf_addf(&dir, "%s%s", path, *path ? "/" : "");
	return put_whiteout(m, buf_str(&dir), dir.len, ".wh..opq");
}

static int
put_one(struct emit *m, const struct change *c)
{
	struct inode_key key = {c->dev, c->ino};
	const char *path = path_of(m, c), *base = path_base(path);
	if (c->hidden || (m->how->no_top && !*path))
		return 0;
	if (c->kind == LAYER_DELETED)
		return put_whiteout(m, path, (size_t)(base - path), base);
	if (c->kind == 'U' && (!c->ino || names_find(&m->inodes, &key, sizeof(key)) < 0))
		return 0;
	return put_change(m, c);
}

static int
write_tar(const struct layer_diff *how, struct layer_result *r, struct changes *c)
{
	struct emit m = {.how = how, .r = r, .c = c, .dir = -1};
	int ok = 0;
	m.w.write = how->write;
	m.w.self = how->self;
	m.piece = malloc(PIECE);
	if (!m.piece)
		abort();
	note_inodes(&m);
	for (size_t i = 0; ok == 0 && i < c->n; i++)
		ok = put_one(&m, &c->v[i]);
	if (ok == 0)
		ok = tar_write_end(&m.w);
	r->tar_bytes = m.w.total;
	if (m.dir >= 0)
		close(m.dir);
	tar_writer_free(&m.w);
	names_free(&m.inodes);
	xattrs_free(&m.xattrs);
	tar_map_free(&m.map);
	buf_free(&m.parent);
	buf_free(&m.name);
	buf_free(&m.link);
	free(m.first);
	free(m.piece);
	return ok;
}

static int
tell_changes(const struct layer_diff *how, const struct changes *c)
{
	auto_buf struct buf path = BUF_INIT;
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].kind == 'U' || !c->text[c->v[i].path])
			continue;
		buf_reset(&path);
		buf_addf(&path, "/%s", c->text + c->v[i].path);
		if (how->change(how->change_self, (enum layer_change)c->v[i].kind, buf_str(&path)) <
			0)
			return -1;
	}
	return 0;
}

int
layer_diff(const struct layer_diff *how, struct layer_result *r)
{
	struct changes c = {0};
	int ok = changes_find(how, r, &c);
	if (ok == 0 && how->change)
		ok = tell_changes(how, &c);
	if (ok == 0 && how->write)
		ok = write_tar(how, r, &c);
	changes_free(&c);
	return ok;
}
