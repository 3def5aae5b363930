/* SPDX-License-Identifier: MIT
 * The frame of a tool's main: start (options, explain, faults), die, print the result, finish.
 * Only tools call these; the library returns errors upward instead.
 */
#ifndef TACKLE_TOOL_H
#define TACKLE_TOOL_H

#include "base/opt.h"

#include <stdnoreturn.h>

/* Parses the command line and sets up the door: -x, -n, TACKLEBOX_EXPLAIN (the steps of a chain go
 * where the first tool's go), TACKLEBOX_FAIL, TACKLEBOX_STATUS_FD. Handles --help and --version.
 * Exits on a usage mistake. */
struct args tool_start(const struct tool *t, int argc, char **argv);

/* Prints `err` ("tool: message" and "hint: …") on stderr, reports it to the status descriptor,
 * undoes what was done, and exits: 1, or for chain-loaders 125, or err.status. */
noreturn void tool_die(void);
/* The same without the end: for a tool that does several things, of which one failed. The caller
 * ends with tool_failure_status(). */
void tool_complain(void);
/* A mistake in the command line: the message, "Try 'tool --help'.", exit 2 (chain-loaders 125). The
 * first form prints `err`. */
noreturn void tool_usage_err(void);
noreturn void tool_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "tool: warning: …" on stderr. */
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One line of the result on stdout. In a dry run the script prints it, so that `tool -n | sh`
 * prints what `tool` prints. */
void tool_result(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Ends well: what was made stays, stdout is flushed, and a write error on it (a full disk, a closed
 * pipe) is a failure as any other. Returns 0 for main. */
int tool_finish(void);

/* Calls one(operand, self) for each operand; complains when that is -1, and goes on. Ends the
 * tool's work as tool_finish() and returns the exit status. A usage mistake when there is no
 * operand: "no WHAT given". */
int tool_each(const struct args *a, const char *what, int (*one)(const char *operand, void *self),
	void *self);

/* Name of the running tool. */
const char *tool_name(void);
/* Exit status for our own failures: 1, for chain-loaders 125. */
int tool_failure_status(void);

#endif
