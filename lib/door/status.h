/* SPDX-License-Identifier: MIT
 * Hearing whether a chain of our tools came to run its program. Who starts one hands a pipe down it
 * (TACKLEBOX_STATUS_FD, env.h). The program's exec closes it without a word; a tool that fails on
 * the way writes one line of JSON into it first.
 */
#ifndef TACKLE_STATUS_H
#define TACKLE_STATUS_H

#include "door/spawn.h"

#include <stddef.h>
#include <sys/types.h>

/* No report is longer. */
#define STATUS_MAX 4096

/* The pipe: ends[0] is ours, ends[1], for run.status_fd, survives an exec. Returns 0, or -1 with
 * `err` set. */
int status_pipe(int ends[2]);
/* Waits for the report. Returns its length, 0 when the program runs. */
size_t status_text(int fd, char text[STATUS_MAX]);
/* The same, understood. Returns 0 when the program runs, else -1 with `err` saying which tool
 * failed, why, its hint, and with the status to exit with. */
int status_read(int fd);
/* Starts a chain and waits until its program runs; r->status_fd is set here. Returns its pid, or -1
 * with `err` set, also when it was started and has reported a failure. */
pid_t status_start(const char *why, struct run *r);

#endif
