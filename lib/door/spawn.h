/* SPDX-License-Identifier: MIT
 * Running other programs as children: companions of ours, and helpers such as newuidmap.
 */
#ifndef TACKLE_SPAWN_H
#define TACKLE_SPAWN_H

#include "base/buf.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Runs argv (found in PATH; a bare name that is one of our tools is taken from our own directory)
 * and waits. A step: told, counted under "spawn", skipped in a dry run. Returns the exit status
 * (128 + n when killed by signal n), or -1 with `err` set when it could not be started. */
int run_wait(const char *why, char *const argv[]);

/* The same with its standard output going where our standard error goes: its result is not ours. */
int run_aside(const char *why, char *const argv[]);

/* Runs a program that only reads, and appends its standard output; standard input is stdin_fd, or
 * /dev/null for -1. Runs in a dry run as well. More than max bytes are an error (EFBIG). Returns
 * the exit status, or -1 with `err` set. */
int run_capture(char *const argv[], int stdin_fd, size_t max, struct buf *out);

/* Calls work(arg) in a child that nobody needs to wait for: it has no descriptors of ours but
 * `keep`, and what work returns (0 or an errno) is its exit status. Returns its pid, or -1 with
 * errno set. Part of a step. */
int run_behind(int (*work)(void *arg), void *arg, int keep);

/* Runs argv as run_wait() does, with its standard output kept out of ours: appended to out, or lost
 * when out is NULL. A step. A status other than 0 is -1 with `err` set: the tool has said why. */
int run_tool(const char *why, const char *const *argv, struct buf *out);
/* The same with `in` as its standard input. */
int run_tool_fed(const char *why, const char *const *argv, int in, struct buf *out);

/* The same without a process of its own: a program that links what a tool's main calls need not
 * start that one. Told as if it were run, and skipped in a dry run. work(arg) makes its steps,
 * which are counted and made to fail as our own; when it fails they are undone, and otherwise they
 * stay. Returns 0, or -1 with the `err` of work. */
int run_here(const char *why, const char *const *argv, int (*work)(void *arg), void *arg);

/* The same of two, the output of the first being the input of the second: one step. The second is
 * to make nothing of an input that is cut short, for so it sees a failure of the first. */
int run_pipe(const char *why, const char *const *from, const char *const *to, struct buf *out);

/* Waits for a child of ours, and returns its status: 128+n for one that signal n ended, as a shell
 * has it. -1 with errno. */
int run_end(pid_t pid);

/* A child that is not waited for here. */
struct run {
	char *const *argv; /* one of our tools, or found in PATH */
	int fd[3]; /* its standard streams; -1: /dev/null */
	const char *terminal; /* opened as its controlling terminal and all three; NULL: none */
	int status_fd; /* where it reports a failure before exec; -1: where we do */
	int extra; /* becomes its descriptor 3, alone or not; 0: none; not together with tied */
	bool session; /* in a session of its own */
	bool alone; /* no descriptors but those three go along; not together with tied */
	bool aside; /* its steps are told with -xx only, as those of all tools that are run */
	bool tied; /* killed when we end, however that comes (PR_SET_PDEATHSIG) */
};
/* Starts it: a step. Descriptors that are not close-on-exec go along. Returns its pid, 0 in a dry
 * run, -1 with `err` set. */
pid_t run_start(const char *why, const struct run *r);

/* Path of one of our own tools: beside the running one. Returns 0, or -1 with `err` set
 * (not-found). */
int own_tool(const char *name, char path[PATH_MAX]);

#endif
