/* SPDX-License-Identifier: MIT
 * What travels from tool to tool beside argv: TACKLEBOX_EXPLAIN=fd:N,PREFIX (where to tell steps,
 * and their number) and TACKLEBOX_STATUS_FD=N (where a failure before exec is reported). Both are
 * kept away from programs that are not ours.
 */
#ifndef TACKLE_ENV_H
#define TACKLE_ENV_H

#include <stdbool.h>
#include <stddef.h>

/* Reads both, and makes the descriptors they name close-on-exec. Called once by tool_start(). */
void env_start(void);
/* Whether a tool before us tells its steps: then telling is set up to go on there. */
bool env_explain_inherited(void);
/* 0, 1 (-x: also down the exec chain) or 2 (-xx: also in tools that are run). */
void env_set_explain_level(int level);

/* Just before exec or spawn of one of our tools: the variables say where we are, the descriptors
 * stay open across the exec. `run` is true for a tool run as a child (told only at level 2). */
void env_for_own_tool(bool run);
/* Whether a tool that is run tells its steps. */
bool env_explains_run(void);
/* Just before exec of any other program: no TACKLEBOX_* variable is left. */
void env_for_program(void);

/* Writes `err` as one JSON line to the status descriptor, if there is one, and closes it. */
void env_report_status(int status);

/* The same for a report that a program of ours has made: its text goes up as it came. */
void env_forward_status(const char *text, size_t len);

/* Before running what takes away: that is never made to fail by injected faults. */
void env_no_faults(void);

/* After env_for_own_tool(): the child tells no steps after all. */
void env_keep_explain(void);
/* After env_for_own_tool(): the child reports to a descriptor of ours, not to where we do. */
void env_report_to(int fd);
/* Closes the status descriptor without a word: the program runs, as far as this process is
 * concerned. */
void env_close_status(void);

/* Directory that holds our own program, without a slash at the end, "" when it cannot be told. */
const char *env_own_dir(void);
/* Whether `path` (as execve takes it) lies in that directory. */
bool env_is_own_tool(const char *path);

#endif
