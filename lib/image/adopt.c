/* SPDX-License-Identifier: MIT */
#include "image/adopt.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "image/image.h"
#include "image/layer.h"
#include "image/sha256_beside.h"
#include "mech/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sink {
	struct stream_fd file;
	struct sha256_beside *sum;
};

static int
take(void *self, const void *data, size_t len)
{
	struct sink *k = self;
	sha256_beside_add(k->sum, data, len);
	return stream_fd_write(&k->file, data, len);
}

/* All of it is one step: what is written lies in a place of our own. */
static int
write_tar(const char *upper, const char *blob, const struct layer_diff *how, struct layer_result *r)
{
	struct step st;
	bool failed = false;
	if (step_open(&st, "layer", "what changed, as a tar that other programs take")) {
		failed = layer_diff(how, r) < 0;
		errno = err.no ? err.no : EBADMSG;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "read %s, write(%s)", tell_c(upper), tell_c(blob));
		step_shell(&st, "ufs-diff %s | tee %s | sha256sum", tell_sh(upper), tell_sh(blob));
	}
	if (step_close(&st) < 0 && !failed)
		return err_sys("layer", upper, "cannot make a layer of %s", upper);
	return failed ? -1 : 0;
}

static int
make_blob(struct store *s, const char *upper, const struct layer_diff *against,
	struct layer_result *r, struct adopted *out, char blob[PATH_MAX])
{
	auto_fd int fd = -1;
	auto_fd int dir = -1;
	store_tmp_blob(s, blob);
	if (sys_create("the layer's tar", blob, 0644, &fd) < 0)
		return -1;
	dir = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && !step_dry())
		return err_sys("open", upper, "cannot open directory %s", upper);
	struct sink k = {.file = {.fd = fd, .shown = blob}, .sum = sha256_beside_new()};
	const struct layer_diff how = {.dir = dir,
		.shown = upper,
		.from = -1,
		.lower = against->lower,
		.n_lower = against->n_lower,
		.no_top = against->no_top,
		.user_xattr = overlay_user_xattr(),
		.write = take,
		.self = &k};
	int ok = write_tar(upper, blob, &how, r);
	sha256_beside_take(k.sum, out->diff_id);
	out->size = (int64_t)r->tar_bytes;
	memcpy(out->warning, r->warning, sizeof(out->warning));
	return ok;
}

static int
publish(struct store *s, const char *upper, const char *blob, const struct layer_result *r,
	const struct adopted *out)
{
	const struct layer_record record = {out->diff_id, r->bytes, r->entries};
	if (store_has_blob(s, out->diff_id, out->size)
			? sys_unlink("the store has this tar", blob) < 0
			: store_publish_blob(s, blob, out->diff_id) < 0)
		return -1;
	if (store_has_layer(s, out->chain))
		return sys_remove_tree("the store has this layer", upper);
	if (store_settle(s) < 0)
		return -1;
	return store_publish_layer(s, upper, out->chain, &record);
}

/* The top is what it is below: the layer does not say what. */
static int
fit_top(const char *upper, int lower)
{
	struct stat sb;
	if (fstat(lower, &sb) < 0)
		return err_sys("stat", upper, "cannot look at the layer below %s", upper);
	return sys_chown("the top of the tree is no part of this layer", upper, sb.st_uid,
		       sb.st_gid) < 0 ||
			sys_chmod("the top of the tree is no part of this layer", upper,
				sb.st_mode & 07777) < 0
		? -1
		: 0;
}

static int
adopt(struct store *s, const char *upper, const struct layer_diff *against, const char *below,
	struct adopted *out)
{
	struct layer_result r = {0};
	char blob[PATH_MAX];
	*out = (struct adopted){0};
	int ok = make_blob(s, upper, against, &r, out, blob);
	if (ok == 0 && !step_dry()) {
		chain_id(below, out->diff_id, out->chain);
		ok = publish(s, upper, blob, &r, out);
	}
	layer_result_free(&r);
	return ok;
}

int
layer_adopt(struct store *s, const char *upper, const int *lower, size_t n_lower, const char *below,
	struct adopted *out)
{
	const struct layer_diff against = {.lower = lower, .n_lower = n_lower};
	return adopt(s, upper, &against, below, out);
}

int
layer_adopt_alone(struct store *s, const char *upper, const int *lower, size_t n_lower,
	const char *below, struct adopted *out)
{
	const struct layer_diff against = {.no_top = true};
	if (n_lower && !step_dry() && fit_top(upper, lower[n_lower - 1]) < 0)
		return -1;
	return adopt(s, upper, &against, below, out);
}
