/* SPDX-License-Identifier: MIT
 * Running other programs as children: companions of ours, and helpers such as newuidmap.
 */
#ifndef TACKLE_SPAWN_H
#define TACKLE_SPAWN_H

#include "base/buf.h"

#include <limits.h>
#include <stddef.h>

/* Runs argv (found in PATH; a bare name that is one of our tools is taken from our own directory)
 * and waits. A step: told, counted under "spawn", skipped in a dry run. Returns the exit status
 * (128 + n when killed by signal n), or -1 with `err` set when it could not be started. */
int run_wait(const char *why, char *const argv[]);

/* Runs a program that only reads, and appends its standard output; standard input is stdin_fd, or
 * /dev/null for -1. Runs in a dry run as well. More than max bytes are an error (EFBIG). Returns
 * the exit status, or -1 with `err` set. */
int run_capture(char *const argv[], int stdin_fd, size_t max, struct buf *out);

/* Calls work(arg) in a child that nobody needs to wait for: it has no descriptors of ours but
 * `keep`, and what work returns (0 or an errno) is its exit status. Returns its pid, or -1 with
 * errno set. Part of a step. */
int run_behind(int (*work)(void *arg), void *arg, int keep);

/* Path of one of our own tools: beside the running one. Returns 0, or -1 with `err` set
 * (not-found). */
int own_tool(const char *name, char path[PATH_MAX]);

#endif
