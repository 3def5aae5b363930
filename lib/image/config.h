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
/* Makes changes in the words of a Dockerfile, in order: CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL
 * ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR, one a string, as `docker commit --change` takes
 * them. $NAME and ${NAME} are replaced by variables of the config (those of ENV), except in CMD,
 * ENTRYPOINT, HEALTHCHECK, ONBUILD and SHELL. ENTRYPOINT forgets a CMD that was not set here.
 * Returns 0, or -1 with `err` set (invalid) naming the change. */
int config_words(json_t *doc, const struct strlist *changes);

/* Adds a step to the history: what made the layer whose diff id is given, which is added to the
 * list of them; NULL: no layer. `created` is set as the image's time. Texts may be NULL. Returns 0,
 * or -1 with `err` set (invalid) for a text that is not UTF-8. */
struct config_step {
	time_t created;
	const char *created_by, *author, *comment;
	const char *diff_id;
};
int config_add_step(json_t *doc, const struct config_step *step);

/* A new config document of one layer, with one entry of history (buildah and podman refuse
 * images whose history does not account for each layer). New reference. */
json_t *config_new(
	const struct platform *p, time_t created, const char *diff_id, const char *comment);
/* Now, or the time that SOURCE_DATE_EPOCH sets, so that the same input makes the same image
 * (reproducible-builds.org, "SOURCE_DATE_EPOCH"). */
time_t config_now(void);

#endif
