/* SPDX-License-Identifier: MIT
 * The door: locks on whole files.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int
lock(const char *why, const char *path, bool exclusive, bool wait, int *out)
{
	struct step st;
	*out = -1;
	if (step_open(&st, "flock", why)) {
		auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int how = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
		step_result(&st, fd < 0 ? -1 : flock(fd, how));
		if (st.ret == 0)
			*out = take_fd(&fd);
	}
	if (step_told(&st)) {
		step_call(&st, "flock(%s, %s%s)", tell_c(path), exclusive ? "LOCK_EX" : "LOCK_SH",
			wait ? "" : " | LOCK_NB");
		step_shell(&st, "exec 9>>%s; flock %s%s 9", tell_sh(path), exclusive ? "-x" : "-s",
			wait ? "" : " -n");
	}
	if (step_close(&st) == 0)
		return 0;
	return !wait && errno == EWOULDBLOCK ? 1 : err_sys("flock", path, "cannot lock %s", path);
}

int
sys_lock(const char *why, const char *path, bool exclusive, int *out)
{
	return lock(why, path, exclusive, true, out);
}

int
sys_lock_now(const char *why, const char *path, bool exclusive, int *out)
{
	return lock(why, path, exclusive, false, out);
}
