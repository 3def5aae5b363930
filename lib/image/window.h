/* SPDX-License-Identifier: MIT
 * A part of a file as a stream that can be sought in: what is passed over is not read.
 */
#ifndef TACKLE_WINDOW_H
#define TACKLE_WINDOW_H

#include "image/stream.h"
#include "image/tar_read.h"

/* Fill in the first four. The file's own position is not used, so several windows, in several
 * threads, may look at one file. */
struct window {
	int fd;
	const char *shown; /* its name in messages */
	int64_t at, end; /* where in the file */
	/* The next read is short after a jump, as a header is, and twice as long each time that the
	 * bytes behind are wanted too. */
	size_t step;
	void *buffer;
};
stream_read_fn window_read;
tar_skip_fn window_skip;
void window_free(struct window *w);

#endif
