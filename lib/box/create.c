/* SPDX-License-Identifier: MIT */
#include "box/create.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/bundle.h"
#include "box/etc.h"
#include "box/event.h"
#include "box/layer.h"
#include "box/merge.h"
#include "box/userns.h"
#include "box/volume.h"
#include "door/sys.h"
#include "door/undo.h"
#include "mech/oci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const char *const adjectives[] = {"able", "amber", "bold", "brave", "bright", "calm",
	"clear", "clever", "eager", "fair", "gentle", "happy", "keen", "kind", "lively", "lucid",
	"merry", "nimble", "patient", "quiet", "rapid", "sharp", "steady", "sunny", "swift", "tidy",
	"vivid", "warm", "wise", "witty", "young", "zesty"};
static const char *const surnames[] = {"babbage", "bohr", "boole", "cantor", "church", "curie",
	"dijkstra", "einstein", "euler", "fermat", "franklin", "galileo", "gauss", "hamilton",
	"hopper", "kepler", "knuth", "lamarr", "lovelace", "maxwell", "meitner", "newton",
	"noether", "pascal", "planck", "ritchie", "shannon", "tesla", "thompson", "turing", "volta",
	"wiles"};

/* ---- its name ---- */

static int
choose_name(const char *wanted, const struct box *b, char name[256])
{
	if (wanted) {
		wanted += *wanted == '/';
		snprintf(name, 256, "%s", wanted);
		return box_take_name(b, wanted);
	}
	for (int i = 0; i < 20; i++) {
		unsigned r[2] = {0};
		if (getrandom(r, sizeof(r), 0) < 0)
			break;
		snprintf(name, 256, i < 10 ? "%s_%s" : "%s_%s%u", adjectives[r[0] % 32],
			surnames[r[1] % 32], r[0] >> 24);
		if (box_take_name(b, name) == 0)
			return 0;
		if (err.class != ERR_CONFLICT)
			return -1;
	}
	snprintf(name, 256, "box_%.12s", b->id);
	return box_take_name(b, name);
}

/* What could never start is refused by now. */
static int
check_bundle(const struct box *b, json_t *config)
{
	auto_oci_args struct oci_args words = {0};
	return oci_args_read(b->dir, config, &words);
}

static int
fill(const struct store *s, const struct image *img, const struct box *b, json_t *doc)
{
	auto_fd int volumes = -1;
	auto_fd int ids = -1;
	if (volume_lock(false, &volumes) < 0 || box_userns_choose(doc, &ids) < 0 ||
		box_add_mounts(doc, s, img) < 0)
		return -1;
	auto_json json_t *config = bundle_make(doc, b, s, img);
	if (!config || check_bundle(b, config) < 0 || etc_make(b, doc) < 0 ||
		box_layer_make(b, doc) < 0 ||
		box_write_compact(
			b, "config.json", "how it runs (OCI runtime specification)", config) < 0)
		return -1;
	return box_write(b, "box.json", "what it is: from now on it is a box", doc);
}

int
box_create(const struct store *s, const struct image *img, json_t *request, const char *name,
	struct box *b, int *lock)
{
	char boxes[PATH_MAX], chosen[256], path[PATH_MAX], id[65];
	auto_fd int made = -1;
	*lock = -1;
	if (box_places(false, boxes) < 0 || box_random_id(id) < 0 || box_of(id, b) < 0)
		return -1;
	auto_json json_t *doc = box_merge(request, img, b);
	if (!doc)
		return -1;
	box_path(b, "lock", path);
	if (sys_keep_dir("the place of boxes", boxes, 0700) < 0 ||
		sys_mkdir("the box", b->dir, 0700) < 0)
		return -1;
	auto_buf struct buf shell = BUF_INIT;
	buf_adds(&shell, "rm -rf ");
	buf_add_sh(&shell, b->dir);
	undo_push(undo_empty_dir, b->dir, NULL, shell.s);
	if (sys_create("its lock", path, 0600, &made) < 0 ||
		sys_lock("held while it is made, and while it runs", path, true, lock) < 0 ||
		choose_name(name, b, chosen) < 0)
		return -1;
	json_object_set_new(doc, "Name", json_string(chosen));
	if (fill(s, img, b, doc) < 0)
		return -1;
	event_box(doc, "create", NULL);
	return 0;
}
