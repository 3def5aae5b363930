/* SPDX-License-Identifier: MIT
 * What is changed about containers: each request is a command line of box-*.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "box/box.h"
#include "box/wait.h"
#include "image/image.h"
#include "job.h"

#include <stdlib.h>
#include <string.h>

/* "box-stop --", so that what a client calls a container is never taken for an option. */
static void
words_of(struct strlist *l, const char *tool, const struct request *r)
{
	word(l, tool);
	word(l, "--");
	word(l, r->part[0]);
}

/* ---- create ---- */

/* 404 means to the client that the image is to be pulled: nothing else may be answered so. */
static int
has_image(const char *name)
{
	auto_store struct store *s = store_open();
	auto_image struct image img = {0};
	return s && hold(s) == 0 ? image_find(s, name, &img) : -1;
}

static int
check_create(struct request *r)
{
	auto_json json_t *doc = body_json(r, false);
	if (!doc)
		return -1;
	const char *image = body_text(doc, "Image");
	if (!*image)
		return err_set(
			ERR_INVALID, NULL, "Config cannot be empty in order to create a container");
	if (has_image(image) == 0)
		return 0;
	return no_such_image(image);
}

int
containers_create(struct request *r)
{
	struct strlist l = {0};
	auto_buf struct buf id = BUF_INIT;
	const char *name = request_query(r, "name");
	if (check_create(r) < 0)
		return -1;
	word(&l, "box-create");
	word(&l, "--json=-");
	if (settings.strict)
		word(&l, "--strict");
	if (name && *name)
		wordf(&l, "--name=%s", *name == '/' ? name + 1 : name);
	if (job_run("a container", &l, &r->body, &id) < 0)
		return reply_error(r, err.class == ERR_NOT_FOUND ? 400 : 0);
	return reply_json(r, 201, json_pack("{s:s,s:[]}", "Id", buf_str(&id), "Warnings"));
}

/* ---- start and end ---- */

/* 1: it runs, 0: it does not; -1 with `err` set. */
static int
runs(const struct request *r, struct box *b)
{
	struct box_state st;
	if (box_find(r->part[0], b) < 0)
		return -1;
	box_state(b, &st);
	return st.status == BOX_RUNNING || st.status == BOX_PAUSED || st.status == BOX_RESTARTING;
}

/* What `docker run` makes its exit status of is the text: these are the words it looks for. */
static void
word_failure(void)
{
	struct err why = err;
	if (why.status == EXIT_COMMAND_NOT_FOUND)
		err_set(ERR_INVALID, why.object, "%s: executable file not found", why.message);
	else if (why.status == EXIT_NOT_EXECUTABLE)
		err_set(ERR_INVALID, why.object, "%s: permission denied", why.message);
	else if (why.class == ERR_NOT_FOUND)
		err_set(ERR_INTERNAL, why.object, "%s", why.message);
}

int
containers_start(struct request *r)
{
	struct strlist l = {0};
	struct box b;
	struct box_state st;
	int run = runs(r, &b);
	if (run < 0)
		return -1;
	box_state(&b, &st);
	if (run && st.status != BOX_PAUSED)
		return reply_empty(r, 304);
	words_of(&l, "box-start", r);
	if (job_run("the container runs", &l, NULL, NULL) == 0)
		return reply_empty(r, 204);
	word_failure();
	return -1;
}

int
containers_stop(struct request *r)
{
	struct strlist l = {0};
	struct box b;
	const char *t = request_query(r, "t"), *s = request_query(r, "signal");
	int run = runs(r, &b);
	if (run < 0)
		return -1;
	if (!run)
		return reply_empty(r, 304);
	word(&l, "box-stop");
	if (t && *t)
		wordf(&l, "--time=%s", t);
	if (s && *s)
		wordf(&l, "--signal=%s", s);
	word(&l, "--");
	word(&l, b.id);
	return job_reply(r, "the container is asked to end", &l, 204);
}

int
containers_restart(struct request *r)
{
	struct strlist l = {0};
	const char *t = request_query(r, "t");
	word(&l, "box-restart");
	if (t && *t)
		wordf(&l, "--time=%s", t);
	word(&l, "--");
	word(&l, r->part[0]);
	return job_reply(r, "it ends and begins again", &l, 204);
}

int
containers_kill(struct request *r)
{
	struct strlist l = {0};
	struct box b;
	const char *s = request_query(r, "signal");
	if (s && *s && box_signal(s) < 0)
		return err_set(ERR_INVALID, s, "Invalid signal: %s", s);
	int run = runs(r, &b);
	if (run < 0)
		return -1;
	if (!run)
		return err_set(ERR_CONFLICT, b.id,
			"Cannot kill container: %s: Container %s is not running", r->part[0], b.id);
	word(&l, "box-kill");
	if (s && *s)
		wordf(&l, "--signal=%s", s);
	word(&l, "--");
	word(&l, b.id);
	return job_reply(r, "it gets a signal", &l, 204);
}

int
containers_pause(struct request *r)
{
	struct strlist l = {0};
	words_of(&l, "box-pause", r);
	return job_reply(r, "it is frozen", &l, 204);
}

int
containers_unpause(struct request *r)
{
	struct strlist l = {0};
	words_of(&l, "box-unpause", r);
	if (job_run("it is thawed", &l, NULL, NULL) < 0)
		return reply_error(r, err.class == ERR_CONFLICT ? 500 : 0);
	return reply_empty(r, 204);
}

int
containers_rename(struct request *r)
{
	struct strlist l = {0};
	const char *name = request_query(r, "name");
	if (!name || !*name)
		return err_set(ERR_INVALID, NULL, "Neither old nor new names may be empty");
	words_of(&l, "box-rename", r);
	word(&l, *name == '/' ? name + 1 : name);
	return job_reply(r, "another name", &l, 204);
}

int
containers_remove(struct request *r)
{
	struct strlist l = {0};
	struct box b;
	int run = runs(r, &b);
	if (run < 0)
		return -1;
	bool force = request_flag(r, "force", false);
	if (run && !force)
		return err_set(ERR_CONFLICT, b.id,
			"You cannot remove a running container %s. Stop the container before "
			"attempting removal or force remove",
			b.id);
	word(&l, "box-rm");
	if (force)
		word(&l, "--force");
	if (request_flag(r, "v", false))
		word(&l, "--volumes");
	word(&l, "--");
	word(&l, b.id);
	return job_reply(r, "the container goes", &l, 204);
}

int
containers_update(struct request *r)
{
	struct strlist l = {0};
	auto_json json_t *doc = body_json(r, false);
	if (!doc)
		return -1;
	word(&l, "box-update");
	word(&l, "--json=-");
	word(&l, "--");
	word(&l, r->part[0]);
	if (job_run("other limits", &l, &r->body, NULL) < 0)
		return -1;
	return reply_json(r, 200, json_pack("{s:[]}", "Warnings"));
}

int
containers_resize(struct request *r)
{
	struct strlist l = {0};
	const char *h = request_query(r, "h"), *w = request_query(r, "w");
	word(&l, "box-resize");
	word(&l, "--");
	word(&l, r->part[0]);
	word(&l, h ? h : "");
	word(&l, w ? w : "");
	return job_reply(r, "the size of its terminal", &l, 200);
}

/* ---- wait ---- */

struct wait_state {
	struct waiting w;
	const struct request *r;
	char text[96];
	size_t at, n;
	bool done;
};

static void
wait_end(void *self)
{
	struct wait_state *s = self;
	waiting_end(&s->w);
	free(s);
}

/* The status line and headers are with the client by the time that this is called. */
static ssize_t
wait_read(void *self, char *p, size_t n)
{
	struct wait_state *s = self;
	struct pollfd gone = request_gone(s->r);
	int status;
	if (!s->done) {
		int r = waiting_run(&s->w, &gone, &status);
		if (r == 0)
			return -1;
		s->n = (size_t)snprintf(s->text, sizeof(s->text),
			r > 0 ? "{\"Error\":null,\"StatusCode\":%d}\n"
			      : "{\"Error\":{\"Message\":\"the container was removed\"},"
				"\"StatusCode\":%d}\n",
			r > 0 ? status : -1);
		s->done = true;
	}
	n = n < s->n - s->at ? n : s->n - s->at;
	memcpy(p, s->text + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

int
containers_wait(struct request *r)
{
	const char *condition = request_query(r, "condition");
	enum wait_for what;
	struct box b;
	if (wait_parse(condition ? condition : "", &what) < 0 || box_find(r->part[0], &b) < 0)
		return -1;
	struct wait_state *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->r = r;
	pthread_mutex_lock(&door);
	int ok = waiting_begin(&b, what, &s->w);
	pthread_mutex_unlock(&door);
	const struct source from = {wait_read, wait_end, s};
	if (ok == 0)
		return reply_stream(r, 200, "application/json", &from);
	wait_end(s);
	return -1;
}

/* ---- prune ---- */

int
containers_prune(struct request *r)
{
	struct strlist l = {0}, filters;
	if (body_filters(r, &filters) < 0)
		return -1;
	word(&l, "tb-prune");
	word(&l, "--json");
	word(&l, "--only=containers");
	for (size_t i = 0; i < filters.n; i++)
		wordf(&l, "--filter=%s", filters.v[i]);
	words_free(&filters);
	return job_reply_json(r, "containers that have ended go", &l, NULL, 200);
}
