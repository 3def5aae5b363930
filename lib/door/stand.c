/* SPDX-License-Identifier: MIT */
#include "door/stand.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static void
stand(int (*enter)(const void *arg), const void *arg, int say, int until)
{
	int no = enter(arg) < 0 ? errno : 0;
	char byte;
	if (write(say, &no, sizeof(no)) == (ssize_t)sizeof(no) && !no)
		while (read(until, &byte, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

void
stand_end(struct stand *s)
{
	int no = errno;
	close(take_fd(&s->until));
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	errno = no;
}

int
stand_start(struct stand *s, int (*enter)(const void *arg), const void *arg)
{
	int say[2], until[2], no = ECHILD;
	if (pipe2(say, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(until, O_CLOEXEC) < 0) {
		close(say[0]);
		close(say[1]);
		return -1;
	}
	*s = (struct stand){.pid = fork(), .until = until[1]};
	if (s->pid == 0) {
		close(until[1]);
		stand(enter, arg, say[1], until[0]);
	}
	int failed = s->pid < 0 ? errno : 0;
	close(say[1]);
	close(until[0]);
	if (!failed && read(say[0], &no, sizeof(no)) != (ssize_t)sizeof(no))
		no = ECHILD;
	close(say[0]);
	errno = failed ? failed : no;
	if (!errno)
		return 0;
	if (failed)
		close(take_fd(&s->until));
	else
		stand_end(s);
	return -1;
}
