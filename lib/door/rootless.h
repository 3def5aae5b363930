/* SPDX-License-Identifier: MIT
 * Boxes without root. An ordinary user is root in a user namespace of his own, over his own ids
 * (user_namespaces(7)); there the tools do just what they do for root. All of his tools have to be
 * in the same one: a namespace that one made is closed to the other's. So one process keeps it,
 * with its mounts and its network, as long as anybody is inside: rootless-keep. rootless-exec goes
 * in, and starts it when it is not there. It is not in the way to anything: when nothing runs,
 * nothing of it is left, and the next one maps the same ids.
 *
 * Who is inside has a descriptor of a socket to it, which comes along through fork and exec (but
 * not into a box), and so the kernel counts for it. On that socket, or another one, a packet
 *	net			asks for the network namespace of the user's boxes
 *	way			the same, once it leads to the world
 *	bind tcp 127.0.0.1 80	asks for a socket of the host's network, bound there
 * and is answered by "ok" with a descriptor, or by the number of an error, a message and a hint,
 * each in a line.
 */
#ifndef TACKLE_ROOTLESS_H
#define TACKLE_ROOTLESS_H

#include "base/opt.h"

#include <stdbool.h>
#include <sys/types.h>

/* Called by tool_start(): an ordinary user's tool that needs more rights becomes `rootless-exec --
 * TOOL …`. Returns 0 when it may go on as it is, or -1 with `err` set. */
int rootless_become(const struct tool *t, char **argv);
/* Whether we are inside. */
bool rootless_inside(void);
/* Whether root, here, is not root of the machine: inside, and in any other user namespace but the
 * first one, as a container without root has it. The namespaces that were made in it are his, and
 * nothing else: no devices, and control groups only where somebody has given him some. */
bool rootless_here(void);
/* Whether the user has ids besides his own (subuid(5)), and the programs that map them are there
 * (newuidmap(1)). */
bool rootless_has_ranges(void);

/* The socket of rootless-keep in a directory for what runs. */
#define ROOTLESS_SOCKET "rootless.sock"
/* What rootless-exec says to the tools inside: where that socket is. */
#define ROOTLESS_VARIABLE "TACKLEBOX_ROOTLESS"

/* A channel to the keeper behind that socket, and its number. It has said that it stays: a keeper
 * that is about to end does not. -1 with errno when there is none, and EACCES when it is another
 * user who listens there. */
int rootless_connect(const char *path, int *sock, pid_t *pid);
/* A box that runs has a parent that listens in its place below `run`: the number of one such, as
 * the kernel knows it. 0: there is none. */
pid_t rootless_living(const char *run);
/* Inside: asks it, and gets a descriptor, which is the caller's. -1 with `err` set. */
int rootless_ask(const char *what, int *fd);
/* Inside: this process goes to the network of the user's boxes, from which there is no way back to
 * the host's. Elsewhere nothing happens. */
int rootless_net(void);
/* Calls work(arg) in that network and returns what it returns, with its `err`; the caller stays
 * where he is, which whoever runs something in the host's network later has to. It is a thread that
 * goes over: what it starts must not be tied to it (struct run), and /proc/self/net is not
 * where it is: /proc/thread-self/net. Elsewhere work is called as it is. */
int rootless_in_net(int (*work)(void *arg), void *arg);
/* Inside: that network is about to be needed, so what leads it to the world may begin, while others
 * go on. That it fails is said to who needs it. */
void rootless_begin(void);
/* Inside: waits until that network leads to the world, which begins while others go on. */
int rootless_way(void);

#endif
