/* SPDX-License-Identifier: MIT */
#include "mech/userns.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mountinfo.h"
#include "door/state.h"
#include "door/sys.h"
#include "door/sys_userns.h"
#include "door/tell.h"

#include <string.h>
#include <sys/mount.h>

void
userns_map_text(const struct ct_id_maps *m, struct buf *out)
{
	for (size_t i = 0; i < m->n; i++)
		buf_addf(out, "%s%u %u %u", i ? "\n" : "", m->v[i].container_id, m->v[i].host_id,
			m->v[i].size);
}

bool
userns_outside(const struct ct_id_maps *m, uint32_t inside, uint32_t *outside)
{
	for (size_t i = 0; i < m->n; i++)
		if (inside - m->v[i].container_id < m->v[i].size) {
			*outside = m->v[i].host_id + (inside - m->v[i].container_id);
			return true;
		}
	return false;
}

int
userns_make(const struct ct_id_maps *uid, const struct ct_id_maps *gid, int *fd)
{
	auto_buf struct buf uids = BUF_INIT, gids = BUF_INIT;
	userns_map_text(uid, &uids);
	userns_map_text(gid, &gids);
	return sys_userns_make("a user namespace with these ids, for its ids alone", buf_str(&uids),
		buf_str(&gids), fd);
}

/* unshare(1) takes one range of each kind. */
static void
add_shell(
	struct buf *b, const char *path, const struct ct_id_maps *uid, const struct ct_id_maps *gid)
{
	if (uid->n != 1 || gid->n != 1) {
		buf_adds(b, ": # no shell command: unshare takes no more than one range of ids");
		return;
	}
	buf_addf(b, "touch %s\nunshare --user=%s", tell_sh(path), tell_sh(path));
	buf_addf(b, " --map-users=%u,%u,%u --map-groups=%u,%u,%u true", uid->v->host_id,
		uid->v->container_id, uid->v->size, gid->v->host_id, gid->v->container_id,
		gid->v->size);
}

int
userns_pin(const char *path, const struct ct_id_maps *uid, const struct ct_id_maps *gid)
{
	auto_buf struct buf uids = BUF_INIT, gids = BUF_INIT, shell = BUF_INIT;
	userns_map_text(uid, &uids);
	userns_map_text(gid, &gids);
	add_shell(&shell, path, uid, gid);
	if (state_note("mount", path) < 0)
		return -1;
	return sys_userns_pin("a user namespace under a name: root in it is nobody outside", path,
		buf_str(&uids), buf_str(&gids), shell.s);
}

static int
is_point(void *self, const struct mount_entry *m)
{
	return strcmp(m->point, self) == 0;
}

int
userns_unpin(const char *path)
{
	char *point = (char *)(uintptr_t)path;
	if (!file_exists(path))
		return state_noted("mount", path) ? state_forget("mount", path) : 0;
	if (mountinfo_each("/proc/self/mountinfo", is_point, point) == 1 &&
		sys_umount("let go of its user namespace: it ends with its last process", path,
			MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return -1;
	if (sys_unlink("and of its name", path) < 0)
		return -1;
	return state_noted("mount", path) ? state_forget("mount", path) : 0;
}
