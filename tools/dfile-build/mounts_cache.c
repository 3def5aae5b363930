/* SPDX-License-Identifier: MIT
 * RUN --mount=type=cache: a directory that outlives builds.
 */
#include "copying.h"
#include "mounts.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include "image/sha256.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int
mounts_number(const char *text, int base, uint32_t otherwise, uint32_t *out)
{
	char *end;
	*out = otherwise;
	if (!text)
		return 0;
	unsigned long n = strtoul(text, &end, base);
	if (!*text || *end || n > UINT32_MAX - 1)
		return err_set(ERR_INVALID, text, "--mount: '%s' is not a number", text);
	*out = (uint32_t)n;
	return 0;
}

/* What tells one cache from another: its id, and what it began as. */
static int
identity(struct task *p, const struct asked_mount *m, struct buf *out)
{
	struct state st = {0};
	auto_free char *source = path_clean(m->source ? m->source : "");
	buf_adds(out, m->id ? m->id : m->target);
	if (!m->from || !*m->from)
		return 0;
	if (state_of(p->b, m->from, &st) < 0)
		return -1;
	buf_addf(out, "\nfrom %s %s", st.n ? st.layers[st.n - 1].chain : "nothing", source);
	state_free(&st);
	return 0;
}

/* What this RUN knows of a cache; NULL: nothing. */
static struct held_cache *
find(const struct run_mounts *m, const char *dir)
{
	for (size_t i = 0; i < m->n_locks; i++)
		if (strcmp(m->locks[i].dir, dir) == 0)
			return &m->locks[i];
	return NULL;
}

static struct held_cache *
find_or_add(struct run_mounts *m, const char *dir)
{
	struct held_cache *h = find(m, dir);
	if (h)
		return h;
	m->locks = realloc(m->locks, (m->n_locks + 1) * sizeof(*m->locks));
	if (!m->locks)
		abort();
	m->locks[m->n_locks] = (struct held_cache){.fd = -1, .dir = str_new(dir)};
	return &m->locks[m->n_locks++];
}

/* Together with others. Who finds no directory fills one, and has it alone for that: nobody looks
 * at it before it is whole. Who comes meanwhile waits for the filling only, not until the RUN of
 * that one is over: they may well wait for each other. */
static int
lock_shared(int fd, const char *dir)
{
	while (!dir_exists(dir)) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK || flock(fd, LOCK_SH) < 0)
			return -1;
		if (dir_exists(dir))
			return 0;
		/* Whoever began to fill it has failed. */
		if (flock(fd, LOCK_UN) < 0)
			return -1;
	}
	return flock(fd, LOCK_SH);
}

/* The lock of a cache: alone, or together with others. 1: it is ours, 0: it is in use. The file
 * stays when the build fails: two that lock two files of that name would both have it. */
static int
take_lock(const char *dir, bool alone, bool wait, int *fd)
{
	char lock[PATH_MAX];
	snprintf(lock, sizeof(lock), "%.*s.lock", PATH_MAX - 8, dir);
	if (!file_exists(lock) && sys_append("who has it alone locks this", lock, "", 0, 0600) < 0)
		return -1;
	*fd = open(lock, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return err_sys("open", lock, "cannot open %s", lock);
	int r = alone ? flock(*fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) : lock_shared(*fd, dir);
	if (r == 0)
		return 1;
	r = !wait && errno == EWOULDBLOCK ? 0 : err_sys("flock", lock, "cannot lock %s", lock);
	close(take_fd(fd));
	return r;
}

/* The directory of a cache: the hash of its identity is its name, so that no id leads anywhere
 * else. A private one that is in use has brothers, from 1. */
static int
cache_dir(struct task *p, const struct asked_mount *m, unsigned brother, char dir[PATH_MAX])
{
	char place[PATH_MAX], digest[DIGEST_SIZE];
	auto_buf struct buf id = BUF_INIT;
	if (build_place("mounts", place) < 0 || identity(p, m, &id) < 0)
		return -1;
	if (brother)
		buf_addf(&id, "\n%u", brother);
	sha256_of(id.s, id.len, digest);
	snprintf(dir, PATH_MAX, "%.*s/%.32s", PATH_MAX - 64, place, digest_hex(digest));
	return 0;
}

int
mount_note(struct task *p, struct asked_mount *m, void *run_mounts)
{
	struct run_mounts *all = run_mounts;
	char dir[PATH_MAX];
	if (strcmp(m->type, "cache") != 0 || step_dry())
		return 0;
	if (cache_dir(p, m, 0, dir) < 0)
		return -1;
	struct held_cache *h = find_or_add(all, dir);
	h->alone |= m->sharing && strcmp(m->sharing, "shared") != 0;
	h->waits |= !m->sharing || strcmp(m->sharing, "private") != 0;
	return 0;
}

static int
by_dir(const void *a, const void *b)
{
	return strcmp(((const struct held_cache *)a)->dir, ((const struct held_cache *)b)->dir);
}

int
mounts_lock(struct run_mounts *m)
{
	if (m->n_locks)
		qsort(m->locks, m->n_locks, sizeof(*m->locks), by_dir);
	for (size_t i = 0; i < m->n_locks; i++) {
		struct held_cache *h = &m->locks[i];
		if (h->waits && take_lock(h->dir, h->alone, true, &h->fd) < 0)
			return -1;
	}
	return 0;
}

/* This RUN has the lock by now, but for that of a private one: it takes the first that is free. */
static int
choose_dir(struct task *p, struct making *k, const struct asked_mount *m, char dir[PATH_MAX])
{
	for (unsigned i = 0;; i++) {
		auto_fd int fd = -1;
		if (cache_dir(p, m, i, dir) < 0)
			return -1;
		const struct held_cache *h = find(k->m, dir);
		if (step_dry() || (h && h->fd >= 0))
			return 0;
		int got = take_lock(dir, true, false, &fd);
		if (got > 0) {
			struct held_cache *own = find_or_add(k->m, dir);
			own->alone = true;
			own->fd = take_fd(&fd);
		}
		if (got)
			return got < 0 ? -1 : 0;
	}
}

/* What a stage or an image has there: files with their modes and owners, and what *top is. */
static int
fill_from(struct task *p, struct making *k, const struct asked_mount *m, const char *dir,
	struct stat *top)
{
	auto_free char *path = path_clean(m->source ? m->source : "");
	struct copying c = {.dest = str_new("/"), .into = true, .from = m->from};
	struct tree to = {.fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)};
	struct gather g = {.from = &c.source, .out = &c.items};
	int r = to.fd < 0 ? err_sys("open", dir, "cannot open %s", dir)
			  : mount_source(p, k, m, &c.source.root);
	c.source.shown = m->from;
	snprintf(to.root, sizeof(to.root), "%s", dir);
	auto_fd int fd = r < 0
		? -1
		: open_in_root(c.source.root, *path ? path : "/", O_PATH | O_DIRECTORY, 0);
	if (r == 0 && (fd < 0 || fstat(fd, top) < 0))
		r = err_sys("openat2", path, "cannot open the directory /%s of %s", path, m->from);
	if (r == 0)
		r = gather(&g, path);
	if (r == 0)
		r = copy_into(&c, &to);
	items_free(&c.items);
	free(c.dest);
	if (to.fd >= 0)
		close(to.fd);
	return r;
}

/* A new one begins as what from= and source= say, or empty. */
static int
begin_cache(struct task *p, struct making *k, const struct asked_mount *m, const char *part)
{
	uint32_t uid, gid, mode;
	struct stat top = {.st_mode = 0755};
	if (sys_keep_dir("what a cache mount keeps", part, 0755) < 0)
		return -1;
	if (step_dry())
		return 0;
	if (m->from && *m->from && fill_from(p, k, m, part, &top) < 0)
		return -1;
	if (mounts_number(m->uid, 10, top.st_uid, &uid) < 0 ||
		mounts_number(m->gid, 10, top.st_gid, &gid) < 0 ||
		mounts_number(m->mode, 8, top.st_mode & 07777, &mode) < 0)
		return -1;
	return sys_chown("as the mount asks for", part, uid, gid) < 0
		? -1
		: sys_chmod("as the mount asks for", part, mode & 07777);
}

/* It has its name when it is whole, and from then on it stays, whatever becomes of this build: it
 * is for the next one, and others may have it mounted already. */
static int
fill_cache(struct task *p, struct making *k, const struct asked_mount *m, const char *dir)
{
	if (dir_exists(dir))
		return 0;
	auto_free char *part = fmt_new("%s.part", dir);
	if (dir_exists(part) && sys_remove_tree("what is left of one that was begun", part) < 0)
		return -1;
	if (begin_cache(p, k, m, part) == 0)
		return step_dry() ? 0 : sys_publish("now it is whole", part, dir);
	struct err why = err;
	if (dir_exists(part) && sys_remove_tree("it was begun, and cannot be filled", part) < 0)
		err_clear();
	err = why;
	return -1;
}

/* From now on others may look at it, too, unless this one wants it alone; it is held until the RUN
 * is over. */
static int
share(const struct making *k, const char *dir)
{
	const struct held_cache *h = find(k->m, dir); /* NULL in a dry run */
	if (h && !h->alone && flock(h->fd, LOCK_SH) < 0)
		return err_sys("flock", dir, "cannot share the cache %s", dir);
	return 0;
}

int
mount_cache(struct task *p, struct making *k, struct asked_mount *m)
{
	char dir[PATH_MAX], place[PATH_MAX];
	bool begun = m->from && *m->from; /* then source= says what as */
	if (choose_dir(p, k, m, dir) < 0 || fill_cache(p, k, m, dir) < 0 || share(k, dir) < 0)
		return -1;
	auto_free char *sub = path_clean(m->source && !begun ? m->source : "");
	auto_fd int top = step_dry() ? -1 : open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd int fd =
		top < 0 ? -1 : open_in_root(top, *sub ? sub : "/", O_PATH | O_DIRECTORY, 0);
	if (fd < 0 && !step_dry())
		return err_sys("openat2", sub, "cannot open %s in the cache", *sub ? sub : "/");
	if (tree_stub(k->t, m->target, true) < 0 || mounts_place(k, fd, dir, true, place) < 0)
		return -1;
	mounts_add(k, place, m->target, m->ro ? "ro,rprivate" : "rprivate");
	return 0;
}
