/* SPDX-License-Identifier: MIT
 * The mount table of a process: /proc/PID/mountinfo, see proc(5). Only read.
 */
#ifndef TACKLE_MOUNTINFO_H
#define TACKLE_MOUNTINFO_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>

/* One line of it, escapes undone. The strings are good until the function that gets it returns. */
struct mount_entry {
	int id, parent;
	dev_t dev; /* of the file system: tells whether two mounts show the same one */
	const char *root; /* what of the file system is mounted: "/" but for bind mounts */
	const char *point; /* where, seen from the process's root directory */
	const char *options; /* of the mount: "rw,relatime" */
	const char *type;
	const char *source; /* "tacklebox" for what carries our mark */
	const char *super; /* of the file system: "rw,lowerdir=…"; see mountinfo_option() */
};

/* Sees each mount, in the order of the table: of two on one place the later hides the earlier.
 * Stops when it returns other than 0. */
typedef int mountinfo_fn(void *self, const struct mount_entry *m);

/* Calls fn for each line of `path` ("/proc/self/mountinfo"). Returns 0, what fn returned, or -1
 * with `err` set when the file cannot be read. */
int mountinfo_each(const char *path, mountinfo_fn *fn, void *self);

/* Whether something is mounted on that very directory. Asks the kernel about the one place
 * (statx(2), Linux 5.8), for a table may have thousands; false as well when it cannot be told. */
bool mount_is_on(const char *dir);

/* Appends the value of option `key` of the file system, escapes undone. False: it has none. */
bool mountinfo_option(const struct mount_entry *m, const char *key, struct buf *out);

#endif
