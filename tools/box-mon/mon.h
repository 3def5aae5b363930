/* SPDX-License-Identifier: MIT
 * Between the files of box-mon.
 */
#ifndef BOX_MON_H
#define BOX_MON_H

#include "box/attach.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the log (log.c) ---- */

struct log_options {
	const char *path; /* NULL: none is kept */
	int64_t size; /* it is set aside when it would grow beyond that; 0: never */
	int64_t files; /* how many there are then, the current one among them */
};
/* Opens it. 0, or -1 with `err` set. */
int log_open(const struct log_options *l);
/* Adds bytes of stream 0 (standard output) or 1: whole lines are written, the rest waits. */
void log_bytes(unsigned stream, const char *p, size_t n);
/* Writes what waits. */
void log_end(void);

/* ---- who is attached (clients.c) ---- */

#define CLIENTS_MAX 16
/* Input for the program, and the size of its terminal, as they come from the clients. */
struct input {
	char data[BOX_INPUT];
	size_t n, at; /* waiting: data[at..n) */
	bool once; /* it ends with the first client that gives input */
	bool ended;
	int terminal; /* to be resized; -1: none */
};
/* Takes a client that is there already, or -1. */
void client_add(int fd, bool input);
/* Listens at a path in the box's own directory, and calls those who wait there for it to start.
 * 0, or -1 with `err` set. */
int clients_listen(const char *path);
/* Takes what those who are attached have said already: how large their terminal is. */
void clients_first(struct input *in);
/* Appends what to poll for; *n counts. Input is asked for only when `in` has room. */
void clients_poll(struct pollfd *p, nfds_t *n, const struct input *in);
/* Serves those of them that are ready. */
void clients_serve(const struct pollfd *p, nfds_t n, struct input *in);
/* Sends a packet to all that want output: 'o', 'e' or 'x'. For those who have not taken what came
 * before it is kept. */
void clients_send(char type, const char *p, size_t n);
/* Whether one has not taken all yet: until then the program is not read from. */
bool clients_stalled(void);
/* Nobody new, and all get what they have coming, if it takes a while in a child of ours. */
void clients_end(void);

#endif
