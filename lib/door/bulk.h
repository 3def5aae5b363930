/* SPDX-License-Identifier: MIT
 * The door for writes by the thousand, below a directory of our own (the files of a layer, a copied
 * tree): each call can be made to fail like any other (TACKLEBOX_FAIL, under the name of its system
 * call), but they are counted and told as one step a kind.
 *
 * All take a descriptor of the parent directory and a name without a slash, and none follows a
 * symlink there, so nothing is made outside the directory that was opened. They set errno, not
 * `err`: the caller knows what the thing is called.
 */
#ifndef TACKLE_BULK_H
#define TACKLE_BULK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum bulk_kind {
	BULK_DIR,
	BULK_FILE,
	BULK_WRITE,
	BULK_SYMLINK,
	BULK_LINK,
	BULK_NODE,
	BULK_OWNER,
	BULK_MODE,
	BULK_XATTR,
	BULK_TIME,
	BULK_REMOVE,
	BULK_KINDS
};

/* What was done so far; start from {0}. One per run: two threads each have their own. */
struct bulk {
	uint64_t n[BULK_KINDS];
	uint64_t bytes; /* written */
};

/* mkdirat(2), under the umask. */
int bulk_mkdir(struct bulk *b, int dir, const char *name, mode_t mode);
/* openat(2) of a file that must be new, for writing. Returns the descriptor. */
int bulk_create(struct bulk *b, int dir, const char *name, mode_t mode);
/* pwrite(2) of all len bytes. */
int bulk_write(struct bulk *b, int fd, const void *data, size_t len, int64_t offset);
/* ftruncate(2): a hole at the end. */
int bulk_truncate(struct bulk *b, int fd, int64_t size);
/* symlinkat(2). */
int bulk_symlink(struct bulk *b, const char *target, int dir, const char *name);
/* linkat(2): a symlink at the old name is linked itself. */
int bulk_link(struct bulk *b, int old_dir, const char *old, int dir, const char *name);
/* mknodat(2), under the umask. */
int bulk_mknod(struct bulk *b, int dir, const char *name, mode_t mode, dev_t dev);
/* fchownat(2) without following; with the name "" dir itself. Takes away setuid bits and file
 * capabilities (chown(2)), so it comes before them. */
int bulk_chown(struct bulk *b, int dir, const char *name, uid_t uid, gid_t gid);
/* fchmodat(2). The name must not be a symlink's; "" means dir itself, not opened with O_PATH. */
int bulk_chmod(struct bulk *b, int dir, const char *name, mode_t mode);
/* setxattr(2) and removexattr(2), without following; with the name "" dir itself, not O_PATH. Other
 * names go by way of /proc/self/fd, for want of a setxattrat(2) before Linux 6.13. */
int bulk_setxattr(
	struct bulk *b, int dir, const char *name, const char *attr, const void *value, size_t len);
int bulk_removexattr(struct bulk *b, int dir, const char *name, const char *attr);
/* utimensat(2) without following: both times to mtime; with the name "" dir itself, not O_PATH. */
int bulk_times(struct bulk *b, int dir, const char *name, const struct timespec *mtime);
/* unlinkat(2), a directory with all that is in it (never across a mount, never through a link). */
int bulk_remove(struct bulk *b, int dir, const char *name);

/* The umask, which takes bits off the modes above. Read from /proc, for umask(2) can only be read
 * by setting it, which another thread would see. */
mode_t bulk_umask(void);

/* Tells what was done, a step a kind, in the words of `where` ("below layers/3f…"). */
void bulk_tell(const struct bulk *b, const char *where);

#endif
