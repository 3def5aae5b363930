/* SPDX-License-Identifier: MIT */
#include "door/output.h"

#include "base/buf.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_there(struct output *o, const char *file)
{
	struct step st;
	o->path = str_new(file);
	if (step_open(&st, "open", "it is there and no file: written into, not replaced")) {
		o->fd = open(file, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		step_result(&st, o->fd < 0 ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "open(%s, O_WRONLY)", tell_c(file));
		step_shell(&st, ": >>%s", tell_sh(file));
	}
	return step_close(&st) < 0 ? err_sys("open", file, "cannot open %s", file) : 0;
}

int
output_open(struct output *o, const char *file, mode_t mode)
{
	char real[PATH_MAX];
	struct stat sb;
	*o = OUTPUT_INIT;
	if (stat(file, &sb) == 0) {
		if (!S_ISREG(sb.st_mode))
			return open_there(o, file);
		if (!realpath(file, real))
			return err_sys("realpath", file, "cannot find %s", file);
		file = real;
	}
	o->path = fmt_new("%s.tmp.%d", file, getpid());
	o->place = fmt_new(strchr(file, '/') ? "%s" : "./%s", file);
	return sys_create("under another name until it is whole", o->path, mode, &o->fd);
}

int
output_done(const struct output *o)
{
	return o->place ? sys_publish("it is whole", o->path, o->place) : 0;
}

void
output_free(struct output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	free(o->path);
	free(o->place);
	*o = OUTPUT_INIT;
}
