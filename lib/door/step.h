/* SPDX-License-Identifier: MIT
 * One step through the door to the kernel. The files of lib/door wrap each call that changes the
 * system in this frame, and so does the one file of each library that makes such calls itself
 * (libnl, libnftables, libarchive); nothing else calls the kernel to change anything (make lint).
 *
 *	struct step st;
 *	if (step_open(&st, "mkdir", why))
 *		step_result(&st, mkdir(path, mode));
 *	if (step_told(&st)) {
 *		step_call(&st, "mkdir(%s, %03o)", tell_c(path), mode);
 *		step_shell(&st, "mkdir -m %03o %s", mode, tell_sh(path));
 *	}
 *	if (step_close(&st) < 0)
 *		return err_sys("mkdir", path, "cannot make directory %s", path);
 */
#ifndef TACKLE_STEP_H
#define TACKLE_STEP_H

#include "base/buf.h"

#include <stdbool.h>

struct step {
	const char *name; /* of the call, as TACKLEBOX_FAIL and hints know it */
	const char *why;
	long ret;
	int no; /* errno when ret < 0 */
	struct buf call;
	struct buf shell;
};

/* Sets the run up, once, before the first step. */
void step_set_dry(bool on);
/* Whether this is a dry run: steps are told and not done, and each counts as done. */
bool step_dry(void);

/* Begins a step. True: make the call and hand its result to step_result(). False: a dry run (the
 * result is 0) or an injected fault (the result is -1). */
bool step_open(struct step *st, const char *name, const char *why);
/* The next call of a step that is made of several, counted under a name of its own. As step_open():
 * true says make it. Where it says false, st->ret tells whether to go on. */
bool step_next(struct step *st, const char *name);
/* The call's result; reads errno when it is negative. */
void step_result(struct step *st, long ret);
/* Whether the step will be told: only then its texts need to be made. */
bool step_told(const struct step *st);
/* The call as C-like text, without its result, which is added. */
void step_call(struct step *st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The equivalent command; left out where none exists on a line of its own. */
void step_shell(struct step *st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Tells the step and gives back its result, with errno restored when negative. */
long step_close(struct step *st);

#endif
