/* SPDX-License-Identifier: MIT
 * One layer on its way into the store: shared by pull_layers.c, which orders them, and pull_job.c,
 * which moves one.
 */
#ifndef TACKLE_PULL_JOB_H
#define TACKLE_PULL_JOB_H

#include "base/queue.h"
#include "door/step.h"
#include "image/intake.h"
#include "image/pull.h"
#include "image/stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct job {
	const struct image_layer *layer;
	bool need_blob, need_tree;
	/* An earlier layer of the image with the same blob, which fetches it for both; NULL. */
	struct job *twin;
	enum { JOB_WAITS, JOB_RUNS, JOB_DONE } state;

	char *blob, *tree; /* temporary names; NULL where none is needed */
	int blob_fd, tree_fd;
	char what[96]; /* "layer sha256:…", for messages */
	char id[13]; /* the beginning of its digest, for the progress */
	struct intake in;
	struct step step;

	struct registry *from; /* whom it is asked of */
	struct fetcher *fetcher; /* to be woken when there is something to do */
	struct fetch fetch; /* when it comes from the registry */
	struct queue *queue; /* from the fetch to the thread */
	bool fetching;
	bool elsewhere; /* not the registry has it, but the URL of a foreign layer */
	bool left; /* the thread wants no more */
	bool cut; /* the transfer failed, and that is what matters: */
	struct err why;
	struct stream_fd file; /* when it comes from a blob that is here */

	pthread_t thread;
	bool threaded;
	_Atomic bool over; /* the thread is */
	int result;
	struct err unpack_why; /* when result is -1 */
};

/* Makes the places, and begins the transfer or opens the blob, and the thread. */
int job_start(struct job *j, struct store *s, struct registry *g);
/* Moves it on; called in a loop. 1: done, checked and told. 0: not yet. -1 with `err` set. */
int job_step(struct job *j);
/* Ends what runs, whatever its state, and frees all but the results. */
void job_stop(struct job *j);

#endif
