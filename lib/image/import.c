/* SPDX-License-Identifier: MIT */
#include "image/import.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"
#include "image/image.h"
#include "image/index.h"
#include "image/intake.h"
#include "image/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Where one layer is on its way. */
struct places {
	char blob[PATH_MAX];
	char tree[PATH_MAX];
	int blob_fd;
	int tree_fd;
	struct stream_fd from;
};

static int
make_places(struct store *s, struct places *p)
{
	auto_buf struct buf shell = BUF_INIT;
	store_tmp_blob(s, p->blob);
	store_tmp_layer(s, p->tree);
	if (sys_create("the layer as it comes in", p->blob, 0644, &p->blob_fd) < 0 ||
		sys_mkdir("the layer unpacked", p->tree, 0755) < 0)
		return -1;
	buf_addf(&shell, "rm -rf %s", tell_sh(p->tree));
	undo_push(undo_remove_tree, p->tree, NULL, buf_str(&shell));
	if (step_dry())
		return 0;
	p->tree_fd = open(p->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p->tree_fd < 0 ? err_sys("open", p->tree, "cannot open %s", p->tree) : 0;
}

/* All that happens while the tar goes by is one step: told in one stanza, failed as one. */
static int
take_in(const struct import *im, struct places *p, struct intake *in)
{
	struct step st;
	bool failed = false;
	in->read = stream_fd_read;
	p->from = (struct stream_fd){.fd = im->fd, .shown = im->shown};
	in->self = &p->from;
	in->blob = p->blob_fd;
	in->blob_shown = p->blob;
	in->apply.dir = p->tree_fd;
	in->apply.shown = im->shown;
	intake_rights(&in->apply);
	if (step_open(&st, "layer",
		    "keep the layer, unpack it, and hash it both ways as it goes by")) {
		failed = intake_run(in) < 0;
		stream_fd_free(&p->from);
		errno = err.no ? err.no : EBADMSG;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "read, write(%s), unpack in %s", tell_c(p->blob), tell_c(p->tree));
		step_shell(&st, "tee %s | bsdtar -x -p --numeric-owner -C %s -f -\nsha256sum %s",
			tell_sh(p->blob), tell_sh(p->tree), tell_sh(p->blob));
	}
	if (step_close(&st) < 0 && !failed)
		return err_sys("layer", im->shown, "cannot take in %s", im->shown);
	if (failed && strcmp(err.object, im->shown) != 0)
		err_prefix("%s", im->shown);
	return failed ? -1 : 0;
}

static int
publish(struct store *s, const struct places *p, const struct intake *in)
{
	const struct layer_record record = {in->diff_id, in->result.bytes, in->result.entries};
	if (store_publish_blob(s, p->blob, in->digest) < 0 || store_settle(s) < 0)
		return -1;
	if (!store_has_layer(s, in->diff_id))
		return store_publish_layer(s, p->tree, in->diff_id, &record);
	return sys_remove_tree("this layer was unpacked before", p->tree);
}

static void
set_descriptor(struct descriptor *d, const char *digest, int64_t size, const char *type)
{
	memcpy(d->digest, digest, DIGEST_SIZE);
	d->size = size;
	snprintf(d->media_type, sizeof(d->media_type), "%s", type);
}

/* Config, manifest, entry in the index: the image, from the inside out. */
static int
enter(struct store *s, const struct import *im, const struct intake *in, json_t *config,
	struct imported *out)
{
	struct descriptor layer;
	struct manifest m = {.layers = &layer, .n = 1};
	auto_buf struct buf text = BUF_INIT, manifest = BUF_INIT;
	char *dump = json_dumps(config, JSON_COMPACT);
	if (!dump)
		abort();
	buf_adds(&text, dump);
	free(dump);
	if (store_put(s, "the image's config", text.s, text.len, out->id) < 0)
		return -1;
	set_descriptor(&layer, in->digest, in->size, packing_media_type(in->packing));
	set_descriptor(&m.config, out->id, (int64_t)text.len, MEDIA_OCI_CONFIG);
	manifest_to_oci(&m, &manifest);
	if (store_put(s, "the image's manifest", manifest.s, manifest.len, out->digest) < 0)
		return -1;
	return index_enter(s, im->name, out->digest, manifest.len, NULL);
}

static int
run(struct store *s, const struct import *im, struct places *p, struct intake *in)
{
	int r = make_places(s, p);
	if (r == 0)
		r = take_in(im, p, in);
	if (p->blob_fd >= 0)
		close(p->blob_fd);
	if (p->tree_fd >= 0)
		close(p->tree_fd);
	return r;
}

int
image_import(struct store *s, const struct import *im, struct imported *out)
{
	struct places p = {.blob_fd = -1, .tree_fd = -1};
	struct intake in = {0};
	*out = (struct imported){0};
	/* The settings are looked at before anything is read: a mistake in them should not cost a
	 * pass over the tar. */
	auto_json json_t *config =
		config_new(&im->platform, config_now(), DIGEST_PREFIX, im->comment);
	if (!config || config_change(config, &im->changes) < 0)
		return -1;
	int r = run(s, im, &p, &in);
	layer_result_free(&in.result);
	if (r == 0 && step_dry())
		tell_line(": # what follows is named by what was read: blob, layer, config, "
			  "manifest, index.json");
	if (r < 0 || step_dry())
		return r;
	memcpy(out->warning, in.result.warning, sizeof(out->warning));
	json_object_set_new(
		json_object_get(config, "rootfs"), "diff_ids", json_pack("[s]", in.diff_id));
	return publish(s, &p, &in) < 0 ? -1 : enter(s, im, &in, config, out);
}
