/* SPDX-License-Identifier: MIT */
#include "door/step.h"

#include "base/err.h"
#include "door/fault.h"
#include "door/tell.h"

#include <errno.h>

static bool dry;

void
step_set_dry(bool on)
{
	dry = on;
}

bool
step_dry(void)
{
	return dry;
}

bool
step_open(struct step *st, const char *name, const char *why)
{
	*st = (struct step){.why = why};
	return step_next(st, name);
}

bool
step_next(struct step *st, const char *name)
{
	st->name = name;
	st->no = fault_due(name);
	st->ret = st->no ? -1 : 0;
	return !st->no && !dry;
}

void
step_result(struct step *st, long ret)
{
	st->ret = ret;
	st->no = ret < 0 ? errno : 0;
}

bool
step_told(const struct step *st)
{
	(void)st;
	return tell_on();
}

void
step_call(struct step *st, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&st->call, fmt, ap);
	va_end(ap);
}

void
step_shell(struct step *st, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&st->shell, fmt, ap);
	va_end(ap);
}

long
step_close(struct step *st)
{
	if (tell_on()) {
		if (!dry || st->no)
			buf_addf(&st->call, " = %ld", st->ret);
		if (st->no)
			buf_addf(&st->call, " %s", err_name(st->no));
		tell_step(st->why, buf_str(&st->call), st->shell.s);
	}
	buf_free(&st->call);
	buf_free(&st->shell);
	if (st->ret < 0)
		errno = st->no;
	return st->ret;
}
