/* SPDX-License-Identifier: MIT
 * The door: files shown with other ids than they have on the disk (idmapped mounts).
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys_userns.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A copy of the mount at path that hangs nowhere. */
static int
clone_tree(struct step *st, const char *path, bool rec, int user)
{
	unsigned all = rec ? AT_RECURSIVE : 0;
	struct mount_attr attr = {.propagation = MS_PRIVATE};
	int fd = -1;
	if (user >= 0) {
		attr.attr_set = MOUNT_ATTR_IDMAP;
		attr.userns_fd = (unsigned)user;
	}
	if (step_next(st, "open_tree")) {
		fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | all);
		step_result(st, fd);
	}
	if (st->ret < 0)
		return -1;
	if (step_next(st, "mount_setattr"))
		step_result(st, mount_setattr(fd, "", AT_EMPTY_PATH | all, &attr, sizeof(attr)));
	if (st->ret < 0 && fd >= 0)
		close(take_fd(&fd));
	return fd;
}

/* EINVAL: the file system has not been taught (FS_ALLOW_IDMAP), or is idmapped already. */
static int
not_shifted(const char *call, const char *path)
{
	err_sys(call, path, "cannot show %s with the ids of a user namespace", path);
	if (err.no != EINVAL)
		return -1;
	return err_hint(
		"its file system, or this kernel, has no idmapped mounts (mount_setattr(2)): "
		"ext4, xfs, btrfs and, since Linux 6.3, tmpfs have them");
}

int
sys_clone_tree(const char *why, const char *path, bool rec, int user, int *fd)
{
	struct step st = {.why = why};
	*fd = clone_tree(&st, path, rec, user);
	if (step_told(&st))
		step_call(&st, "open_tree(%s, OPEN_TREE_CLONE), mount_setattr(%sMS_PRIVATE)",
			tell_c(path), user >= 0 ? "MOUNT_ATTR_IDMAP, " : "");
	const char *call = st.name;
	if (step_close(&st) < 0)
		return user >= 0 ? not_shifted(call, path)
				 : err_sys(call, path, "cannot take %s along", path);
	return 0;
}

/* Who creates a file is its owner, and host's ids are none of those that the covered directories
 * know. Another file system user loses the rights over files that root has (capabilities(7),
 * "Effect of user ID changes"), which we take again. */
static int
be_owner(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	setfsgid(gid);
	setfsuid(uid);
	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	return (int)syscall(SYS_capset, &head, data);
}

/* setns(2) to a mount namespace puts us at its root. */
static int
go_back(const struct sys_shift *s)
{
	be_owner(0, 0);
	return setns(s->mounts, CLONE_NEWNS) < 0 || fchdir(s->root) < 0 || chroot(".") < 0 ||
			fchdir(s->cwd) < 0
		? -1
		: 0;
}

static void
forget(struct sys_shift *s)
{
	int *const fds[] = {&s->mounts, &s->root, &s->cwd};
	for (size_t i = 0; i < 3; i++)
		if (*fds[i] >= 0)
			close(take_fd(fds[i]));
}

static int
remember(struct sys_shift *s)
{
	s->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	s->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	s->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->mounts >= 0 && s->root >= 0 && s->cwd >= 0)
		return 0;
	err_sys("open", "/proc/self/ns/mnt", "cannot open our mount namespace");
	forget(s);
	return -1;
}

/* All copies are taken before the first is put in its place: a directory may lie in another. */
static int
cover(struct step *st, const struct sys_shift *s, const char *const *dirs, size_t n, size_t *at)
{
	int *tree = calloc(n + 1, sizeof(*tree));
	if (!tree)
		abort();
	for (size_t i = 0; i < n; i++)
		tree[i] = -1;
	for (*at = 0; *at < n && st->ret >= 0; ++*at)
		tree[*at] = clone_tree(st, dirs[*at], false, s->user);
	if (st->ret < 0)
		--*at;
	for (size_t i = 0; i < n && st->ret >= 0; i++)
		if (step_next(st, "move_mount"))
			step_result(st,
				move_mount(
					tree[i], "", AT_FDCWD, dirs[i], MOVE_MOUNT_F_EMPTY_PATH));
	for (size_t i = 0; i < n; i++)
		if (tree[i] >= 0)
			close(tree[i]);
	free(tree);
	return st->ret < 0 ? -1 : 0;
}

static void
tell_enter(struct step *st, const char *const *dirs, size_t n)
{
	step_call(st, "unshare(CLONE_NEWNS)");
	for (size_t i = 0; i < n && i < 4; i++)
		step_call(st, ", open_tree(%s), mount_setattr(MOUNT_ATTR_IDMAP), move_mount",
			tell_c(dirs[i]));
	if (n > 4)
		step_call(st, ", …");
	step_shell(st, ": # no shell command: mount(8) has idmapped mounts since 2.39 only");
}

int
sys_shift_enter(const char *why, struct sys_shift *s, const char *const *dirs, size_t n)
{
	struct step st;
	size_t at = n;
	bool inside = false;
	if (remember(s) < 0)
		return -1;
	if (step_open(&st, "unshare", why)) {
		step_result(&st, unshare(CLONE_NEWNS));
		inside = st.ret >= 0;
	}
	if (inside && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		step_result(&st, -1);
	if (st.ret >= 0 && cover(&st, s, dirs, n, &at) == 0 && inside)
		step_result(&st, be_owner(s->root_uid, s->root_gid));
	if (step_told(&st))
		tell_enter(&st, dirs, n);
	const char *call = st.name;
	if (step_close(&st) == 0)
		return 0;
	if (at < n)
		not_shifted(call, dirs[at]);
	else
		err_sys(call, NULL, "cannot have mounts of our own");
	/* Going back cannot fail: we have just come from there. */
	if (inside && go_back(s) < 0)
		abort();
	forget(s);
	return -1;
}

static int
take_along(struct step *st, const char *target, int tree)
{
	if (step_next(st, "move_mount"))
		step_result(st, move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
	return st->ret < 0 ? -1 : 0;
}

int
sys_shift_leave(const char *why, struct sys_shift *s, const char *target)
{
	struct step st = {.why = why};
	auto_fd int tree = -1;
	auto_buf struct buf shell = BUF_INIT;
	if (target && step_next(&st, "open_tree")) {
		tree = open_tree(AT_FDCWD, target, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		step_result(&st, tree);
	}
	if (!step_dry() && go_back(s) < 0)
		abort();
	forget(s);
	if (!target)
		return 0;
	if (st.ret >= 0)
		take_along(&st, target, tree);
	if (step_told(&st))
		step_call(&st, "open_tree(%s, OPEN_TREE_CLONE), setns(CLONE_NEWNS), move_mount(%s)",
			tell_c(target), tell_c(target));
	const char *call = st.name;
	if (step_close(&st) < 0)
		return err_sys(call, target, "cannot take the mount on %s along", target);
	buf_addf(&shell, "umount -l %s", tell_sh(target));
	undo_push(undo_umount, target, NULL, buf_str(&shell));
	return 0;
}
