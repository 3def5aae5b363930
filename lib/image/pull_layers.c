/* SPDX-License-Identifier: MIT
 * The layers of an image, several side by side: which are missing, in what order they go, and what
 * is done when all are there.
 */
#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "image/pull.h"
#include "image/pull_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long the loop sleeps when nothing wakes it. */
#define TICK_MS 100

struct batch {
	struct store *s;
	struct registry *g;
	const struct pull *how;
	struct job *jobs; /* one a layer, bottom first */
	size_t n;
	unsigned running, most;
};

/* What is missing of each layer. */
static void
look(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct job *j = &b->jobs[i];
		const struct descriptor *d = &j->layer->blob;
		j->need_blob = !store_has_blob(b->s, d->digest, d->size);
		j->need_tree = !store_has_layer(b->s, j->layer->chain);
		j->twin = NULL;
		for (size_t k = 0; k < i && j->need_blob && !j->twin; k++)
			if (strcmp(b->jobs[k].layer->blob.digest, d->digest) == 0)
				j->twin = &b->jobs[k];
		if (j->twin)
			j->need_blob = false;
		j->state = j->need_blob || j->need_tree ? JOB_WAITS : JOB_DONE;
	}
}

static int
by_digest(const void *x, const void *y)
{
	const struct job *const *a = x, *const *b = y;
	return strcmp((*a)->layer->blob.digest, (*b)->layer->blob.digest);
}

/* Locks what is missing, in the order of the digests, so that two pulls never wait for each other;
 * whoever comes second finds it there afterwards. */
static int
lock_missing(struct batch *b, int *lock)
{
	struct job **sorted = calloc(b->n + 1, sizeof(struct job *));
	size_t n = 0;
	int r = 0;
	if (!sorted)
		abort();
	for (size_t i = 0; i < b->n; i++)
		if (b->jobs[i].state == JOB_WAITS)
			sorted[n++] = &b->jobs[i];
	qsort(sorted, n, sizeof(struct job *), by_digest);
	for (size_t i = 0; i < n && r == 0; i++)
		r = store_lock_blob(b->s, sorted[i]->layer->blob.digest, lock);
	free(sorted);
	if (n > 0)
		look(b);
	return r;
}

/* A layer may begin when the one that fetches for it, if any, is done. */
static struct job *
next_job(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct job *j = &b->jobs[i];
		if (j->state == JOB_WAITS && (!j->twin || j->twin->state == JOB_DONE))
			return j;
	}
	return NULL;
}

static void
show(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct job *j = &b->jobs[i];
		if (j->state == JOB_RUNS && j->fetching)
			progress_bytes(b->how->progress, j->id, "Downloading", j->fetch.got,
				j->layer->blob.size);
	}
	progress_draw(b->how->progress);
}

/* Starts what may start, and moves on what runs. 1 when all is done. */
static int
turn(struct batch *b)
{
	struct job *j;
	bool moved = false;
	while (b->running < b->most && (j = next_job(b))) {
		b->running++;
		if (job_start(j, b->s, b->g) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->n; i++) {
		j = &b->jobs[i];
		int r = j->state == JOB_RUNS ? job_step(j) : 0;
		if (r < 0)
			return -1;
		if (r > 0) {
			progress_say(b->how->progress, j->id, false, "%s",
				j->need_blob ? "Download complete" : "Extracted");
			job_stop(j);
			b->running--;
			moved = true;
		}
	}
	show(b);
	if (moved)
		return b->running == 0 && !next_job(b);
	return fetcher_poll(registry_fetcher(b->g), TICK_MS);
}

static int
run(struct batch *b)
{
	int r = next_job(b) ? 0 : 1;
	for (size_t i = 0; i < b->n; i++) {
		bool here = b->jobs[i].state == JOB_DONE;
		progress_say(b->how->progress, b->jobs[i].id, here, "%s",
			here ? "Already exists" : "Pulling fs layer");
	}
	while (r == 0)
		r = turn(b);
	return r < 0 ? -1 : 0;
}

/* What depends on the layers below: attributes of directories that a layer's tar does not list,
 * hard links to lower files. Bottom first, so that each finds those below it complete. */
static int
complete(struct batch *b, int *dirs)
{
	char path[PATH_MAX];
	for (size_t i = 0; i < b->n; i++) {
		struct job *j = &b->jobs[i];
		if (store_layer_path(b->s, j->layer->chain, path) < 0)
			return -1;
		const char *at = j->need_tree ? j->tree : path;
		dirs[i] = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dirs[i] < 0)
			return err_sys("open", at, "cannot open %s", at);
		if (!j->need_tree)
			continue;
		j->in.apply.dir = j->tree_fd;
		j->in.apply.lower = dirs;
		j->in.apply.n_lower = i;
		if (layer_complete(&j->in.apply, &j->in.result) < 0)
			return err_prefix("%s", j->what);
	}
	return 0;
}

static int
complete_all(struct batch *b)
{
	struct step st;
	int *dirs = calloc(b->n + 1, sizeof(int)), r = 0;
	if (!dirs)
		abort();
	for (size_t i = 0; i < b->n; i++)
		dirs[i] = -1;
	if (step_open(
		    &st, "complete", "in order, bottom first: what depends on the layers below")) {
		r = complete(b, dirs);
		errno = err.no ? err.no : EINVAL;
		step_result(&st, r);
	}
	if (step_told(&st))
		step_call(&st, "attributes of directories without an entry, links to lower files");
	long told = step_close(&st);
	for (size_t i = 0; i < b->n; i++)
		if (dirs[i] >= 0)
			close(dirs[i]);
	free(dirs);
	if (told < 0 && r == 0)
		return err_sys("complete", "the layers", "cannot complete the layers");
	return r;
}

/* All blobs, then all trees, bottom first: a chain is never visible without what it stands on. */
static int
publish(struct batch *b)
{
	bool trees = false;
	for (size_t i = 0; i < b->n; i++) {
		const struct job *j = &b->jobs[i];
		trees = trees || j->need_tree;
		if (j->need_blob && store_publish_blob(b->s, j->blob, j->layer->blob.digest) < 0)
			return -1;
	}
	if (trees && (complete_all(b) < 0 || store_settle(b->s) < 0))
		return -1;
	for (size_t i = 0; i < b->n; i++) {
		const struct job *j = &b->jobs[i];
		const struct layer_record record = {
			j->layer->diff_id, j->in.result.bytes, j->in.result.entries};
		if (j->need_tree &&
			store_publish_layer(b->s, j->tree, j->layer->chain, &record) < 0)
			return -1;
		if (j->need_blob || j->need_tree)
			progress_say(b->how->progress, j->id, true, "Pull complete");
	}
	return 0;
}

static void
free_jobs(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct job *j = &b->jobs[i];
		job_stop(j);
		if (j->tree_fd >= 0)
			close(j->tree_fd);
		layer_result_free(&j->in.result);
		free(j->blob);
		free(j->tree);
	}
	free(b->jobs);
}

int
pull_layers(struct store *s, struct registry *g, const struct image *img, const struct pull *how,
	struct pulled *out)
{
	struct batch b = {.s = s,
		.g = g,
		.how = how,
		.n = img->n,
		.most = registry_side_by_side(how->side_by_side)};
	auto_fd int lock = -1;
	b.jobs = calloc(img->n + 1, sizeof(*b.jobs));
	if (!b.jobs)
		abort();
	for (size_t i = 0; i < img->n; i++) {
		struct job *j = &b.jobs[i];
		j->layer = &img->layers[i];
		j->blob_fd = j->tree_fd = j->file.fd = -1;
		snprintf(j->what, sizeof(j->what), "layer %s", j->layer->blob.digest);
		snprintf(j->id, sizeof(j->id), "%.12s", digest_hex(j->layer->blob.digest));
	}
	look(&b);
	int r = lock_missing(&b, &lock);
	if (r == 0)
		r = run(&b);
	for (size_t i = 0; i < b.n; i++) {
		const struct job *j = &b.jobs[i];
		if (j->in.result.warning[0] && !out->warning[0])
			snprintf(out->warning, sizeof(out->warning), "layer %.19s: %.480s",
				j->layer->blob.digest, j->in.result.warning);
	}
	if (r == 0)
		r = publish(&b);
	free_jobs(&b);
	return r;
}
