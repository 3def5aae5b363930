/* SPDX-License-Identifier: MIT */
#include "door/sys_quota.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PRJQUOTA
#define PRJQUOTA 2
#endif
/* A block of struct dqblk, whatever those of the file system are (quotactl(2)). */
#define BLOCK 1024

static long
quota(const char *path, int command, uint32_t id, void *data)
{
	auto_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : syscall(SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), id, data);
}

bool
sys_project_there(const char *path)
{
	struct fs_quota_statv st = {.qs_version = FS_QSTATV_VERSION1};
	return quota(path, Q_XGETQSTATV, 0, &st) == 0 && st.qs_flags & FS_QUOTA_PDQ_ENFD;
}

bool
sys_project_is_free(const char *path, uint32_t id)
{
	struct dqblk q = {0};
	/* Of one that nobody has heard of some say that it has nothing, and some ENOENT. */
	return quota(path, Q_GETQUOTA, id, &q) < 0 ||
		(!q.dqb_curspace && !q.dqb_curinodes && !q.dqb_bhardlimit && !q.dqb_bsoftlimit &&
			!q.dqb_ihardlimit);
}

static int
set_project(const char *dir, uint32_t id)
{
	struct fsxattr x;
	auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return -1;
	x.fsx_projid = id;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &x);
}

int
sys_project_set(const char *why, const char *dir, uint32_t id)
{
	struct step st;
	if (step_open(&st, "FS_IOC_FSSETXATTR", why))
		step_result(&st, set_project(dir, id));
	if (step_told(&st)) {
		step_call(&st, "ioctl(%s, FS_IOC_FSSETXATTR, {%" PRIu32 ", FS_XFLAG_PROJINHERIT})",
			tell_c(dir), id);
		step_shell(&st, "chattr +P -p %" PRIu32 " %s", id, tell_sh(dir));
	}
	if (step_close(&st) < 0)
		return err_sys("FS_IOC_FSSETXATTR", dir, "cannot give %s to a project", dir);
	return 0;
}

static int
undo_limit(const char *path, const char *id)
{
	struct dqblk q = {.dqb_valid = QIF_LIMITS};
	return (int)quota(path, Q_SETQUOTA, (uint32_t)strtoul(id, NULL, 10), &q);
}

int
sys_project_change(const char *why, const char *path, uint32_t id, int64_t bytes)
{
	struct step st;
	struct dqblk q = {
		.dqb_valid = QIF_LIMITS, .dqb_bhardlimit = ((uint64_t)bytes + BLOCK - 1) / BLOCK};
	auto_buf struct buf shell = BUF_INIT;
	if (step_open(&st, "quotactl", why))
		step_result(&st, quota(path, Q_SETQUOTA, id, &q));
	buf_addf(&shell, "setquota -P %" PRIu32 " 0 %" PRIu64 " 0 0 \"$(stat -c %%m %s)\"", id,
		(uint64_t)q.dqb_bhardlimit, tell_sh(path));
	if (step_told(&st)) {
		step_call(&st,
			"quotactl_fd(%s, QCMD(Q_SETQUOTA, PRJQUOTA), %" PRIu32 ", {%" PRIu64 "})",
			tell_c(path), id, (uint64_t)q.dqb_bhardlimit);
		step_shell(&st, "%s", shell.s);
	}
	if (step_close(&st) < 0)
		return err_sys(
			"quotactl", path, "cannot limit project %" PRIu32 " of %s", id, path);
	return 0;
}

int
sys_project_limit(const char *why, const char *path, uint32_t id, int64_t bytes)
{
	auto_buf struct buf back = BUF_INIT;
	char text[16];
	if (sys_project_change(why, path, id, bytes) < 0)
		return -1;
	snprintf(text, sizeof(text), "%" PRIu32, id);
	buf_addf(&back, "setquota -P %" PRIu32 " 0 0 0 0 \"$(stat -c %%m %s)\"", id, tell_sh(path));
	undo_push(undo_limit, path, text, back.s);
	return 0;
}
