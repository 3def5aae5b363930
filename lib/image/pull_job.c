/* SPDX-License-Identifier: MIT */
#include "image/pull_job.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From the network to the thread: enough to keep both busy. */
#define FETCH_QUEUE ((size_t)128 * 1024)

static int
make_places(struct job *j, struct store *s)
{
	char path[PATH_MAX];
	auto_buf struct buf shell = BUF_INIT;
	if (j->need_blob) {
		store_tmp_blob(s, path);
		j->blob = str_new(path);
		if (sys_create("the layer as it comes in", path, 0644, &j->blob_fd) < 0)
			return -1;
	}
	if (!j->need_tree)
		return 0;
	store_tmp_layer(s, path);
	j->tree = str_new(path);
	if (sys_mkdir("the layer unpacked", path, 0755) < 0)
		return -1;
	buf_addf(&shell, "rm -rf %s", tell_sh(path));
	undo_push(undo_remove_tree, path, NULL, buf_str(&shell));
	j->tree_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return j->tree_fd < 0 ? err_sys("open", path, "cannot open %s", path) : 0;
}

static void *
work(void *self)
{
	struct job *j = self;
	j->result = intake_run(&j->in);
	if (j->result < 0)
		j->unpack_why = err;
	if (j->queue)
		queue_leave(j->queue);
	atomic_store(&j->over, true);
	fetcher_wake(j->fetcher);
	return NULL;
}

/* A piece from the network. */
static int
take(void *self, const void *data, size_t len)
{
	struct job *j = self;
	int r = queue_try_put(j->queue, data, len);
	j->left = r < 0;
	if (r < 0) /* the thread gave up, and knows why */
		return err_set(ERR_INTERNAL, j->what, "cannot take in %s", j->what);
	return r;
}

static int
open_source(struct job *j, struct store *s, struct registry *g)
{
	char path[PATH_MAX], tail[DIGEST_SIZE + 8];
	if (j->need_blob) {
		j->queue = queue_new(FETCH_QUEUE);
		queue_on_room(j->queue, fetcher_wake, j->fetcher);
		j->in.read = queue_get;
		j->in.self = j->queue;
		j->fetch = (struct fetch){
			.max = j->layer->blob.size, .write = take, .self = j, .resumes = true};
		j->fetching = true;
		snprintf(tail, sizeof(tail), "blobs/%s", j->layer->blob.digest);
		return registry_start(g, tail, &j->fetch);
	}
	if (store_blob_path(s, j->layer->blob.digest, path) < 0)
		return -1;
	const char *from = j->twin ? j->twin->blob : path;
	j->file = (struct stream_fd){.fd = open(from, O_RDONLY | O_CLOEXEC), .shown = j->what};
	j->in.read = stream_fd_read;
	j->in.self = &j->file;
	return j->file.fd < 0 ? err_sys("open", from, "cannot open %s", from) : 0;
}

static void
tell_job(struct job *j, struct registry *g)
{
	auto_buf struct buf url = BUF_INIT;
	char tail[DIGEST_SIZE + 8];
	snprintf(tail, sizeof(tail), "blobs/%s", j->layer->blob.digest);
	registry_url(g, tail, &url);
	step_call(&j->step, "%s %s%s%s", j->need_blob ? "GET" : "read",
		j->need_blob ? url.s : j->what, j->tree ? ", unpack in " : "",
		j->tree ? tell_c(j->tree) : "");
	if (j->blob)
		step_shell(&j->step, "curl -fsSL %s >%s\nsha256sum %s\n", tell_sh(url.s),
			tell_sh(j->blob), tell_sh(j->blob));
	if (j->tree)
		step_shell(&j->step, "bsdtar -x -p --numeric-owner -C %s -f %s", tell_sh(j->tree),
			tell_sh(j->blob ? j->blob : j->what));
}

int
job_start(struct job *j, struct store *s, struct registry *g)
{
	j->state = JOB_RUNS;
	j->from = g;
	j->fetcher = registry_fetcher(g);
	if (make_places(j, s) < 0)
		return -1;
	/* One step a layer: it is told, and can be made to fail, when all of it is done. */
	if (!step_open(&j->step, "layer", "one pass: fetch, hash, keep, inflate, hash, unpack")) {
		step_close(&j->step);
		return err_sys("layer", j->what, "cannot take in %s", j->what);
	}
	j->in.as_is = true;
	j->in.blob = j->blob_fd;
	j->in.blob_shown = j->blob;
	j->in.apply.dir = j->tree_fd;
	j->in.apply.shown = j->tree;
	j->in.apply.later = true;
	intake_rights(&j->in.apply);
	if (open_source(j, s, g) < 0)
		return -1;
	errno = pthread_create(&j->thread, NULL, work, j);
	if (errno)
		return err_sys("pthread_create", j->what, "cannot start a thread");
	j->threaded = true;
	return 0;
}

/* A foreign layer that the registry lacks is asked for where the manifest says. */
static bool
go_elsewhere(struct job *j)
{
	const struct descriptor *d = &j->layer->blob;
	if (j->elsewhere || !j->fetch.ok || j->fetch.status != 404 || !layer_is_foreign(d) ||
		!registry_allows_url(j->from, d->url))
		return false;
	j->elsewhere = true;
	fetch_free(j->fetcher, &j->fetch);
	return registry_start_at(j->from, d->url, 0, &j->fetch) == 0;
}

/* What a mirror lacks, or cannot give to its end, the registry itself has. */
static bool
go_to_origin(struct job *j)
{
	char tail[DIGEST_SIZE + 8];
	struct err why = err;
	struct registry *origin = j->left ? NULL : registry_origin(j->from);
	if (!origin) {
		err = why;
		return false;
	}
	fetch_free(j->fetcher, &j->fetch);
	j->from = origin;
	j->fetch.from = j->fetch.got;
	snprintf(tail, sizeof(tail), "blobs/%s", j->layer->blob.digest);
	return registry_start(origin, tail, &j->fetch) == 0;
}

/* The transfer's end is the thread's end of file, or its error. */
static void
step_fetch(struct job *j)
{
	if (!j->fetching)
		return;
	if (fetch_paused(&j->fetch))
		fetch_resume(&j->fetch);
	if (!j->fetch.done)
		return;
	int r = registry_check(j->from, j->what, &j->fetch);
	if (r > 0 && j->fetch.got != j->layer->blob.size)
		r = err_set(ERR_INVALID, j->what,
			"cannot fetch %s: it ends after %lld of %lld bytes", j->what,
			(long long)j->fetch.got, (long long)j->layer->blob.size);
	if (r == 0 || (r < 0 && (go_to_origin(j) || go_elsewhere(j))))
		return;
	j->fetching = false;
	if (r < 0) {
		j->cut = !j->left;
		j->why = err;
		queue_fail(j->queue);
	} else {
		queue_end(j->queue);
	}
}

/* Both digests, before anybody sees anything. */
static int
check(const struct job *j)
{
	const struct image_layer *l = j->layer;
	if (strcmp(j->in.digest, l->blob.digest) != 0) {
		err_set(ERR_INVALID, j->what, "cannot use %s: what came is %s", j->what,
			j->in.digest);
		return err_hint(j->need_blob
				? "the registry, or something on the way, sent other content"
				: "the copy in the store is damaged: remove it and pull again");
	}
	if (strcmp(j->in.diff_id, l->diff_id) != 0) {
		err_set(ERR_INVALID, j->what, "cannot use %s: unpacked it is %s, not %s", j->what,
			j->in.diff_id, l->diff_id);
		return err_hint("the image was not put together well: its config lists other "
				"layers than its manifest");
	}
	return 0;
}

static int
conclude(struct job *j)
{
	int r = j->result;
	if (j->cut) {
		err = j->why;
		r = -1;
	} else if (r < 0) {
		err = j->unpack_why;
		if (strcmp(err.object, j->what) != 0 && !strstr(err.message, j->layer->blob.digest))
			err_prefix("%s", j->what);
	} else {
		r = check(j);
	}
	struct err why = err;
	errno = err.no ? err.no : EBADMSG;
	step_result(&j->step, r);
	return r < 0 ? (err = why, -1) : 1;
}

int
job_step(struct job *j)
{
	step_fetch(j);
	if (!atomic_load(&j->over))
		return 0;
	pthread_join(j->thread, NULL);
	j->threaded = false;
	int r = conclude(j);
	struct err why = err;
	if (step_told(&j->step))
		tell_job(j, j->from);
	step_close(&j->step);
	j->state = JOB_DONE;
	err = why;
	return r;
}

void
job_stop(struct job *j)
{
	struct err why = err;
	if (j->threaded) {
		if (j->queue) {
			err_set(ERR_INTERNAL, j->what, "cannot take in %s", j->what);
			queue_fail(j->queue);
		}
		pthread_join(j->thread, NULL);
		j->threaded = false;
	}
	if (j->fetch.state)
		registry_end(j->from, &j->fetch);
	queue_free(j->queue);
	j->queue = NULL;
	stream_fd_free(&j->file);
	if (j->in.read == stream_fd_read && j->file.fd >= 0)
		close(j->file.fd);
	j->file.fd = -1;
	if (j->blob_fd >= 0)
		close(take_fd(&j->blob_fd));
	err = why;
}
