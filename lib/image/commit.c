/* SPDX-License-Identifier: MIT */
#include "image/commit.h"

#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/arrive.h"
#include "image/image.h"
#include "image/index.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct making {
	struct store *s;
	const struct commit *how;
	struct image parent;
	int *lower; /* directories of its layers, bottom first */
	size_t n_lower;
	json_t *config;
	struct arrival a;
};

static int
open_parent(struct making *m)
{
	char path[PATH_MAX];
	struct image *p = &m->parent;
	if (image_find(m->s, m->how->parent, p) < 0)
		return -1;
	if (p->n >= MANIFEST_LAYERS_MAX)
		return err_set(ERR_INVALID, m->how->parent,
			"%s has %zu layers; overlay can stack %d", m->how->parent, p->n,
			MANIFEST_LAYERS_MAX);
	m->lower = calloc(p->n + 1, sizeof(*m->lower));
	if (!m->lower)
		abort();
	for (size_t i = 0; i < p->n; i++) {
		if (store_layer_path(m->s, p->layers[i].chain, path) < 0)
			return -1;
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			err_sys("open", path, "cannot open layer %s", path);
			return err_hint(
				"the parent's layers must be unpacked: pull or load it again");
		}
		m->lower[m->n_lower++] = fd;
	}
	return 0;
}

/* The parent's settings, or none; then the changes. Before anything is read: a mistake in them
 * should not cost a pass over the tar. */
static int
make_config(struct making *m)
{
	const struct platform *p = &m->how->platform;
	if (m->how->parent)
		m->config = json_deep_copy(m->parent.config);
	else
		m->config = json_pack("{s:s,s:s,s:s*,s:{}}", "architecture", p->arch, "os", p->os,
			"variant", p->variant[0] ? p->variant : NULL, "config");
	if (!m->config)
		abort();
	return config_words(m->config, m->how->changes);
}

static int
take_layer(struct making *m)
{
	struct stream_fd from = {.fd = m->how->fd, .shown = m->how->shown};
	if (m->how->fd < 0)
		return 0;
	m->a.in.read = stream_fd_read;
	m->a.in.self = &from;
	m->a.in.apply.lower = m->lower;
	m->a.in.apply.n_lower = m->n_lower;
	int r = arrive(m->s, &m->a, true, m->how->shown);
	stream_fd_free(&from);
	return r;
}

static int
publish(struct making *m)
{
	const struct image *p = &m->parent;
	char chain[DIGEST_SIZE];
	if (m->how->fd < 0)
		return 0;
	chain_id(p->n ? p->layers[p->n - 1].chain : NULL, m->a.in.diff_id, chain);
	if (store_publish_blob(m->s, m->a.blob, m->a.in.digest) < 0 || store_settle(m->s) < 0)
		return -1;
	return arrive_tree(m->s, &m->a, chain);
}

static void
make_manifest(const struct making *m, const char *id, int64_t config_size, struct buf *out)
{
	const struct image *p = &m->parent;
	struct manifest man = {.n = p->n};
	man.layers = calloc(p->n + 1, sizeof(*man.layers));
	if (!man.layers)
		abort();
	for (size_t i = 0; i < p->n; i++)
		man.layers[i] = p->layers[i].blob;
	if (m->how->fd >= 0) {
		struct descriptor *d = &man.layers[man.n++];
		memcpy(d->digest, m->a.in.digest, DIGEST_SIZE);
		d->size = m->a.in.size;
		snprintf(d->media_type, sizeof(d->media_type), "%s",
			packing_media_type(m->a.in.packing));
	}
	memcpy(man.config.digest, id, DIGEST_SIZE);
	man.config.size = config_size;
	manifest_to_oci(&man, out);
	free(man.layers);
}

/* Config, manifest, entry in the index: the image, from the inside out. */
static int
enter(struct making *m, struct imported *out)
{
	auto_buf struct buf manifest = BUF_INIT;
	const struct config_step step = {.created = config_now(),
		.created_by = m->how->created_by,
		.author = m->how->author,
		.comment = m->how->comment,
		.diff_id = m->how->fd < 0 ? NULL : m->a.in.diff_id};
	if (config_add_step(m->config, &step) < 0)
		return -1;
	char *text = json_dumps(m->config, JSON_COMPACT);
	if (!text)
		abort();
	size_t len = strlen(text);
	int r = store_put(m->s, "the image's config", text, len, out->id);
	free(text);
	if (r < 0)
		return -1;
	make_manifest(m, out->id, (int64_t)len, &manifest);
	if (store_put(m->s, "the image's manifest", manifest.s, manifest.len, out->digest) < 0)
		return -1;
	return index_enter(m->s, m->how->name, out->digest, manifest.len, NULL);
}

static int
make(struct making *m, struct imported *out)
{
	if ((m->how->parent && open_parent(m) < 0) || make_config(m) < 0 || take_layer(m) < 0)
		return -1;
	if (step_dry()) {
		tell_line(": # what follows is named by what was read: blob, layer, config, "
			  "manifest, index.json");
		return 0;
	}
	memcpy(out->warning, m->a.in.result.warning, sizeof(out->warning));
	return publish(m) < 0 ? -1 : enter(m, out);
}

int
image_commit(struct store *s, const struct commit *how, struct imported *out)
{
	struct making m = {.s = s, .how = how, .a = ARRIVAL_INIT};
	*out = (struct imported){0};
	int r = make(&m, out);
	layer_result_free(&m.a.in.result);
	json_decref(m.config);
	image_free(&m.parent);
	for (size_t i = 0; i < m.n_lower; i++)
		close(m.lower[i]);
	free(m.lower);
	return r;
}
