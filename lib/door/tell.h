/* SPDX-License-Identifier: MIT
 * The script that -x and -n tell: for each step a comment with its number and reason, a comment
 * with the call, and the equivalent command. Commands that run inside another shell are nested:
 * between tell_nest() and tell_unnest() every line is quoted once more, so that the whole is one
 * runnable script.
 */
#ifndef TACKLE_TELL_H
#define TACKLE_TELL_H

#include <stdbool.h>

/* Where to: a descriptor that stays the caller's, and what stands before each step's number
 * ("3." for the steps of a tool that is step 3 of another); they begin at 1. fd -1: tell
 * nothing. */
void tell_open(int fd, const char *prefix);
bool tell_on(void);
int tell_fd(void);
/* Number of the last step told, with the prefix: "3.2". Owned by tell.c. */
const char *tell_number(void);

/* One step. `call` is C-like text and may carry its result; `shell` one or more lines, or NULL
 * where the next line of the script does it (a nested shell, the end of an exec chain). */
void tell_step(const char *why, const char *call, const char *shell);
/* A line of the script that is no step: "set -e", a comment, the printing of the result. */
void tell_line(const char *line);
/* "unshare --pid --fork" and such: writes `command sh -ec '`, and quotes from here on. */
void tell_nest(const char *command);
/* Ends the innermost nesting: its last line should be `exec "$@"`, and argv is what "$@" holds
 * there; NULL: what it holds one level further out. */
void tell_unnest(char *const argv[]);

/* What follows, up to tell_up(), are the steps of a tool of ours that is itself the next step here:
 * numbered below it as they are when it is run, or not told at all. */
void tell_down(bool told);
void tell_up(void);

/* Words for the texts above; valid until eight later calls. tell_sh quotes for sh, tell_c as a C
 * string. */
const char *tell_sh(const char *s);
const char *tell_c(const char *s);

#endif
