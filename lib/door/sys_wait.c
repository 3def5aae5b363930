/* SPDX-License-Identifier: MIT
 * The door: ending processes, and waiting until the kernel has done what it was told.
 */
#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long
kill_all(const pid_t *pids, size_t n, int signal)
{
	/* One that is gone by itself in between is as good as killed. */
	for (size_t i = 0; i < n; i++)
		if (kill(pids[i], signal) < 0 && errno != ESRCH)
			return -1;
	return 0;
}

int
sys_kill(const char *why, const pid_t *pids, size_t n, int signal)
{
	struct step st;
	auto_buf struct buf words = BUF_INIT;
	const char *name = sigabbrev_np(signal);
	if (step_open(&st, "kill", why))
		step_result(&st, kill_all(pids, n, signal));
	for (size_t i = 0; i < n; i++)
		buf_addf(&words, " %d", pids[i]);
	if (step_told(&st)) {
		step_call(&st, "kill(%s, SIG%s)", buf_str(&words) + 1, name);
		step_shell(&st, "kill -%s%s || :", name, buf_str(&words));
	}
	if (step_close(&st) < 0)
		return err_sys("kill", buf_str(&words) + 1, "cannot send SIG%s to%s", name,
			buf_str(&words));
	return 0;
}

int
sys_pidfd_kill(const char *why, int pidfd, pid_t pid, int signal)
{
	struct step st;
	/* Real-time signals have no name but their number. */
	auto_free char *name =
		sigabbrev_np(signal) ? str_new(sigabbrev_np(signal)) : fmt_new("%d", signal);
	if (step_open(&st, "kill", why)) {
		long r = syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
		step_result(&st, r < 0 && errno == ESRCH ? 0 : r);
	}
	if (step_told(&st)) {
		step_call(&st, "pidfd_send_signal(%d, %s)", pid, name);
		step_shell(&st, "kill -%s %d || :", name, pid);
	}
	if (step_close(&st) < 0)
		return err_sys("pidfd_send_signal", name, "cannot send %s to %d", name, pid);
	return 0;
}

/* Whether the file has that line, or nothing at all for line NULL; 0, 1, or -1 with errno set. */
static int
file_says(int fd, const char *line)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -1;
	if (!line)
		return n == 0;
	text[n] = '\0';
	for (char *at = text, *one; (one = strsep(&at, "\n"));)
		if (strcmp(one, line) == 0)
			return 1;
	return 0;
}

/* The files of cgroup v2 wake poll(2) when they change (POLLPRI), those of v1 do not, and v2 keeps
 * back a second change for 10 ms: so each look is followed by a longer pause, up to 16 ms, which a
 * change ends early. Opened anew each time, for an open list of processes of v1 stays as it was. */
static long
wait_for(const char *path, const char *line, int64_t timeout)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + timeout;
	for (int pause = 1;; pause = pause < 16 ? pause * 2 : 16) {
		auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		int says = fd < 0 ? -1 : file_says(fd, line);
		if (says)
			return says < 0 ? -1 : 0;
		if (clock_ns(CLOCK_MONOTONIC) >= end) {
			errno = ETIMEDOUT;
			return -1;
		}
		struct pollfd p = {.fd = fd, .events = POLLPRI};
		poll(&p, 1, pause);
	}
}

int
sys_wait_line(const char *why, const char *path, const char *line, int64_t timeout)
{
	struct step st;
	if (step_open(&st, "poll", why))
		step_result(&st, wait_for(path, line, timeout));
	if (step_told(&st)) {
		const char *file = tell_sh(path);
		step_call(&st, "poll(%s) until it says %s", tell_c(path),
			line ? tell_c(line) : "nothing");
		if (line)
			step_shell(&st, "until grep -qx %s %s; do sleep 0.01; done", tell_sh(line),
				file);
		else
			step_shell(&st, "while grep -q . %s; do sleep 0.01; done", file);
	}
	if (step_close(&st) < 0) {
		if (line)
			return err_sys(
				"poll", path, "cannot wait longer for '%s' in %s", line, path);
		return err_sys("poll", path, "cannot wait longer for %s to be empty", path);
	}
	return 0;
}
