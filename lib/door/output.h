/* SPDX-License-Identifier: MIT
 * The file that --output names.
 *
 * A file appears, or is replaced, when it is whole: written beside its place and renamed. What is
 * there and is no file (a device, a fifo, a terminal) keeps its place and is written into, as
 * tar(1) and cp(1) do: a rename would put a file where /dev/null was.
 */
#ifndef TACKLE_OUTPUT_H
#define TACKLE_OUTPUT_H

#include <sys/types.h>

struct output {
	int fd; /* to write to; -1 in a dry run */
	char *path; /* what is written: the temporary name, or the device */
	char *place; /* what it will be called; NULL where it is written into at once */
};
#define OUTPUT_INIT ((struct output){.fd = -1})

/* Opens it. What a symlink leads to is replaced, the symlink stays. A fifo is waited for until
 * somebody reads (fifo(7)). Returns 0, or -1 with `err` set; output_free() either way. */
int output_open(struct output *o, const char *file, mode_t mode);
/* All of it is written: gives a file its name, durably. Returns 0, or -1 with `err` set. */
int output_done(const struct output *o);
void output_free(struct output *o);

#define auto_output __attribute__((cleanup(output_free)))

#endif
