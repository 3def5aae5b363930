/* SPDX-License-Identifier: MIT */
#include "image/arrive.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tell.h"
#include "door/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int
make_places(struct store *s, struct arrival *a, bool keep)
{
	auto_buf struct buf shell = BUF_INIT;
	if (keep) {
		store_tmp_blob(s, a->blob);
		if (sys_create("the layer as it comes in", a->blob, 0644, &a->blob_fd) < 0)
			return -1;
	}
	store_tmp_layer(s, a->tree);
	if (sys_mkdir("the layer unpacked", a->tree, 0755) < 0)
		return -1;
	buf_addf(&shell, "rm -rf %s", tell_sh(a->tree));
	undo_push(undo_remove_tree, a->tree, NULL, buf_str(&shell));
	if (step_dry())
		return 0;
	a->tree_fd = open(a->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return a->tree_fd < 0 ? err_sys("open", a->tree, "cannot open %s", a->tree) : 0;
}

static void
tell_it(struct step *st, const struct arrival *a)
{
	if (!a->blob[0]) {
		step_call(st, "read, unpack in %s", tell_c(a->tree));
		step_shell(st, "bsdtar -x -p --numeric-owner -C %s -f -", tell_sh(a->tree));
		return;
	}
	step_call(st, "read, write(%s), unpack in %s", tell_c(a->blob), tell_c(a->tree));
	step_shell(st, "tee %s | bsdtar -x -p --numeric-owner -C %s -f -\nsha256sum %s",
		tell_sh(a->blob), tell_sh(a->tree), tell_sh(a->blob));
}

/* All that happens while the tar goes by is one step: told in one stanza, failed as one. */
static int
take_in(struct arrival *a, const char *shown)
{
	struct step st;
	bool failed = false;
	struct intake *in = &a->in;
	in->blob = a->blob_fd;
	in->blob_shown = a->blob;
	in->apply.dir = a->tree_fd;
	in->apply.shown = shown;
	intake_rights(&in->apply);
	if (step_open(&st, "layer",
		    "keep the layer, unpack it, and hash it both ways as it goes by")) {
		failed = intake_run(in) < 0;
		errno = err.no ? err.no : EBADMSG;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st))
		tell_it(&st, a);
	if (step_close(&st) < 0 && !failed)
		return err_sys("layer", shown, "cannot take in %s", shown);
	if (failed && strcmp(err.object, shown) != 0)
		err_prefix("%s", shown);
	return failed ? -1 : 0;
}

int
arrive(struct store *s, struct arrival *a, bool keep, const char *shown)
{
	int r = make_places(s, a, keep);
	if (r == 0)
		r = take_in(a, shown);
	if (a->blob_fd >= 0)
		close(take_fd(&a->blob_fd));
	if (a->tree_fd >= 0)
		close(take_fd(&a->tree_fd));
	return r;
}

int
arrive_tree(struct store *s, struct arrival *a, const char *chain)
{
	const struct layer_record record = {
		a->in.diff_id, a->in.result.bytes, a->in.result.entries};
	int r = store_has_layer(s, chain)
		? sys_remove_tree("this layer was unpacked before", a->tree)
		: store_publish_layer(s, a->tree, chain, &record);
	a->tree[0] = '\0';
	return r;
}

int
arrive_drop(struct arrival *a)
{
	if (a->tree[0] && sys_remove_tree("nothing needs this layer unpacked", a->tree) < 0)
		return -1;
	a->tree[0] = '\0';
	if (a->blob[0] && sys_unlink("nothing needs this blob", a->blob) < 0)
		return -1;
	a->blob[0] = '\0';
	return 0;
}
