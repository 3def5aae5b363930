/* SPDX-License-Identifier: MIT */
#include "door/status.h"

#include "base/err.h"
#include "base/json.h"
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

int
status_read(int fd)
{
	char text[STATUS_MAX];
	size_t n = status_text(fd, text);
	if (!n)
		return 0;
	auto_json json_t *why = json_parse("the report of a tool", text, n);
	if (!why)
		return -1;
	const char *hint = json_text(why, "hint");
	err_set(ERR_INTERNAL, NULL, "%s: %s", json_text(why, "tool"), json_text(why, "message"));
	err.status = (int)json_integer_value(json_object_get(why, "status"));
	return *hint ? err_hint("%s", hint) : -1;
}

pid_t
status_start(const char *why, struct run *r)
{
	int ends[2];
	if (status_pipe(ends) < 0)
		return -1;
	r->status_fd = ends[1];
	pid_t pid = run_start(why, r);
	close(ends[1]);
	int heard = pid > 0 ? status_read(ends[0]) : 0;
	close(ends[0]);
	return heard < 0 ? -1 : pid;
}
