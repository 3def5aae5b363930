/* SPDX-License-Identifier: MIT
 * RUN --mount=type=cache: a directory that outlives builds.
 */
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

/* The directory of an id: its hash is its name, so that no id leads anywhere else. A private one
 * that is in use has brothers. */
static int
cache_dir(struct making *k, const struct asked_mount *m, char dir[PATH_MAX])
{
	char place[PATH_MAX], lock[PATH_MAX], digest[DIGEST_SIZE];
	bool alone = m->sharing && strcmp(m->sharing, "shared") != 0;
	bool private = alone && strcmp(m->sharing, "private") == 0;
	if (build_place("mounts", place) < 0)
		return -1;
	for (unsigned i = 0;; i++) {
		auto_free char *id = fmt_new("%s%c%u", m->id ? m->id : m->target, i ? '\n' : 0, i);
		sha256_of(id, i ? strlen(id) : strlen(m->id ? m->id : m->target), digest);
		snprintf(dir, PATH_MAX, "%.*s/%.32s", PATH_MAX - 64, place, digest_hex(digest));
		snprintf(lock, sizeof(lock), "%.*s.lock", PATH_MAX - 8, dir);
		if (step_dry())
			return 0;
		if (!file_exists(lock) &&
			sys_write_new("who has it alone locks this", lock, "", 0, 0600) < 0)
			return -1;
		int fd = open(lock, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys("open", lock, "cannot open %s", lock);
		k->m->locks = realloc(k->m->locks, (k->m->n_locks + 1) * sizeof(int));
		if (!k->m->locks)
			abort();
		int how = alone ? LOCK_EX : LOCK_SH;
		if (flock(fd, private ? how | LOCK_NB : how) == 0) {
			k->m->locks[k->m->n_locks++] = fd;
			return 0;
		}
		close(fd);
		if (!private || errno != EWOULDBLOCK)
			return err_sys("flock", lock, "cannot lock %s", lock);
	}
}

/* A new one begins as what from= and source= say, or empty. */
static int
fill_cache(struct making *k, const struct asked_mount *m, const char *dir)
{
	uint32_t uid, gid, mode;
	if (mounts_number(m->uid, 10, 0, &uid) < 0 || mounts_number(m->gid, 10, 0, &gid) < 0 ||
		mounts_number(m->mode, 8, 0755, &mode) < 0)
		return -1;
	(void)k;
	if (dir_exists(dir))
		return 0;
	if (sys_keep_dir("what a cache mount keeps", dir, 0755) < 0)
		return -1;
	if (step_dry())
		return 0;
	return sys_chown("as the mount asks for", dir, uid, gid) < 0 ||
			sys_chmod("as the mount asks for", dir, mode & 07777) < 0
		? -1
		: 0;
}

int
mount_cache(struct task *p, struct making *k, struct asked_mount *m)
{
	char dir[PATH_MAX], place[PATH_MAX];
	(void)p;
	if (m->from && *m->from)
		return err_set(ERR_UNSUPPORTED, m->from,
			"--mount=type=cache: from= is not supported: copy into it in the RUN");
	if (cache_dir(k, m, dir) < 0 || fill_cache(k, m, dir) < 0)
		return -1;
	auto_free char *sub = clean_path(m->source ? m->source : "");
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
