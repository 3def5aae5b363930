/* SPDX-License-Identifier: MIT
 * What went wrong, carried upward. Library functions return -1 (or NULL) with `err` filled in
 * and never exit; only a tool's main prints it, by tool_die().
 *
 * Grammar of a message: "cannot VERB OBJECT", lower case, no dot at the end, one line. The errno's
 * text and name follow by themselves: "cannot mount overlay on root: Invalid argument (EINVAL)".
 */
#ifndef TACKLE_ERR_H
#define TACKLE_ERR_H

#include "base/buf.h"

/* Why a thing failed, in the eight ways a caller may want to tell apart (apid maps them to HTTP).
 */
enum err_class {
	ERR_INTERNAL,
	ERR_NOT_FOUND,
	ERR_CONFLICT,
	ERR_INVALID,
	ERR_IN_USE,
	ERR_DENIED,
	ERR_UNSUPPORTED,
	ERR_NO_SPACE,
};

/* Exit statuses, one list for all tools. Tools that run another program keep 125 to 127 for
 * themselves, so that the program's own 1 and 2 are never mistaken for ours. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_COULD_NOT = 1,
	EXIT_USAGE = 2,
	EXIT_CHAIN_FAILED = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_COMMAND_NOT_FOUND = 127,
	EXIT_SIGNAL_BASE = 128,
};

struct err {
	enum err_class class;
	int no; /* errno, 0 where the kernel was not asked */
	int status; /* exit status to use; 0 leaves the choice to the kind of tool */
	char call[32]; /* system call or library function, "" where none */
	char object[256];
	char message[512];
	char hint[512]; /* "" where we know no remedy */
};

/* The last failure of this thread. */
extern _Thread_local struct err err;

/* Fills `err` from errno (read before anything else) with its class. Returns -1.
 * `call` and `object` may be NULL. */
int err_sys(const char *call, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Fills `err` where no errno tells the story. Returns -1. */
int err_set(enum err_class class, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds (or replaces) the second line, which says what to do. Returns -1 so that it ends a line of
 * code. */
int err_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Puts context before the message: err_prefix("layer %s", id) gives "layer 3f…: cannot …". Returns
 * -1. */
int err_prefix(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void err_clear(void);

/* Class of an errno value. */
enum err_class err_class_of(int no);
/* "not-found", "conflict" … as DESIGN names them. */
const char *err_class_name(enum err_class class);
/* "EINVAL"; "E?" followed by nothing better for a number the C library does not know. */
const char *err_name(int no);
/* Number of an errno name ("EINVAL"), -1 for an unknown one. */
int err_number(const char *name);

/* Appends "MESSAGE: strerror (ENAME)", control characters made visible. */
void err_text(const struct err *e, struct buf *out);
/* Appends one JSON object without newline:
 * {"tool","class","call","errno","object","message","hint","status"}. */
void err_json(const struct err *e, const char *tool, int status, struct buf *out);

#endif
