/* SPDX-License-Identifier: MIT
 * Understanding the report: apart, so that box-mon, which hands it on, is without jansson.
 */
#include "door/status.h"

#include "base/err.h"
#include "base/json.h"

#include <unistd.h>

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
