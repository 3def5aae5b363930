/* SPDX-License-Identifier: MIT
 * What img-pull and img-push are told alike: who we are to the registry, whom to believe, how long
 * to wait, and what to show meanwhile.
 */
#ifndef TACKLE_TRANSFER_H
#define TACKLE_TRANSFER_H

#include "base/opt.h"
#include "image/creds.h"
#include "image/progress.h"
#include "image/registry.h"

struct transfer {
	int64_t jobs, creds_fd;
	bool quiet, json;
	struct creds creds;
};

#define TRANSFER_DEFAULTS \
	{ \
		.creds_fd = -1 \
	}
#define TRANSFER_REGISTRY_DEFAULTS \
	{ \
		.patience = INT64_C(15000000000), .retries = 3 \
	}

/* Rows of a table of options: who we are to a registry, whom to believe, how long to wait. fd is an
 * int64_t, -1 to begin with, r a struct registry_options. */
/* clang-format off */
#define REGISTRY_OPTIONS(fd, r) \
	{0, "creds-fd", "N", opt_int, &(fd), \
		"read USER:PASSWORD from this descriptor (default: what `docker login` keeps)", false}, \
	{0, "realm", "HOST", opt_str, &(r).realm, \
		"the registry's token server there may have the password", false}, \
	{0, "cacert", "FILE", opt_str, &(r).cacert, \
		"certificates (PEM) to trust besides the system's", false}, \
	{0, "insecure", NULL, opt_flag, &(r).insecure, \
		"take any certificate, and plain HTTP from other machines too", false}, \
	{0, "timeout", "TIME", opt_duration, &(r).patience, \
		"how long to wait for the registry to answer (15s)", false}
/* The same and more, for a struct transfer t. */
#define TRANSFER_OPTIONS(t, r) \
	REGISTRY_OPTIONS((t).creds_fd, r), \
	{0, "retries", "N", opt_int, &(r).retries, \
		"how often to try again what broke (3)", false}, \
	{'j', "jobs", "N", opt_int, &(t).jobs, \
		"layers at once (default: as many as processors, 2 to 4)", false}, \
	{'q', "quiet", NULL, opt_flag, &(t).quiet, "show no progress", false}, \
	{0, "json", NULL, opt_flag, &(t).json, \
		"print the progress as JSON lines, in Docker's words", false}
/* clang-format on */

/* Refuses values that make no sense (tool_usage). */
void transfer_check(const struct transfer *t, const struct registry_options *r);
/* Reads the password, if one is given, and begins to show progress; r points into t afterwards.
 * Ends the tool where there is no password to be read. progress_free() is the caller's, and
 * creds_free(&t->creds). */
struct progress *transfer_start(struct transfer *t, struct registry_options *r);

#endif
