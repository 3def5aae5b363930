/* SPDX-License-Identifier: MIT
 * The door, as sys.h: project quotas, a limit for the files of a directory tree (quotactl(2),
 * FS_IOC_FSSETXATTR of ioctl_iflags(2)). xfs and ext4 have them where they are mounted with
 * prjquota; by descriptors since Linux 5.14.
 */
#ifndef TACKLE_SYS_QUOTA_H
#define TACKLE_SYS_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the file system that holds path keeps such limits. For looking only. */
bool sys_project_there(const char *path);
/* Whether project id has nothing there, neither files nor a limit. For looking only. */
bool sys_project_is_free(const char *path, uint32_t id);

/* The directory, and all that is made in it from now on, belongs to project id. Nothing to undo:
 * the directory is the caller's. */
int sys_project_set(const char *why, const char *dir, uint32_t id);
/* No more than so many bytes for project id on the file system that holds path; 0: no limit. The
 * first is for a project that is to go if we fail: it is undone by none, and path is to be there
 * then. */
int sys_project_limit(const char *why, const char *path, uint32_t id, int64_t bytes);
int sys_project_change(const char *why, const char *path, uint32_t id, int64_t bytes);

#endif
