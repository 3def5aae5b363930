/* SPDX-License-Identifier: MIT */
#include "image/push_job.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/tell.h"
#include "image/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const octets[] = {"Content-Type: application/octet-stream", NULL};

/* ---- requests ---- */

static void
next(struct push_job *j, struct registry *g, const struct fetch *r)
{
	registry_end(g, &j->fetch);
	j->fetch = *r;
	j->fetch.shown = j->what;
}

/* One more request of the job, in the repository. */
static int
request(struct push_job *j, struct registry *g, const struct fetch *r, const char *tail)
{
	next(j, g, r);
	return registry_start(g, tail, &j->fetch);
}

/* The same at an address that the registry has given, in `ms`. */
static int
request_at(
	struct push_job *j, struct registry *g, const struct fetch *r, const char *url, unsigned ms)
{
	next(j, g, r);
	return registry_start_at(g, url, ms, &j->fetch);
}

static int
ask(struct push_job *j, struct registry *g)
{
	char tail[DIGEST_SIZE + 8];
	snprintf(tail, sizeof(tail), "blobs/%s", j->blob.digest);
	j->state = PUSH_ASKS;
	return request(j, g, &(struct fetch){.method = "HEAD"}, tail);
}

/* Asks for a place to send to; or, where another repository has the blob, for the blob itself. */
static int
open_upload(struct push_job *j, struct registry *g, unsigned ms)
{
	auto_buf struct buf tail = BUF_INIT, url = BUF_INIT;
	buf_adds(&tail, "blobs/uploads/");
	if (j->from)
		buf_addf(&tail, "?mount=%s&from=%s", j->blob.digest, j->from);
	registry_url(g, tail.s, &url);
	j->state = PUSH_OPENS;
	j->at = 0;
	return request_at(j, g, &(struct fetch){.method = "POST"}, url.s, ms);
}

/* The place, with the digest that the whole will have. */
static void
place_of_whole(const struct push_job *j, struct buf *url)
{
	buf_addf(url, "%s%cdigest=%s", j->place.s, strchr(j->place.s, '?') ? '&' : '?',
		j->blob.digest);
}

static int
send_all(struct push_job *j, struct registry *g)
{
	auto_buf struct buf url = BUF_INIT;
	place_of_whole(j, &url);
	j->state = PUSH_SENDS;
	j->piece = j->blob.size;
	return request_at(j, g,
		&(struct fetch){.method = "PUT",
			.headers = octets,
			.body_fd = j->fd,
			.body_len = j->blob.size,
			.once = true},
		url.s, 0);
}

static int
send_piece(struct push_job *j, struct registry *g)
{
	int64_t left = j->blob.size - j->at;
	j->state = PUSH_SENDS;
	j->piece = left < j->chunk ? left : j->chunk;
	snprintf(j->range, sizeof(j->range), "Content-Range: %lld-%lld", (long long)j->at,
		(long long)(j->at + j->piece - 1));
	j->headers[0] = octets[0];
	j->headers[1] = j->range;
	return request_at(j, g,
		&(struct fetch){.method = "PATCH",
			.headers = j->headers,
			.body_fd = j->fd,
			.body_at = j->at,
			.body_len = j->piece,
			.once = true},
		j->place.s, 0);
}

static int
end_pieces(struct push_job *j, struct registry *g)
{
	auto_buf struct buf url = BUF_INIT;
	place_of_whole(j, &url);
	j->state = PUSH_ENDS;
	return request_at(j, g, &(struct fetch){.method = "PUT", .headers = octets}, url.s, 0);
}

static int
go_on(struct push_job *j, struct registry *g)
{
	if (j->chunk == 0 || j->chunk >= j->blob.size)
		return send_all(j, g);
	return j->at < j->blob.size ? send_piece(j, g) : end_pieces(j, g);
}

/* ---- answers ---- */

static int
done(struct push_job *j, const char *result)
{
	j->state = PUSH_DONE;
	j->result = result;
	return 1;
}

/* The file is read once more, before anything of it is sent: what is damaged stays here. */
static int
check_blob(struct push_job *j)
{
	char buf[65536], digest[DIGEST_SIZE];
	ssize_t n;
	struct sha256 *h = sha256_new();
	while ((n = read(j->fd, buf, sizeof(buf))) > 0)
		sha256_add(h, buf, (size_t)n);
	int no = errno;
	sha256_take(h, digest);
	sha256_free(h);
	errno = no;
	if (n < 0)
		return err_sys("read", j->path, "cannot read %s", j->path);
	if (strcmp(digest, j->blob.digest) == 0)
		return 0;
	err_set(ERR_INTERNAL, j->path, "blob %s is damaged: its content is %s", j->blob.digest,
		digest);
	return err_hint("remove %s, then pull or import the image again", j->path);
}

static int
open_blob(struct push_job *j)
{
	if (j->checked)
		return 0;
	j->fd = open(j->path, O_RDONLY | O_CLOEXEC);
	if (j->fd < 0) {
		err_sys("open", j->path, "cannot open %s", j->path);
		return err_hint("the store lacks this part of the image: pull or import it again");
	}
	if (check_blob(j) < 0)
		return -1;
	j->checked = true;
	return 0;
}

static int
on_asked(struct push_job *j, struct registry *g)
{
	if (j->fetch.status == 200)
		return done(j, "Layer already exists");
	if (j->fetch.status != 404)
		return registry_refused(g, j->what, &j->fetch);
	return open_blob(j) < 0 ? -1 : open_upload(j, g, 0);
}

static int
on_opened(struct push_job *j, struct registry *g)
{
	long s = j->fetch.status;
	if (j->from && s == 201)
		return done(j, "Mounted");
	/* Who may not read the other repository may still write to this one. */
	if (j->from && s != 202) {
		free(j->from);
		j->from = NULL;
		return open_upload(j, g, 0);
	}
	if (s != 202)
		return registry_refused(g, j->what, &j->fetch);
	/* A server may want larger pieces than we were told to send. */
	j->chunk = j->how->chunk;
	if (j->chunk && j->chunk < j->fetch.head.chunk_min)
		j->chunk = j->fetch.head.chunk_min;
	buf_reset(&j->place);
	return registry_place(g, j->what, &j->fetch, &j->place) < 0 ? -1 : go_on(j, g);
}

static int
give_up(struct push_job *j, struct registry *g)
{
	if (!j->fetch.ok) {
		err = j->fetch.why;
		return -1;
	}
	registry_refused(g, j->what, &j->fetch);
	return j->fetch.status != 202 ? -1
				      : err_hint("it has no more than before of what it was sent: "
						 "without --chunk it gets each layer at once");
}

/* What a broken upload leads to: the pieces that arrived are kept, a whole is sent again. */
static int
try_again(struct push_job *j, struct registry *g)
{
	struct registry_options const *o = &j->how->registry;
	if (j->tries >= (unsigned)o->retries)
		return give_up(j, g);
	unsigned ms = registry_pause(&j->fetch, j->tries++);
	if (o->retrying)
		o->retrying(o->self, j->what, ms);
	if (j->chunk == 0 || j->at == 0)
		return open_upload(j, g, ms);
	j->state = PUSH_LOOKS;
	return request_at(j, g, &(struct fetch){.once = true}, j->place.s, ms);
}

static int
on_sent(struct push_job *j, struct registry *g)
{
	long s = j->fetch.status;
	bool whole = strcmp(j->fetch.method, "PUT") == 0;
	/* 416: it has another part than we think, which is what becomes of a piece that libcurl
	 * sent again on a new connection. It is asked how much it has. */
	if (s >= 500 || s == 408 || s == 429 || (!whole && s == 416))
		return try_again(j, g);
	if (whole && (s == 201 || s == 204))
		return done(j, "Pushed");
	if (whole || s != 202)
		return registry_refused(g, j->what, &j->fetch);
	/* It says how much it has, and where the next piece goes. */
	int64_t before = j->at;
	j->at += j->piece;
	if (j->fetch.head.have >= 0 && j->fetch.head.have < j->at)
		j->at = j->fetch.head.have;
	buf_reset(&j->place);
	if (registry_place(g, j->what, &j->fetch, &j->place) < 0)
		return -1;
	if (j->at <= before)
		return try_again(j, g);
	if (j->at > j->most) {
		j->most = j->at;
		j->tries = 0;
	}
	return go_on(j, g);
}

/* An upload that the server knows no more begins anew. */
static int
on_looked(struct push_job *j, struct registry *g)
{
	const struct fetch_head *h = &j->fetch.head;
	if (j->fetch.status / 100 != 2 || h->have < 0 || h->have > j->blob.size)
		return open_upload(j, g, 0);
	j->at = h->have;
	if (h->location) {
		buf_reset(&j->place);
		if (registry_place(g, j->what, &j->fetch, &j->place) < 0)
			return -1;
	}
	return go_on(j, g);
}

static int
answered(struct push_job *j, struct registry *g)
{
	switch (j->state) {
	case PUSH_ASKS:
		return on_asked(j, g);
	case PUSH_OPENS:
		return on_opened(j, g);
	case PUSH_SENDS:
		return on_sent(j, g);
	case PUSH_ENDS:
		if (j->fetch.status == 201 || j->fetch.status == 204)
			return done(j, "Pushed");
		return registry_refused(g, j->what, &j->fetch);
	case PUSH_LOOKS:
		return on_looked(j, g);
	case PUSH_WAITS:
	case PUSH_DONE:
	default:
		return 1;
	}
}

static int
move(struct push_job *j, struct registry *g)
{
	if (!j->fetch.done)
		return 0;
	int r = registry_settle(g, j->what, &j->fetch);
	if (r < 0 && j->fetch.passing && (j->state == PUSH_SENDS || j->state == PUSH_LOOKS))
		return try_again(j, g);
	return r <= 0 ? r : answered(j, g);
}

/* ---- the job ---- */

static void
tell_job(const struct push_job *j, const struct registry *g, struct step *st)
{
	auto_buf struct buf blob = BUF_INIT, uploads = BUF_INIT;
	char tail[DIGEST_SIZE + 8];
	const char *auth = registry_tell_auth(g);
	snprintf(tail, sizeof(tail), "blobs/%s", j->blob.digest);
	registry_url(g, tail, &blob);
	registry_url(g, "blobs/uploads/", &uploads);
	step_call(st, "HEAD %s; POST %s; PUT %s", blob.s, uploads.s, tell_c(j->path));
	step_shell(st,
		"curl -fsSI%s %s >/dev/null || {\n"
		"\techo '%s  '%s | sha256sum -c --quiet -\n"
		"\tplace=$(curl -fsS%s -X POST -D - -o /dev/null %s | sed -n 's/\\r$//; s/^[Ll]ocation: //p')\n"
		"\tcase $place in /*) place=%.*s$place ;; esac\n"
		"\tcase $place in *\\?*) and='&' ;; *) and='?' ;; esac\n"
		"\tcurl -fsS%s -X PUT -H %s --data-binary @%s \"$place${and}digest=%s\"\n"
		"}",
		auth, tell_sh(blob.s), digest_hex(j->blob.digest), tell_sh(j->path), auth,
		tell_sh(uploads.s),
		(int)(strstr(uploads.s, "://") + 3 - uploads.s +
			(int)strcspn(strstr(uploads.s, "://") + 3, "/")),
		uploads.s, auth, tell_sh(octets[0]), tell_sh(j->path), j->blob.digest);
}

/* One step a blob: it is told, and can be made to fail, when all of it is done. */
int
push_job_start(struct push_job *j, struct registry *g)
{
	if (!step_open(&j->step, "blob",
		    "unless the registry has it: hash it, get a place, send it")) {
		if (step_told(&j->step))
			tell_job(j, g, &j->step);
		long told = step_close(&j->step);
		done(j, "Pushed");
		return told < 0 ? err_sys("blob", j->what, "cannot send %s", j->what) : 0;
	}
	j->stepping = true;
	return ask(j, g);
}

int
push_job_step(struct push_job *j, struct registry *g)
{
	int r = j->state == PUSH_DONE ? 1 : move(j, g);
	if (r == 0 || !j->stepping)
		return r;
	struct err why = err;
	errno = err.no ? err.no : EPROTO;
	step_result(&j->step, r < 0 ? -1 : 0);
	if (step_told(&j->step))
		tell_job(j, g, &j->step);
	step_close(&j->step);
	j->stepping = false;
	err = why;
	return r;
}

void
push_job_stop(struct push_job *j, struct registry *g)
{
	struct err why = err;
	if (registry_fetcher(g))
		registry_end(g, &j->fetch);
	if (j->fd >= 0)
		close(take_fd(&j->fd));
	buf_free(&j->place);
	free(j->from);
	j->from = NULL;
	err = why;
}
