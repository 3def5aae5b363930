/* SPDX-License-Identifier: MIT
 * The door, as sys.h: user namespaces (user_namespaces(7)), and files shown with the ids of one
 * (idmapped mounts, mount_setattr(2), Linux 5.12). All of this is root's.
 */
#ifndef TACKLE_SYS_USERNS_H
#define TACKLE_SYS_USERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Makes a user namespace whose uid_map and gid_map are these texts, with nobody in it: it lives as
 * long as the descriptor *fd, which is the caller's. */
int sys_userns_make(const char *why, const char *uid, const char *gid, int *fd);
/* The same, and it lives as long as the file `path`, which is made for it, is mounted; `shell` is
 * what the script says. Undone by unmount and unlink. */
int sys_userns_pin(
	const char *why, const char *path, const char *uid, const char *gid, const char *shell);
/* A child of ours as root of the user namespace behind `user` (setns(2)): ids 0, no groups, all
 * capabilities there and none elsewhere. What is open stays open. `shown` names the namespace. It
 * calls call(arg), whose result is 0, or -1 with `err` set, and ends; sys_userns_wait() gives that
 * result, `err` with it. With `user` -1 (a dry run, or nobody to become) it is called here. */
struct sys_call {
	pid_t pid; /* 0: it was called here */
	int from; /* what it says of its end */
	int result;
};
int sys_userns_start(const char *why, int user, const char *shown, int (*call)(void *arg),
	void *arg, struct sys_call *c);
int sys_userns_wait(struct sys_call *c);
/* Both. */
int sys_userns_call(
	const char *why, int user, const char *shown, int (*call)(void *arg), void *arg);

/* A detached copy (open_tree(2)) of the mount tree at `path`, which nobody else can see or change:
 * private, and with the ids of the user namespace behind `user` unless that is -1. sys_bind_at()
 * puts it in its place, in whatever mount namespace. *fd is the caller's. */
int sys_clone_tree(const char *why, const char *path, bool rec, int user, int *fd);

/* In a mount namespace of our own, n directories (parents first) are covered by themselves, seen
 * with the ids of a user namespace; what is created from then on, the kernel's own files too,
 * belongs to its root, root_uid and root_gid outside. So an overlay that is mounted between the
 * two calls has layers with those ids. */
struct sys_shift {
	int user; /* the user namespace; -1 in a dry run */
	uid_t root_uid;
	gid_t root_gid;
	int mounts, root, cwd; /* where we were */
};
int sys_shift_enter(const char *why, struct sys_shift *s, const char *const *dirs, size_t n);
/* Back to where we were. What was mounted on `target` meanwhile comes along, to the same place
 * there (undone by a lazy umount); NULL: nothing does. After a failure too we are back. */
int sys_shift_leave(const char *why, struct sys_shift *s, const char *target);

#endif
