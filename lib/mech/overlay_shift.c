/* SPDX-License-Identifier: MIT
 * An overlay for a user namespace. On the disk every file has the id that the container knows it
 * by, in the layers, which all containers share, and in UPPER, which may become a layer. An overlay
 * cannot be shown with other ids, but what it is made of can (kernel:
 * Documentation/filesystems/overlayfs.rst; idmapped layers since Linux 5.19).
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/sys.h"
#include "door/sys_userns.h"
#include "mech/overlay_in.h"
#include "mech/userns.h"

#include <stdlib.h>
#include <string.h>

/* UPPER and WORK have to be on one mount: the directory that both lie in. */
static int
common_parent(const struct sys_overlay *m, struct buf *out)
{
	size_t n = (size_t)(path_base(m->upper) - m->upper);
	if (n != (size_t)(path_base(m->work) - m->work) || memcmp(m->upper, m->work, n) != 0)
		return err_set(ERR_INVALID, m->work,
			"%s and %s do not lie in one directory, which other ids need", m->upper,
			m->work);
	buf_add(out, m->upper, n > 1 ? n - 1 : n);
	return 0;
}

static int
in_shift(struct sys_shift *s, struct sys_overlay *m, const char *parent,
	int (*mount)(const struct sys_overlay *m))
{
	const char **dirs = calloc(m->n_lower + 1, sizeof(*dirs));
	if (!dirs)
		abort();
	dirs[0] = parent;
	for (size_t i = 0; i < m->n_lower; i++)
		dirs[i + 1] = m->lower[i];
	int r = sys_shift_enter("in a mount namespace of our own: its layers with other ids", s,
		dirs, m->n_lower + 1);
	free(dirs);
	if (r < 0)
		return -1;
	m->elsewhere = true;
	r = mount(m);
	struct err why = err;
	int left = sys_shift_leave(
		"the overlay comes along to where we were", s, r < 0 ? NULL : m->target);
	if (r < 0)
		err = why;
	return r < 0 ? -1 : left;
}

int
overlay_shifted(
	const struct overlay *o, struct sys_overlay *m, int (*mount)(const struct sys_overlay *m))
{
	auto_buf struct buf parent = BUF_INIT;
	struct sys_shift s = {.user = -1, .mounts = -1, .root = -1, .cwd = -1};
	auto_fd int user = -1;
	if (!userns_outside(&o->uid_map, 0, &s.root_uid) ||
		!userns_outside(&o->gid_map, 0, &s.root_gid))
		return err_set(ERR_INVALID, o->dir,
			"cannot mount overlay on %s: id 0 of the container is nobody outside",
			o->dir);
	if (common_parent(m, &parent) < 0 || userns_make(&o->uid_map, &o->gid_map, &user) < 0)
		return -1;
	s.user = user;
	return in_shift(&s, m, parent.s, mount);
}
