/* SPDX-License-Identifier: MIT
 * Being attached to a box: a channel of packets to box-mon, and what passes between it and our
 * terminal, or pipes. What the packets are stands in tools/box-mon/clients.c.
 */
#ifndef TACKLE_BOX_ATTACH_H
#define TACKLE_BOX_ATTACH_H

#include "base/buf.h"
#include "box/box.h"

#include <stdbool.h>

/* A channel to a running box: 1 and *sock, which the caller closes; 0 when nobody listens; -1 with
 * `err` set. */
int attach_connect(const struct box *b, int *sock);
/* Waits for the box to start: its box-mon calls. To be made before it is looked whether it runs. */
/* Where those listen who wait for a box to start: beside its own sockets, which go with its end, in
 * a directory with this behind the name of box_run_dir(). */
#define BOX_WAIT_DIR ".wait"
/* What a packet holds behind its first byte, at most. */
#define BOX_OUTPUT 32768
#define BOX_INPUT 16384
int attach_wait_dir(const struct box *b, char dir[PATH_MAX]);

struct attach_wait {
	int listener;
	char path[PATH_MAX], box[PATH_MAX];
};
int attach_wait_begin(const struct box *b, struct attach_wait *w);
/* Takes the call. *sock is the caller's. 0, or -1 with `err` set: not-found when the box goes. */
int attach_wait_take(struct attach_wait *w, int *sock);
void attach_wait_end(struct attach_wait *w);

struct attach {
	int sock;
	bool input; /* hand our input on */
	bool output; /* show the box's */
	bool signals; /* hand signals on */
	bool tty; /* the box has a terminal: ours becomes raw, and its size is handed on */
	const char *keys; /* leave the box: "ctrl-p,ctrl-q"; NULL: these; "": none */
};
enum { ATTACH_DETACHED = -2 };
/* Until the box ends: its exit status; ATTACH_DETACHED when the keys were typed; 255 when box-mon
 * was killed and nobody knows; -1 with `err` set. */
int attach_relay(const struct box *b, const struct attach *a);
/* How large the terminal on our standard input is, if it is one. */
void attach_own_size(int sock);
/* Makes the terminal of a running box that large, by the time it returns; a box without one takes
 * no notice. */
struct winsize;
int attach_resize(const struct box *b, const struct winsize *size);

/* Keys that lead out of a terminal, and how many of them were typed so far: these are held back. */
#define ATTACH_KEYS_MAX 16
#define ATTACH_KEYS_USUAL "ctrl-p,ctrl-q"
struct attach_keys {
	char key[ATTACH_KEYS_MAX];
	size_t n, typed;
};
/* Reads "ctrl-p,ctrl-q"; "" is none. Returns 0, or -1 with `err` set. */
int attach_keys_read(const char *text, struct attach_keys *keys);
/* Appends what was typed without them: at most ATTACH_KEYS_MAX bytes more than n. Returns false
 * when they are complete; what was typed behind them is lost. */
bool attach_keys_sift(struct attach_keys *keys, const char *in, size_t n, struct buf *out);

#endif
