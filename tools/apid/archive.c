/* SPDX-License-Identifier: MIT
 * Files of a container as a tar, out of it and into it: /containers/ID/archive. box-cp does it, and
 * keeps inside.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/base64.h"
#include "base/err.h"
#include "box/box.h"
#include "job.h"

#include <stdlib.h>
#include <string.h>

/* ID:PATH, as box-cp takes it. */
static char *
place_in(const struct request *r, const char *path)
{
	struct box b;
	if (box_find(r->part[0], &b) < 0)
		return NULL;
	if (!path || !*path) {
		err_set(ERR_INVALID, NULL, "bad parameter: path cannot be empty");
		return NULL;
	}
	return fmt_new("%s:%s%s", b.id, *path == '/' ? "" : "/", path);
}

static char *
place_of(const struct request *r)
{
	return place_in(r, request_query(r, "path"));
}

static void
in_words_of_client(const struct request *r)
{
	if (err.class == ERR_NOT_FOUND && err.object[0])
		err_set(ERR_NOT_FOUND, err.object, "Could not find the file %s in container %s",
			request_query(r, "path"), r->part[0]);
}

static int
add_stat(struct request *r, const char *place)
{
	struct strlist l = {0};
	auto_buf struct buf text = BUF_INIT, packed = BUF_INIT;
	word(&l, "box-cp");
	word(&l, "--stat");
	word(&l, "--");
	word(&l, place);
	if (job_run("what it is", &l, NULL, &text) < 0) {
		in_words_of_client(r);
		return -1;
	}
	base64_encode(text.s, text.len, &packed);
	reply_header(r, "X-Docker-Container-Path-Stat", packed.s);
	return 0;
}

int
archive_stat(struct request *r)
{
	auto_free char *place = place_of(r);
	return !place || add_stat(r, place) < 0 ? -1 : reply_empty(r, 200);
}

static int
give(struct request *r, const char *place)
{
	struct strlist l = {0};
	word(&l, "box-cp");
	word(&l, "--");
	word(&l, place);
	word(&l, "-");
	struct job *j = job_start("files of the container", &l, false, 0);
	return j ? job_stream(r, j, "application/x-tar") : -1;
}

int
archive_get(struct request *r)
{
	auto_free char *place = place_of(r);
	return !place || add_stat(r, place) < 0 ? -1 : give(r, place);
}

/* docker cp of Docker 1.7 and before. */
int
archive_copy(struct request *r)
{
	auto_json json_t *doc = body_json(r, false);
	auto_free char *place = doc ? place_in(r, body_text(doc, "Resource")) : NULL;
	return place ? give(r, place) : -1;
}

int
archive_begin_put(struct request *r)
{
	struct strlist l = {0};
	auto_free char *place = place_of(r);
	if (!place)
		return -1;
	word(&l, "box-cp");
	if (request_flag(r, "noOverwriteDirNonDir", false))
		word(&l, "--no-overwrite-dir-non-dir");
	word(&l, "--");
	word(&l, "-");
	word(&l, place);
	r->job = job_start("files for the container", &l, true, 0);
	return r->job ? 0 : -1;
}

int
archive_put(struct request *r)
{
	char lost[4096];
	job_fed(r->job);
	while (job_read(r->job, NULL, lost, sizeof(lost)) > 0)
		;
	if (job_result(r->job) == 0)
		return reply_empty(r, 200);
	in_words_of_client(r);
	return -1;
}
