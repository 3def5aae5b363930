/* SPDX-License-Identifier: MIT
 * Between the files of sources*.c.
 */
#ifndef BUILD_SOURCES_IN_H
#define BUILD_SOURCES_IN_H

#include "build.h"

/* Whether a path does not belong to what is copied. `rel` is what --exclude goes by: the path below
 * the directory that was named. */
bool gather_left_out(const struct gather *g, const char *path, const char *rel);
/* Whether something below a directory may belong to it, though that does not. */
bool gather_may_look_below(const struct gather *g, const char *dir, const char *rel);
/* The names in a directory, sorted; they and the list are the caller's. -1 with errno set. */
int read_names(int root, const char *path, char ***names, size_t *n);
/* "DIR/NAME"; either may be empty. New string. */
char *joined(const char *dir, const char *name);

#endif
