/* SPDX-License-Identifier: MIT
 * A channel between two processes: a pair of sockets that keep the bounds of messages, over which
 * descriptors may go too (unix(7), SCM_RIGHTS). And pipes, for bytes one way.
 */
#ifndef TACKLE_CHANNEL_H
#define TACKLE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Two ends, close-on-exec. Who reads sees the end when nobody has the other one any more. Returns
 * 0, or -1 with `err` set. */
int channel_pair(int ends[2]);
/* The same for bytes without bounds. */
int stream_pair(int ends[2]);
/* A pipe: ends[0] to read from, ends[1] to write to, both close-on-exec (pipe(7)). Returns 0, or -1
 * with `err` set. */
int pipe_pair(int ends[2]);
/* A pipe between us and a child: *ours, which we write to or read from, never makes us wait
 * (O_NONBLOCK); *theirs is as a program expects it. Returns 0, or -1 with `err` set. */
int pipe_to_child(int *ours, int *theirs, bool we_write);
/* Sends n bytes, and with them fd, which stays the caller's; -1: no descriptor. Returns 0, or -1
 * with errno set. */
int channel_send(int sock, const void *data, size_t n, int fd);
/* Receives n bytes at most; *fd, the caller's, close-on-exec, stays as it was when none came with
 * them. Returns how many, 0 when the other end is gone, or -1 with errno set. */
ssize_t channel_receive(int sock, void *data, size_t n, int *fd);
/* Receives a packet without a descriptor, as recv(2) does with these flags. That the other end went
 * and had not read all of ours is no end: the kernel says so once (ECONNRESET), before it hands out
 * what the other end had sent. Returns its length, 0 when the other end is gone, or -1 with errno
 * set. */
ssize_t channel_take(int sock, void *data, size_t n, int flags);
/* A socket of such packets at a path of any length (a socket's name has room for 107 bytes; a
 * directory's descriptor makes any path short): listening, or connected to who listens. What was
 * there before is replaced. Close-on-exec; -1 with errno set. Part of a step. */
int channel_listen(const char *path);
int channel_connect(const char *path);

#endif
