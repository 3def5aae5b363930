/* SPDX-License-Identifier: MIT
 * The one door to the kernel: every call by which a tool changes the system is made here, and only
 * here (make lint bans the bare calls elsewhere). Each function takes the reason first; it is told
 * with -x and -n, so the sentence in the source is the sentence the user reads. Each can be made to
 * fail (TACKLEBOX_FAIL, under the name of its system call), each sets `err` on failure, and what
 * stays on the host after success is pushed on the undo list.
 *
 * All return 0 (or a descriptor where said) or -1 with `err` set. In a dry run they tell and
 * return 0; functions that give a descriptor then give -1 in *fd and callers pass it on untouched.
 */
#ifndef TACKLE_SYS_H
#define TACKLE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- files and directories (sys_fs.c) ---- */

/* mkdir(2), with the mode as given by the umask. Undone by rmdir. */
int sys_mkdir(const char *why, const char *path, mode_t mode);
/* mkdir -p: makes what is missing, each part one step. Existing directories are fine. */
int sys_mkdir_all(const char *why, const char *path, mode_t mode);
/* rmdir(2). */
int sys_rmdir(const char *why, const char *path);
/* unlink(2). A missing file is an error. */
int sys_unlink(const char *why, const char *path);
/* symlink(2). Undone by unlink. EEXIST is the loser's answer where names are reserved by it. */
int sys_symlink(const char *why, const char *target, const char *path);
/* rename(2): replaces `to`. Undone by renaming back. */
int sys_rename(const char *why, const char *from, const char *to);
/* Writes text to an existing file in one write(2), as control files of the kernel want it.
 * `before`, if not NULL, is what undo writes back. */
int sys_write(const char *why, const char *path, const char *text, const char *before);
/* Replaces (or makes) a file so that a crash leaves the old or the new content: temporary name in
 * the same directory, write, fsync, rename, fsync of the directory (rename(2), fsync(2)). One step.
 */
int sys_replace(const char *why, const char *path, const void *data, size_t len, mode_t mode);
/* The same by a temporary name of the caller's choice, on the same file system. */
int sys_put(const char *why, const char *path, const char *tmp, const void *data, size_t len,
	mode_t mode);
/* As sys_replace(), without waiting for the disk: a program that is killed leaves the old or the
 * new content, a machine that loses its power perhaps neither. For what can be found out again, and
 * whose reader takes a broken one for none: caches. */
int sys_remember(const char *why, const char *path, const void *data, size_t len, mode_t mode);
/* Makes (or empties) a file and writes text to it, without waiting for the disk: for what can be
 * made again. Undone by unlink, if it was not there: one that is mounted somewhere stays what it
 * is.
 */
int sys_write_new(const char *why, const char *path, const void *data, size_t len, mode_t mode);
/* Appends in one write(2), so that lines of several writers stay whole; makes the file. */
int sys_append(const char *why, const char *path, const void *data, size_t len, mode_t mode);
/* mknod(2) under the umask. Undone by unlink. */
int sys_mknod(const char *why, const char *path, mode_t mode, dev_t dev);
/* setxattr(2) with XATTR_CREATE semantics left open: an existing value is replaced. Text values
 * only. */
int sys_setxattr(const char *why, const char *path, const char *name, const char *value);
/* chmod(2), chown(2) without following a symlink at the end (lchown). */
int sys_chmod(const char *why, const char *path, mode_t mode);
int sys_chown(const char *why, const char *path, uid_t uid, gid_t gid);
/* chdir(2). */
int sys_chdir(const char *why, const char *path);
/* Opens (or makes) a lock file and takes flock(2) on it, exclusively or shared, waiting if need be.
 * The lock lasts as long as the descriptor *out, which the caller owns. */
int sys_lock(const char *why, const char *path, bool exclusive, int *out);
/* The same without waiting: 1 when another has it, who keeps us off. */
int sys_lock_now(const char *why, const char *path, bool exclusive, int *out);

/* ---- trees, and what stays (sys_tree.c) ---- */

/* Removes a tree that is ours, however deep and whatever its modes: never follows a symlink, never
 * crosses into another mount. One step. */
int sys_remove_tree(const char *why, const char *path);
/* mkdir(2) of a directory that is to be there from now on, whatever becomes of the work at hand:
 * nothing to undo, and an existing one is fine. Missing parents are made in the same way. */
int sys_keep_dir(const char *why, const char *path, mode_t mode);
/* Makes a new, empty file open for writing; *fd is the caller's. Undone by unlink. */
int sys_create(const char *why, const char *path, mode_t mode, int *fd);
/* A file without a name, gone when the program is, for what can be read only once: O_TMPFILE in
 * $TMPDIR or /tmp (open(2)). *fd is the caller's. */
int sys_spool(const char *why, int *fd);
/* Takes an exclusive lock on one of 2^62 parts of a lock file (fcntl(2), open file description
 * locks), waiting if need be: many things can be locked one by one without a file for each. *fd is
 * opened when it is -1, and is the caller's; closing it gives up all its locks. Who takes
 * several takes them in ascending order, or two will wait for each other for ever. */
int sys_lock_part(const char *why, const char *path, uint64_t part, int *fd);
/* Gives a finished file or tree its name for good: fsync(2) of a file, rename(2), fsync of the
 * directory. Not undone: others may rely on it as soon as it is there. A tree that is there
 * already is EEXIST or ENOTEMPTY; a file is replaced. */
int sys_publish(const char *why, const char *from, const char *to);
/* syncfs(2): all that was written to the file system that holds path is on the disk afterwards.
 * For trees of many files, where an fsync(2) each would take minutes. */
int sys_syncfs(const char *why, const char *path);

/* ---- mounts (sys_mount.c) ---- */

/* mount(2). NULL source, type or data as there. Undone by a lazy umount, unless MS_REMOUNT,
 * MS_PRIVATE or another propagation flag is set, where nothing was added. */
int sys_mount(const char *why, const char *source, const char *target, const char *type,
	unsigned long flags, const char *data);
/* As sys_mount, on the place that `target_fd` (O_PATH) holds: what lies behind the descriptor
 * cannot be swapped for a symlink between the look and the mount. `shown` is its path for people.
 * Nothing to undo: for private mount namespaces. */
int sys_mount_at(const char *why, const char *source, int target_fd, const char *shown,
	const char *type, unsigned long flags, const char *data);
/* umount2(2). flags: MNT_DETACH, UMOUNT_NOFOLLOW … */
int sys_umount(const char *why, const char *target, int flags);
/* What overlay joins to one tree. Absolute paths: they stand in the mount table as they are given.
 */
struct sys_overlay {
	const char *target;
	const char *const *lower; /* bottom first */
	size_t n_lower;
	const char *upper, *work; /* NULL: read-only */
	const char *options; /* further ones, as mount(8) takes them: "index=off,xino=off" */
	bool elsewhere; /* in a mount namespace of our own: nothing to undo */
};
/* Mounts it with our mark as the source, by fsopen(2) and fsconfig(2) (sys_overlay.c): each layer
 * has a call of its own, so there may be 500, with any character in their names. One step of many
 * calls, failable by their names. err.call is the one that failed: fsopen (ENOSYS, before 5.2) or
 * fsconfig (EINVAL, before 6.8) where the kernel is too old. err.hint is what the kernel says of
 * it. Undone by a lazy umount. */
int sys_overlay_fsopen(const char *why, const struct sys_overlay *o);
/* The same by mount(2), for older kernels: all names have to fit into one page. Those that do not,
 * and those with a character that has a meaning there, are named by the numbers of descriptors,
 * with /proc/self/fd as the current directory. */
int sys_overlay_mount(const char *why, const struct sys_overlay *o);
/* Mounts the file system of that type in the file `image`, which must not be a symlink, by a loop
 * device (loop(4); Linux 5.8) that goes away with the last mount of it. A device that the file has
 * already is shared, so that its file system is never there twice. Nothing to undo: the caller has
 * a mount namespace of its own, or a tool that takes it away. */
int sys_mount_image(const char *why, const char *image, const char *type, const char *target,
	const char *options);
/* The same mounted nowhere (fsmount(2)): it ends with *fd, which is the caller's. */
int sys_open_image(const char *why, const char *image, const char *type, int *fd);
/* pivot_root(2). */
int sys_pivot_root(const char *why, const char *new_root, const char *put_old);
/* chroot(2). */
int sys_chroot(const char *why, const char *path);

/* ---- network namespaces (sys_netns.c) ---- */

/* Makes a network namespace that lives as long as the file `path`, which is made for it, is mounted
 * (network_namespaces(7)); the process itself stays where it is. With `user`, the descriptor of a
 * user namespace (-1: ours), it belongs to that. `shell` is what the script says. Undone by unmount
 * and unlink. */
int sys_netns_pin(const char *why, const char *path, int user, const char *shell);
/* setns(2) of this process to the namespace behind fd. Nothing to undo: it ends with the process.
 * The script's next commands run inside, up to tell_unnest(); `path` is what nsenter(1) takes. */
int sys_netns_enter(const char *why, int fd, const char *path);
/* Calls look(arg) inside the namespace behind fd and comes back. For looking only: it is no step,
 * and happens in a dry run as well. Returns what look returns, or -1 with `err` set. */
int sys_netns_visit(int fd, int (*look)(void *arg), void *arg);

/* ---- processes, and waiting for the kernel (sys_wait.c) ---- */

/* kill(2) of n processes, one step. One that is gone by then is fine. Nothing to undo. */
int sys_kill(const char *why, const pid_t *pids, size_t n, int signal);
/* pidfd_send_signal(2): to the process behind the descriptor, and to no other one that may have got
 * its number meanwhile. `pid` is for people. One that is gone is fine. */
int sys_pidfd_kill(const char *why, int pidfd, pid_t pid, int signal);
/* bpf(2): loads a program of n instructions that decides which devices may be used, and attaches it
 * to the v2 control group `dir`, which it goes with. */
struct bpf_insn;
int sys_device_filter(const char *why, const char *dir, const struct bpf_insn *code, size_t n);
/* Waits, at most `timeout` nanoseconds, until a file of the kernel's has `line` as one of its
 * lines, or with NULL until it is empty. err.no is ETIMEDOUT when it never came. */
int sys_wait_line(const char *why, const char *path, const char *line, int64_t timeout);

#endif
