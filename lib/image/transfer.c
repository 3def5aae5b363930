/* SPDX-License-Identifier: MIT */
#include "image/transfer.h"

#include "door/step.h"
#include "door/tell.h"
#include "door/tool.h"

void
transfer_check(const struct transfer *t, const struct registry_options *r)
{
	if (t->jobs > 64)
		tool_usage("--jobs: 64 are enough");
	if (r->patience <= 0)
		tool_usage("--timeout: there is no such time");
	if (r->retries > 100)
		tool_usage("--retries: 100 are enough");
}

struct progress *
transfer_start(struct transfer *t, struct registry_options *r)
{
	struct progress *p;
	if (t->creds_fd >= 0) {
		if (creds_read_fd((int)t->creds_fd, &t->creds) < 0)
			tool_die();
		r->creds = &t->creds;
	}
	/* Steps that are told are progress enough; and a dry run's stdout is a script. */
	p = progress_new(t->quiet || tell_on(), t->json && !step_dry());
	r->retrying = progress_retry;
	r->self = p;
	return p;
}
