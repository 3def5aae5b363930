/* SPDX-License-Identifier: MIT */
#include "door/fault.h"

#include "base/err.h"
#include "base/parse.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#define MAX_FAULTS 8
#define FAULT_KILL INT_MAX /* no errno: the process ends there */
static struct fault {
	char call[32];
	int no;
	int64_t nth;
	int64_t seen;
} faults[MAX_FAULTS];
static unsigned n_faults;

/* One "call:ENAME@N" of length len. */
static int
parse_one(const char *s, size_t len, struct fault *f)
{
	char text[64], *at, *colon;
	*f = (struct fault){.nth = 1};
	if (len >= sizeof(text))
		goto bad;
	memcpy(text, s, len);
	text[len] = '\0';
	at = strchr(text, '@');
	if (at) {
		*at = '\0';
		if (parse_int(at + 1, 1, INT64_MAX, &f->nth) < 0)
			return -1;
	}
	colon = strchr(text, ':');
	if (!colon || colon == text || (size_t)(colon - text) >= sizeof(f->call))
		goto bad;
	memcpy(f->call, text, (size_t)(colon - text));
	f->no = strcmp(colon + 1, "KILL") == 0 ? FAULT_KILL : err_number(colon + 1);
	if (f->no < 0)
		goto bad;
	return 0;
bad:
	return err_set(ERR_INVALID, "TACKLEBOX_FAIL",
		"TACKLEBOX_FAIL is not a list of CALL:ENAME[@N], such as mount:EINVAL@2");
}

int
fault_parse(const char *list)
{
	n_faults = 0;
	while (list && *list) {
		size_t len = strcspn(list, ",");
		if (n_faults == MAX_FAULTS)
			return err_set(ERR_INVALID, "TACKLEBOX_FAIL",
				"TACKLEBOX_FAIL names more than %d faults", MAX_FAULTS);
		if (parse_one(list, len, &faults[n_faults]) < 0)
			return -1;
		n_faults++;
		list += len;
		/* A comma wants another behind it, which parse_one() misses if there is none. */
		if (*list == ',' && *++list == '\0')
			return parse_one(list, 0, &faults[0]);
	}
	return 0;
}

int
fault_due(const char *call)
{
	int no = 0;
	for (unsigned i = 0; i < n_faults; i++) {
		struct fault *f = &faults[i];
		if (strcmp(f->call, call) != 0 && strcmp(f->call, "step") != 0)
			continue;
		if (++f->seen == f->nth && !no)
			no = f->no;
	}
	/* Before the call is made, and as a power cut does it: nothing of ours is undone. */
	if (no == FAULT_KILL)
		raise(SIGKILL);
	return no;
}
