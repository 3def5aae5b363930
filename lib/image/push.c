/* SPDX-License-Identifier: MIT */
#include "image/push.h"

#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/manifest.h"
#include "image/push_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 100

struct batch {
	struct store *s;
	struct registry *g;
	const struct image *img;
	const struct ref *to;
	const struct push *how;
	struct push_job *jobs; /* one a blob */
	size_t n;
	unsigned running, most;
};

/* ---- the manifest ---- */

struct sealed {
	struct buf text;
	char digest[DIGEST_SIZE];
	char type[128];
	struct manifest m;
};

static int
read_manifest(const struct store *s, const char *digest, struct sealed *out)
{
	enum manifest_kind kind;
	const char *type = MEDIA_OCI_MANIFEST;
	char what[128];
	snprintf(what, sizeof(what), "manifest %s", digest);
	buf_reset(&out->text);
	if (store_get(s, digest, &out->text) < 0)
		return -1;
	auto_json json_t *doc = json_parse(what, out->text.s, out->text.len);
	const struct jat top = jat_top(what, doc);
	if (!doc || manifest_kind(what, doc, NULL, &kind) < 0)
		return -1;
	if (kind != MANIFEST_IMAGE)
		return err_set(ERR_INVALID, what, "%s is no image manifest", what);
	if (jat_get_str(&top, "mediaType", &type) < 0 || manifest_read(what, doc, &out->m) < 0)
		return -1;
	snprintf(out->type, sizeof(out->type), "%s", type);
	memcpy(out->digest, digest, DIGEST_SIZE);
	return 0;
}

/* As it came from its registry, where that is still here and is this image: then it has the same
 * digest there as where it came from. Else as the store has it. */
static int
find_manifest(const struct store *s, const struct image *img, struct sealed *out)
{
	struct err before = err;
	if (img->source && store_has_blob(s, img->source, -1)) {
		if (read_manifest(s, img->source, out) == 0) {
			if (strcmp(out->m.config.digest, img->id) == 0)
				return 0;
			manifest_free(&out->m);
		}
		err = before;
	}
	return read_manifest(s, img->digest, out);
}

/* ---- the blobs ---- */

static int
add_job(struct batch *b, const struct descriptor *d, const char *kind, const char *diff_id)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->jobs[i].blob.digest, d->digest) == 0)
			return 0;
	struct push_job *j = &b->jobs[b->n];
	*j = (struct push_job){.blob = *d, .how = b->how, .fd = -1};
	snprintf(j->what, sizeof(j->what), "%s %s", kind, d->digest);
	if (diff_id)
		snprintf(j->id, sizeof(j->id), "%.12s", digest_hex(diff_id));
	if (store_blob_path(b->s, d->digest, j->path) < 0)
		return -1;
	if (!layer_is_foreign(d)) {
		b->n++;
		progress_say(diff_id ? b->how->progress : NULL, j->id, false, "Preparing");
		return 0;
	}
	progress_say(b->how->progress, j->id, true, "Skipped foreign layer");
	return 0;
}

static bool
has_layer(const struct image *img, const char *digest)
{
	for (size_t i = 0; i < img->n; i++)
		if (strcmp(img->layers[i].blob.digest, digest) == 0)
			return true;
	return false;
}

/* An image of the store that came from another repository of this registry says which blobs are
 * there, or were. */
static int
find_sources(struct batch *b)
{
	struct index ix;
	if (index_load(b->s, &ix) < 0)
		return -1;
	for (size_t i = 0; i < index_len(&ix); i++) {
		struct index_entry e;
		struct ref has;
		auto_image struct image img = {0};
		struct err before = err;
		bool same = index_at(&ix, i, &e) == 0 && e.name && e.source &&
			ref_parse_name(e.name, &has) == 0 && strcmp(has.host, b->to->host) == 0 &&
			strcmp(has.path, b->to->path) != 0 && image_load(b->s, &e, &img) == 0;
		err = before;
		for (size_t k = 0; same && k < b->n; k++) {
			struct push_job *j = &b->jobs[k];
			if (!j->from && has_layer(&img, j->blob.digest))
				j->from = str_new(has.path);
		}
	}
	index_free(&ix);
	return 0;
}

static void
show(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct push_job *j = &b->jobs[i];
		if (j->state == PUSH_SENDS && j->id[0])
			progress_bytes(b->how->progress, j->id, "Pushing", j->at + j->fetch.sent,
				j->blob.size);
	}
	progress_draw(b->how->progress);
}

static void
say_done(struct batch *b, const struct push_job *j)
{
	if (!j->id[0] || step_dry())
		return;
	progress_say(b->how->progress, j->id, true, "%s%s%s", j->result,
		strcmp(j->result, "Mounted") == 0 ? " from " : "",
		strcmp(j->result, "Mounted") == 0 ? j->from : "");
}

/* Starts what may start, and moves on what runs. 1 when all is done. */
static int
turn(struct batch *b)
{
	bool moved = false, left = false;
	for (size_t i = 0; i < b->n; i++) {
		struct push_job *j = &b->jobs[i];
		if (j->state == PUSH_DONE)
			continue;
		left = true;
		if (j->state == PUSH_WAITS) {
			if (b->running >= b->most)
				continue;
			b->running++;
			moved = true;
			if (push_job_start(j, b->g) < 0)
				return -1;
		}
		int r = push_job_step(j, b->g);
		if (r < 0)
			return -1;
		if (r > 0) {
			say_done(b, j);
			push_job_stop(j, b->g);
			b->running--;
			moved = true;
		}
	}
	if (!left)
		return 1;
	show(b);
	return moved ? 0 : fetcher_poll(registry_fetcher(b->g), TICK_MS);
}

static int
send_blobs(struct batch *b, const struct manifest *m)
{
	int r = 0;
	b->jobs = calloc(m->n + 1, sizeof(*b->jobs));
	if (!b->jobs)
		abort();
	b->most = registry_side_by_side(b->how->side_by_side);
	for (size_t i = 0; i < m->n && r == 0; i++)
		r = add_job(b, &m->layers[i], "layer", b->img->layers[i].diff_id);
	if (r == 0)
		r = find_sources(b);
	if (r == 0)
		r = add_job(b, &m->config, "config", NULL);
	while (r == 0)
		r = turn(b);
	for (size_t i = 0; i < b->n; i++)
		push_job_stop(&b->jobs[i], b->g);
	free(b->jobs);
	return r < 0 ? -1 : 0;
}

static int
send_manifest(struct batch *b, const struct sealed *m)
{
	auto_buf struct buf tail = BUF_INIT;
	buf_addf(&tail, "manifests/%s", b->to->digest[0] ? b->to->digest : b->to->tag);
	if (b->to->digest[0] && strcmp(b->to->digest, m->digest) != 0)
		return err_set(ERR_INVALID, b->to->digest, "the image's digest is %s, not %s",
			m->digest, b->to->digest);
	return registry_put(b->g, "the manifest, last: now the image is there", "the manifest",
		tail.s, m->type, m->digest, m->text.s, m->text.len);
}

static int
push(struct batch *b, struct pushed *out)
{
	struct sealed m = {0};
	auto_buf struct buf name = BUF_INIT;
	ref_familiar_name(b->to, &name);
	progress_say(b->how->progress, NULL, false, "The push refers to repository [%s]", name.s);
	int r = find_manifest(b->s, b->img, &m);
	if (r == 0 && m.m.n != b->img->n)
		r = err_set(ERR_INVALID, b->img->id, "manifest and config disagree about layers");
	if (r == 0)
		r = send_blobs(b, &m.m);
	if (r == 0)
		r = send_manifest(b, &m);
	memcpy(out->digest, m.digest, DIGEST_SIZE);
	out->size = m.text.len;
	manifest_free(&m.m);
	buf_free(&m.text);
	return r;
}

int
image_push(struct store *s, const struct image *img, const struct ref *to, const struct push *how,
	struct pushed *out)
{
	struct batch b = {.s = s, .img = img, .to = to, .how = how};
	*out = (struct pushed){0};
	b.g = registry_open(to, NULL, &how->registry);
	if (!b.g)
		return -1;
	int r = push(&b, out);
	registry_close(b.g);
	return r;
}
