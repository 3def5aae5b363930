/* SPDX-License-Identifier: MIT
 * The door, as sys.h: namespaces, and places inside a root directory that may be hostile.
 */
#ifndef TACKLE_SYS_NS_H
#define TACKLE_SYS_NS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- namespaces (sys_ns.c) ---- */

/* unshare(2) with CLONE_NEW* flags. The script's command is the caller's, who nests the rest in
 * it. */
int sys_unshare(const char *why, int flags);
/* setns(2): fd is a namespace file, or a pidfd with CLONE_NEW* flags. `shown` names it. */
int sys_setns(const char *why, int fd, int flags, const char *shown);

/* A child in new namespaces. Told before it happens: with CLONE_VM|CLONE_VFORK the parent comes
 * back only when the child is another program already. */
struct sys_clone {
	unsigned long flags; /* CLONE_NEW*, and CLONE_VM|CLONE_VFORK for a child that borrows our
				memory until its exec */
	int (*run)(void *arg); /* the child; its result is its exit status */
	void *arg;
	const char *script; /* the command that the script does it with, and runs the rest in */
	int cgroup; /* open directory of a v2 group to start in, -1: the caller's */
	int pidfd; /* out: of the child, close-on-exec; only without CLONE_VM, -1 otherwise */
};
/* Returns the child's pid, 0 in a dry run (nothing ran), -1 with `err` set. */
pid_t sys_clone(const char *why, struct sys_clone *c);

/* Writes a uid_map, gid_map or setgroups file (user_namespaces(7)); the script's unshare did it. */
int sys_id_map(const char *why, const char *path, const char *text);
/* Writes text to an open file in one write(2); `shown` is its path. */
int sys_write_fd(const char *why, int fd, const char *shown, const char *text);
/* fchdir(2); `shown` is the directory's path. */
int sys_fchdir(const char *why, int fd, const char *shown);
/* Runs this very program again, with argv, from a file that nobody can write: on a read-only mount
 * of its own, or a sealed copy in memory. Descriptors from `first` on do not come along (but for
 * those of -x and TACKLEBOX_STATUS_FD). Returns 0 when it is running from such a file already. */
int sys_run_sealed(const char *why, char **argv, unsigned first);
/* sethostname(2), setdomainname(2). */
int sys_sethostname(const char *why, const char *name);
int sys_setdomainname(const char *why, const char *name);
/* Brings the loopback interface of our network namespace up (netdevice(7)). */
int sys_lo_up(const char *why);

/* ---- places (sys_at.c) ---- */

/* mkdirat(2), openat(2) with O_CREAT|O_EXCL, mknodat(2), symlinkat(2): `name` is one component in
 * the directory behind dir; `shown` is its path for people and the script. An existing one is an
 * error, except of sys_mkdir_at. Nothing to undo: a path that others can bend must not be undone by
 * name. */
int sys_mkdir_at(const char *why, int dir, const char *name, const char *shown, mode_t mode);
int sys_touch_at(const char *why, int dir, const char *name, const char *shown);
int sys_mknod_at(
	const char *why, int dir, const char *name, const char *shown, mode_t mode, dev_t dev);
int sys_symlink_at(
	const char *why, const char *target, int dir, const char *name, const char *shown);

/* A bind of what source_fd holds (O_PATH; `source` is its path) onto what target_fd holds. `attr`
 * are flags of mount(2) that the new mount gets on top of those it inherits; with `rec` the mounts
 * below the source come along and get them too. propagation: MS_PRIVATE, MS_SLAVE …, or 0. */
struct sys_bind {
	int source_fd, target_fd;
	const char *source, *target;
	unsigned long attr, propagation;
	bool rec;
	bool detached; /* source_fd is of sys_clone_tree(): it goes to its place itself */
};
int sys_bind_at(const char *why, const struct sys_bind *b);

#endif
