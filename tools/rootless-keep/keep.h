/* SPDX-License-Identifier: MIT
 * rootless-keep: what it gives to those who ask.
 */
#ifndef ROOTLESS_KEEP_H
#define ROOTLESS_KEEP_H

/* Opens the network namespace of the user's boxes, which has its name at path; it is made, and led
 * to the world, when it is first asked for; what leads to the world may still be beginning, and
 * keep_way() waits until it has begun. *fd is the caller's; -1 with `err` set. */
int keep_net(const char *path, int *fd);
int keep_way(const char *path, int *fd);
/* Lets go of it: it ends with its last process, and with it what leads to the world. */
void keep_net_end(const char *path);

/* "tcp 127.0.0.1 80": a socket bound there, in the network that we are in; a stream listens. An
 * address of "*" is all of both kinds. *fd is the caller's. */
int keep_bind(const char *what, int *fd);

#endif
