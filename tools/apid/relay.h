/* SPDX-License-Identifier: MIT
 * Bytes between a client and a program, both ways at once, until the program's end.
 */
#ifndef APID_RELAY_H
#define APID_RELAY_H

#include "box/attach.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define RELAY_HEAD 8

struct relay {
	int client; /* -1: nobody, what the program writes is lost */
	bool raw; /* without frames: the program has a terminal */
	bool input; /* the client's bytes are for the program; otherwise they are lost */
	bool shown[3]; /* which streams the client wants: [1] output, [2] errors */
	int out[2]; /* what is read from: pipes or a terminal, or a channel to box-mon; -1: none */
	int in; /* what is written to; a pipe is closed with the input's end */
	bool borrowed; /* `in` is a terminal, or such a channel: it stays open */
	bool packets; /* out[0] is such a channel */
	int end; /* readable once the program has ended; -1: the ends of out tell it */
	int status; /* the channel said so; -1 */
	struct attach_keys keys; /* with which the client leaves */
	/* ---- its own ---- */
	char to_client[RELAY_HEAD + BOX_OUTPUT + 1];
	size_t n_client, at_client;
	char to_program[BOX_INPUT + 1];
	size_t n_program, at_program;
	bool client_done, detached, ended;
};

enum relay_end { RELAY_ENDED, RELAY_GONE, RELAY_DETACHED };
/* Passes on first what came with the request. Returns when the program has ended and all output is
 * with the client, or the client is gone, or has typed the keys that lead out. */
enum relay_end relay_run(struct relay *r, const char *first, size_t n);
/* No more output. Takes what the client still sends: closing the socket on it would reset the
 * connection, and the client might lose what it has not read. */
void relay_finish(int client);

#endif
