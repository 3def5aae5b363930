/* SPDX-License-Identifier: MIT
 * Writing an image's config: what a container of it runs, and how the image came to be (OCI
 * image-spec, config.md).
 */
#ifndef TACKLE_CONFIG_H
#define TACKLE_CONFIG_H

#include "base/json.h"
#include "base/opt.h"
#include "image/platform.h"

#include <time.h>

/* The settings of a config that a Dockerfile has words for. NULL and empty: not set. */
struct config_changes {
	const char *cmd, *entrypoint; /* ["a","b"], or a line for /bin/sh -c */
	const char *user, *workdir, *stop_signal;
	struct strlist env, label; /* NAME=VALUE; a later one of the same name counts */
	struct strlist expose, volume; /* "80/tcp" ("80" is the same), "/data" */
};

/* Makes these changes to the "config" object of an image's config document. Returns 0, or -1 with
 * `err` set (invalid) naming the option. */
int config_change(json_t *doc, const struct config_changes *c);
/* A new config document of one layer, with one entry of history (buildah and podman refuse
 * images whose history does not account for each layer). New reference. */
json_t *config_new(
	const struct platform *p, time_t created, const char *diff_id, const char *comment);
/* Now, or the time that SOURCE_DATE_EPOCH sets, so that the same input makes the same image
 * (reproducible-builds.org, "SOURCE_DATE_EPOCH"). */
time_t config_now(void);

#endif
