/* SPDX-License-Identifier: MIT */
#include "door/status.h"

#include "door/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
status_pipe(int ends[2])
{
	if (pipe_pair(ends) < 0)
		return -1;
	fcntl(ends[1], F_SETFD, 0);
	return 0;
}

size_t
status_text(int fd, char text[STATUS_MAX])
{
	size_t n = 0;
	ssize_t r;
	while (n < STATUS_MAX &&
		((r = read(fd, text + n, STATUS_MAX - n)) > 0 || (r < 0 && errno == EINTR)))
		n += r > 0 ? (size_t)r : 0;
	return n;
}
