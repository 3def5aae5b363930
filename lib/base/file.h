/* SPDX-License-Identifier: MIT
 * Reading files and finding paths. Nothing here changes the system.
 */
#ifndef TACKLE_FILE_H
#define TACKLE_FILE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the whole file, at most `max` bytes (more is an error, EFBIG). Returns 0, or -1 with
 * `err` set. */
int file_read(const char *path, size_t max, struct buf *out);
/* The same from standard input. */
int file_read_stdin(size_t max, struct buf *out);
/* First line without its newline, cut to size - 1. Returns 0, or -1 with errno set and `err`
 * untouched: for looking at /proc and /sys where a missing file is an answer. */
int file_read_line(const char *path, char *line, size_t size);
/* A number that stands alone in a file; -1 with errno set when it cannot be read, EINVAL when it is
 * none. */
int file_read_number(const char *path, int64_t *n);
bool file_exists(const char *path);
bool dir_exists(const char *path);

/* openat2(2) of a path below root that cannot leave it: symlinks and ".." are taken as a process
 * with that root would (RESOLVE_IN_ROOT), magic links of /proc are refused. flags and mode as
 * open(2); O_CLOEXEC is added. Returns the descriptor, which the caller closes, or -1 with errno
 * set. */
int open_in_root(int root_fd, const char *path, int flags, unsigned mode);
/* The same, but any symlink at all is refused (ELOOP): for places that must be what they say. */
int open_no_links(int root_fd, const char *path, int flags, unsigned mode);

/* Appends "dir/name". */
void path_join(struct buf *out, const char *dir, const char *name);
/* Appends the path from / with symlinks, "." and ".." resolved as far as it exists; the rest, which
 * is yet to be made, follows as it is. Returns 0, or -1 with `err` set. */
int path_resolve(const char *path, struct buf *out);
/* The path without what only leads around: "/./a//../b/" becomes "b". Words alone, nothing is
 * looked up; without a slash at its begin, and it cannot leave the top. The caller's. */
char *path_clean(const char *path);
/* Last part of a path, as basename(1) without its special cases. Points into path. */
const char *path_base(const char *path);

#endif
