/* SPDX-License-Identifier: MIT */
#include "image/window.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_MIN ((size_t)4 * 1024)
#define STEP_MAX ((size_t)256 * 1024)

ssize_t
window_read(void *self, const void **data)
{
	struct window *w = self;
	ssize_t n;
	if (!w->buffer && !(w->buffer = malloc(STEP_MAX)))
		abort();
	w->step = w->step == 0 ? STEP_MIN : w->step < STEP_MAX ? 2 * w->step : STEP_MAX;
	size_t want = w->step;
	if ((int64_t)want > w->end - w->at)
		want = (size_t)(w->end - w->at);
	do
		n = pread(w->fd, w->buffer, want, w->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("pread", w->shown, "cannot read %s", w->shown);
	w->at += n;
	*data = w->buffer;
	return n;
}

bool
window_skip(void *self, int64_t n)
{
	struct window *w = self;
	if (n > w->end - w->at)
		return false;
	/* A short way is read through: the next header comes with it. */
	if (n > (int64_t)STEP_MIN)
		w->step = 0;
	w->at += n;
	return true;
}

void
window_free(struct window *w)
{
	free(w->buffer);
	w->buffer = NULL;
}
