/* SPDX-License-Identifier: MIT
 * One blob on its way to a registry: shared by push.c, which orders them, and push_job.c, which
 * moves one.
 */
#ifndef TACKLE_PUSH_JOB_H
#define TACKLE_PUSH_JOB_H

#include "door/step.h"
#include "image/push.h"

#include <limits.h>
#include <stdbool.h>

struct push_job {
	struct descriptor blob;
	char what[96]; /* "layer sha256:…", for messages */
	char id[13]; /* the beginning of the layer's diff id, for the progress; "" for the config */
	char path[PATH_MAX];
	char *from; /* another repository of the registry that has it; NULL: none known */
	const struct push *how;

	enum push_state {
		PUSH_WAITS,
		PUSH_ASKS, /* HEAD: is it there? */
		PUSH_OPENS, /* POST: where to, or a mount */
		PUSH_SENDS, /* PUT of all, or PATCH of a piece */
		PUSH_ENDS, /* PUT without a body, after the last piece */
		PUSH_LOOKS, /* GET: how much of the pieces has arrived? */
		PUSH_DONE,
	} state;
	const char *result; /* "Pushed", "Layer already exists" … */
	int fd;
	bool checked; /* the file is what its digest says */
	struct fetch fetch;
	char range[80]; /* of the piece on its way, a header */
	const char *headers[3];
	struct buf place; /* where the upload goes on */
	int64_t chunk; /* bytes sent at once; 0: all */
	int64_t at; /* bytes that arrived */
	int64_t most; /* bytes that had arrived at any time; what begins anew has fewer */
	int64_t piece; /* bytes on their way */
	unsigned tries; /* of the upload, that failed since it last had more than ever */
	struct step step;
	bool stepping;
};

/* Begins. */
int push_job_start(struct push_job *j, struct registry *g);
/* Moves it on; called in a loop. 1: done and told. 0: not yet. -1 with `err` set. */
int push_job_step(struct push_job *j, struct registry *g);
/* Ends what runs, and frees. */
void push_job_stop(struct push_job *j, struct registry *g);

#endif
