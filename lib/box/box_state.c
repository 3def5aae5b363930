/* SPDX-License-Identifier: MIT
 * What a box is at: its lock and its files say it, no process does.
 */
#include "base/auto.h"
#include "base/clock.h"
#include "base/file.h"
#include "box/box.h"
#include "door/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Whether somebody holds the lock. Asking takes it for a moment, shared: who wants it exclusively
 * tries again (box_lock). */
static bool
held(const struct box *b)
{
	char path[PATH_MAX];
	box_path(b, "lock", path);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* "SECONDS.NANOSECONDS" as nanoseconds, 0 for anything else. */
static int64_t
read_time(const char *text)
{
	long long s, ns;
	return sscanf(text, "%lld.%9lld", &s, &ns) == 2 ? (int64_t)s * 1000000000 + ns : 0;
}

bool
box_has_file(const struct box *b, const char *name)
{
	char path[PATH_MAX];
	box_path(b, name, path);
	return file_exists(path);
}

/* True when nobody has seen its end. */
static bool
look(const struct box *b, struct box_state *st)
{
	char path[PATH_MAX], line[128];
	int64_t n;
	int used;
	*st = (struct box_state){.busy = held(b), .oom = box_has_file(b, "oom")};
	box_path(b, "started", path);
	if (file_read_line(path, line, sizeof(line)) == 0)
		st->started = read_time(line);
	box_path(b, "exit", path);
	if (file_read_line(path, line, sizeof(line)) == 0 &&
		sscanf(line, "%d %n", &st->exit, &used) == 1) {
		st->status =
			st->busy && box_has_file(b, "restarting") ? BOX_RESTARTING : BOX_EXITED;
		st->finished = read_time(line + used);
		return false;
	}
	if (!st->started)
		return false;
	if (!st->busy) {
		st->status = BOX_EXITED;
		st->exit = 255;
		return true;
	}
	st->status = box_has_file(b, "paused") ? BOX_PAUSED : BOX_RUNNING;
	box_path(b, "pid", path);
	if (file_read_number(path, &n) == 0)
		st->pid = (pid_t)n;
	return false;
}

/* Between the look at the lock and that at the files it may have been started, by another: then it
 * seems to have run and to have ended without a word. That is believed when it is seen twice. */
void
box_state(const struct box *b, struct box_state *st)
{
	if (look(b, st))
		look(b, st);
}

const char *
box_status_word(enum box_status s)
{
	static const char *const words[] = {"created", "running", "paused", "restarting", "exited"};
	return words[s];
}

/* Its box-mon was killed, or the host went down. Under the lock it would seem to run, and its pid
 * may be anybody's by now. */
static int
note_unseen_end(const struct box *b)
{
	struct timespec now;
	char path[PATH_MAX], text[64];
	if (!box_has_file(b, "started") || box_has_file(b, "exit"))
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof(text), "255 %lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
	box_path(b, "exit", path);
	return sys_write_new("nobody has seen how it ended", path, text, strlen(text), 0600);
}

int
box_lock(const struct box *b, int *fd)
{
	char path[PATH_MAX];
	struct stat now, ours;
	box_path(b, "lock", path);
	*fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return err_set(ERR_NOT_FOUND, b->id, "no such box: %s", b->id);
	/* Those who only look (box-ps) hold it for microseconds. */
	int r = -1;
	for (int i = 0; i < 50 && (r = flock(*fd, LOCK_EX | LOCK_NB)) < 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	if (r == 0 && fstat(*fd, &ours) == 0 && stat(path, &now) == 0 &&
		now.st_ino == ours.st_ino) {
		/* On a full disk what is to make room must go on. */
		if (note_unseen_end(b) < 0)
			err_clear();
		return 0;
	}
	close(take_fd(fd));
	return r < 0 ? err_set(ERR_CONFLICT, b->id, "box %.12s is running", b->id)
		     : err_set(ERR_NOT_FOUND, b->id, "no such box: %s", b->id);
}

/* A lock cannot be waited for with an end; its holder mostly is the parent of a process that can.
 */
int
box_wait(const struct box *b, int64_t timeout)
{
	char path[PATH_MAX];
	int64_t end = clock_ns(CLOCK_MONOTONIC) + timeout;
	box_path(b, "lock", path);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	for (int pause = 1; fd >= 0 && flock(fd, LOCK_SH | (timeout < 0 ? 0 : LOCK_NB)) < 0;) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return err_sys("flock", path, "cannot wait for box %.12s", b->id);
		if (timeout >= 0 && clock_ns(CLOCK_MONOTONIC) >= end)
			return 0;
		if (timeout >= 0)
			nanosleep(&(struct timespec){.tv_nsec = pause * 1000000L}, NULL);
		pause = pause < 32 ? pause * 2 : 32;
	}
	return 1;
}

/* A number may be another process's by the time it is used: so first the descriptor is opened, and
 * then it is looked whether the box still runs. */
int
box_pid(const struct box *b, bool paused, pid_t *pid, int *pidfd)
{
	struct box_state st;
	if (pidfd)
		*pidfd = -1;
	box_state(b, &st);
	if (st.pid > 0 && pidfd) {
		*pidfd = (int)syscall(SYS_pidfd_open, st.pid, 0);
		pid_t first = st.pid;
		box_state(b, &st);
		if (*pidfd < 0 || st.pid != first)
			st.status = BOX_EXITED;
	}
	*pid = st.pid;
	if (st.pid > 0 && (st.status == BOX_RUNNING || (paused && st.status == BOX_PAUSED)))
		return 0;
	if (pidfd && *pidfd >= 0)
		close(take_fd(pidfd));
	return err_set(ERR_CONFLICT, b->id, "Container %.12s is %s", b->id,
		st.status == BOX_PAUSED ? "paused, unpause it first" : "not running");
}
