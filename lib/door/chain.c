/* SPDX-License-Identifier: MIT */
#include "door/chain.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/env.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Finds what execvp(3) would run: the first executable file of that name along PATH. Where there
 * are only files that cannot be executed, the first of those, so that the kernel says why. */
int
chain_find(const char *name, char out[PATH_MAX])
{
	const char *path = getenv("PATH");
	char found[PATH_MAX] = "", candidate[PATH_MAX];
	struct stat sb;
	if (strchr(name, '/')) {
		snprintf(out, PATH_MAX, "%s", name);
		return 0;
	}
	/* Without PATH, what confstr(_CS_PATH) gives on Linux. */
	for (const char *dir = path ? path : "/bin:/usr/bin"; *name && dir;) {
		size_t n = strcspn(dir, ":");
		snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)n, dir, n ? "/" : "./",
			name);
		if (stat(candidate, &sb) == 0 && S_ISREG(sb.st_mode)) {
			if (access(candidate, X_OK) == 0) {
				memcpy(out, candidate, PATH_MAX);
				return 0;
			}
			if (!found[0])
				memcpy(found, candidate, PATH_MAX);
		}
		dir = dir[n] ? dir + n + 1 : NULL;
	}
	memcpy(out, found, PATH_MAX);
	return found[0] ? 0 : -1;
}

/* What "#!" names in a script's first line; "" for other files. */
static void
interpreter_of(const char *path, char out[128])
{
	char line[128];
	out[0] = '\0';
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (n < 3)
		return;
	line[n] = '\0';
	if (line[0] != '#' || line[1] != '!')
		return;
	char *word = line + 2 + strspn(line + 2, " \t");
	word[strcspn(word, " \t\n")] = '\0';
	memcpy(out, word, strlen(word) + 1);
}

static int
exec_failed(const char *name, const char *path)
{
	char interpreter[128];
	struct stat sb;
	int no = errno;
	/* ENOENT of a file that is there: the program that should interpret or load it is missing.
	 */
	bool there = path[0] && stat(path, &sb) == 0;
	bool missing = (no == ENOENT && !there) || no == ENOTDIR;
	errno = no;
	err_sys("execve", name, "cannot run %s", name);
	err.status = missing ? EXIT_COMMAND_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	if (no == ENOENT && there) {
		interpreter_of(path, interpreter);
		if (interpreter[0])
			err_hint("its interpreter %s is not there", interpreter);
		else
			err_hint("the file is there, but the loader or library it needs is not");
	} else if (no == ENOEXEC) {
		err_hint("it is not a program for this machine, and has no #! line");
	}
	return -1;
}

/* The last lines: `exec CMD`, or `exec "$@"` and the ends of the shells that it stands in, the
 * outermost of which names the command. */
static void
tell_command(char **command, const char *words, unsigned depth)
{
	auto_buf struct buf line = BUF_INIT;
	buf_addf(&line, "%s ", words);
	if (depth)
		buf_adds(&line, "\"$@\"");
	else
		buf_add_argv(&line, command);
	tell_line(buf_str(&line));
	while (depth--)
		tell_unnest(depth ? NULL : command);
}

int
chain_exec(char **command, bool foreign)
{
	return chain_exec_nested(command, foreign, "exec", 0);
}

int
chain_exec_nested(char **command, bool foreign, const char *words, unsigned depth)
{
	struct step st;
	char path[PATH_MAX];
	if (step_dry()) {
		tell_command(command, words, depth);
		exit(tool_finish());
	}
	if (chain_find(command[0], path) < 0) {
		errno = ENOENT;
		return exec_failed(command[0], "");
	}
	/* Told before it happens: afterwards there is nobody left to tell it. */
	if (tell_on()) {
		auto_buf struct buf call = BUF_INIT;
		buf_addf(&call, "execve(%s, …)", tell_c(path));
		tell_step("become the program", buf_str(&call), NULL);
		tell_command(command, words, depth);
	}
	if (!foreign && env_is_own_tool(path))
		env_for_own_tool(false);
	else
		env_for_program();
	if (step_open(&st, "execve", "become the program"))
		step_result(&st, execve(path, command, environ));
	errno = st.no;
	return exec_failed(command[0], path);
}
