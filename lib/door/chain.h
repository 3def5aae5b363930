/* SPDX-License-Identifier: MIT
 * The last line of a chain-loading tool: become the rest of the command line.
 */
#ifndef TACKLE_CHAIN_H
#define TACKLE_CHAIN_H

#include <limits.h>
#include <stdbool.h>

/* Replaces the process by command (searched in PATH as execvp(3) does, but a file without #! is not
 * given to a shell). One of our own tools keeps the TACKLEBOX_* variables and descriptors; any
 * other program, and everything when `foreign` (the root directory has changed: nothing in it is
 * ours), gets none. In a dry run the script ends in the command, and the process exits 0.
 *
 * Returns only on failure: -1 with `err` set and err.status 127 (not found) or 126 (found, but
 * cannot be executed). */
int chain_exec(char **command, bool foreign);

/* The same for a tool whose script runs the command inside `depth` nested shells (tell_nest()), by
 * `words`: "exec", or "exec setpriv …". */
int chain_exec_nested(char **command, bool foreign, const char *words, unsigned depth);

/* The path that chain_exec would run for `name`. Returns 0, or -1 when there is none. */
int chain_find(const char *name, char out[PATH_MAX]);

#endif
