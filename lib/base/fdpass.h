/* SPDX-License-Identifier: MIT
 * A descriptor on its way from one process to another, over a socket (unix(7), SCM_RIGHTS).
 */
#ifndef TACKLE_FDPASS_H
#define TACKLE_FDPASS_H

#include <stddef.h>
#include <sys/types.h>

/* Sends n bytes, and with them fd, which stays the caller's; -1: no descriptor. Returns 0, or -1
 * with errno set. */
int fd_send(int sock, const void *data, size_t n, int fd);
/* Receives n bytes at most; *fd, the caller's, close-on-exec, stays as it was when none came with
 * them. Returns how many, 0 when the other end is gone, or -1 with errno set. */
ssize_t fd_receive(int sock, void *data, size_t n, int *fd);

#endif
