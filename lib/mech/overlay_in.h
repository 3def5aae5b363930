/* SPDX-License-Identifier: MIT
 * Between the files overlay*.c.
 */
#ifndef TACKLE_OVERLAY_IN_H
#define TACKLE_OVERLAY_IN_H

#include "mech/overlay.h"

/* Whether each layer is there, is a directory, and may be read. 0, or -1 with `err` set. */
int overlay_check_layers(const struct overlay *o);
/* Resolved names of the layers, bottom first; NULL with `err` set. */
char **overlay_names(const struct overlay *o);
void overlay_free_names(char **names, size_t n);

/* Why the kernel may have refused the overlay: it says EINVAL to a dozen mistakes, and the rest to
 * its log, which ordinary users cannot read. Looks at `err` and at the directories, and fills
 * err.hint when the cause is found. */
void overlay_hint(const struct overlay *o);

/* Mounts m, by `mount`, with the ids that o asks for (overlay_shift.c). 0, or -1 with `err` set. */
struct sys_overlay;
int overlay_shifted(
	const struct overlay *o, struct sys_overlay *m, int (*mount)(const struct sys_overlay *m));

#endif
