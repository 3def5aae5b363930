/* SPDX-License-Identifier: MIT */
#include "door/env.h"

#include "base/err.h"
#include "base/parse.h"
#include "door/fault.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int status_fd = -1;
static int explain_level;
static bool inherited;

/* A number of an open descriptor, as written in a variable; -1 for anything else. */
static int
open_descriptor(const char *digits)
{
	int64_t fd;
	struct err before = err;
	int r = parse_int(digits, 0, INT_MAX, &fd);
	err = before;
	return r == 0 && fcntl((int)fd, F_GETFD) >= 0 ? (int)fd : -1;
}

static void
close_on_exec(int fd, bool on)
{
	/* Standard error is everybody's; the others are ours alone. */
	if (fd > STDERR_FILENO)
		fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

/* TACKLEBOX_EXPLAIN=fd:N,PREFIX. Anything else is ignored: it is not worth failing for. */
static void
start_explain(const char *value)
{
	char digits[16];
	static char prefix[48];
	if (!value || strncmp(value, "fd:", 3) != 0)
		return;
	size_t n = strcspn(value + 3, ",");
	if (n >= sizeof(digits))
		return;
	memcpy(digits, value + 3, n);
	digits[n] = '\0';
	int fd = open_descriptor(digits);
	if (fd < 0)
		return;
	const char *rest = value + 3 + n;
	snprintf(prefix, sizeof(prefix), "%s", *rest == ',' ? rest + 1 : "");
	close_on_exec(fd, true);
	tell_open(fd, prefix);
	inherited = true;
}

void
env_start(void)
{
	const char *status = getenv("TACKLEBOX_STATUS_FD");
	start_explain(getenv("TACKLEBOX_EXPLAIN"));
	if (status) {
		status_fd = open_descriptor(status);
		close_on_exec(status_fd, true);
	}
}

bool
env_explain_inherited(void)
{
	return inherited;
}

void
env_set_explain_level(int level)
{
	/* Whoever let us tell wants to see everything below as well. */
	explain_level = inherited ? 2 : level;
}

static bool
explains(bool run)
{
	return tell_on() && !step_dry() && explain_level > (run ? 1 : 0);
}

bool
env_explains_run(void)
{
	return explains(true);
}

void
env_for_own_tool(bool run)
{
	char value[128];
	if (explains(run)) {
		snprintf(value, sizeof(value), "fd:%d,%s.", tell_fd(), tell_number());
		setenv("TACKLEBOX_EXPLAIN", value, 1);
		close_on_exec(tell_fd(), false);
	} else {
		unsetenv("TACKLEBOX_EXPLAIN");
	}
	close_on_exec(status_fd, false);
}

void
env_for_program(void)
{
	char **to = environ;
	for (char **from = environ; *from; from++)
		if (strncmp(*from, "TACKLEBOX_", 10) != 0)
			*to++ = *from;
	*to = NULL;
}

void
env_report_status(int status)
{
	auto_buf struct buf b = BUF_INIT;
	if (status_fd < 0)
		return;
	err_json(&err, tool_name(), status, &b);
	buf_addc(&b, '\n');
	if (write(status_fd, b.s, b.len) < 0)
		return; /* the exit status tells the same, only shorter */
	close(status_fd);
	status_fd = -1;
}

void
env_forward_status(const char *text, size_t len)
{
	if (status_fd >= 0 && write(status_fd, text, len) < 0)
		err_clear(); /* nobody listens any more */
	env_close_status();
}

void
env_keep_explain(void)
{
	unsetenv("TACKLEBOX_EXPLAIN");
	close_on_exec(tell_fd(), true);
}

void
env_no_faults(void)
{
	unsetenv("TACKLEBOX_FAIL");
	fault_parse(NULL);
}

void
env_report_to(int fd)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", fd);
	setenv("TACKLEBOX_STATUS_FD", number, 1);
	if (status_fd >= 0)
		close_on_exec(status_fd, true);
}

void
env_close_status(void)
{
	if (status_fd > STDERR_FILENO)
		close(status_fd);
	status_fd = -1;
}

const char *
env_own_dir(void)
{
	static char dir[PATH_MAX];
	if (dir[0])
		return dir;
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	dir[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	else
		dir[0] = '\0';
	/* A sealed copy (sys_run_sealed) lies nowhere; it was told where it comes from. */
	const char *told = getenv("TACKLEBOX_BIN");
	if (!dir[0] && told)
		snprintf(dir, sizeof(dir), "%s", told);
	return dir;
}

bool
env_is_own_tool(const char *path)
{
	char own[PATH_MAX], dir[PATH_MAX];
	struct stat a, b;
	const char *slash = strrchr(path, '/');
	snprintf(own, sizeof(own), "%s", env_own_dir());
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	/* By device and inode: the same directory may have several names. */
	return own[0] && stat(own, &a) == 0 && stat(dir, &b) == 0 && a.st_dev == b.st_dev &&
		a.st_ino == b.st_ino;
}
