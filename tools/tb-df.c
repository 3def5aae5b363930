/* SPDX-License-Identifier: MIT
 * tb-df: how much disk images, boxes and volumes take, and how much of it nobody needs.
 *
 *	tb-df
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "base/table.h"
#include "box/show.h"
#include "box/volume_list.h"
#include "door/state.h"
#include "door/tool.h"
#include "image/boxes.h"
#include "image/history.h"
#include "image/list.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool json;

static const struct opt options[] = {
	{'j', "json", NULL, opt_flag, &json,
		"one JSON object, as the Docker Engine API has it (GET /system/df)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "tb-df",
	.kind = TOOL_SHOWS,
	.usage = "[--json]",
	.summary = "Shows what images, boxes and volumes take on the disk.",
	.options = options,
	.example = "tb-df",
	.rights = RIGHTS_ROOT,
};

struct kind {
	const char *name;
	size_t total, active;
	int64_t size, reclaimable;
	json_t *items;
};

struct usage {
	struct kind images, boxes, volumes;
	int64_t layers; /* bytes of all of them, each once */
};

/* Every unpacked layer once; what no box is made of could go. */
static int
add_layers(struct usage *u, const struct names *needed)
{
	char dir[PATH_MAX], path[PATH_MAX + 300];
	const struct dirent *e;
	if (state_root_path(dir, "layers") < 0)
		return -1;
	auto_dir DIR *d = opendir(dir);
	while (d && (e = readdir(d))) {
		if (strlen(e->d_name) != 69 || strcmp(e->d_name + 64, ".json") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		auto_json json_t *record = json_read(path, 4096);
		int64_t size = json_integer_value(json_object_get(record, "size"));
		u->layers += size;
		if (names_find(needed, e->d_name, 64) < 0)
			u->images.reclaimable += size;
	}
	err_clear();
	return 0;
}

/* The item of this image, which several names may have. */
static json_t *
item_of(struct usage *u, const struct store *s, const struct image *img, bool used)
{
	json_t *item;
	size_t i;
	json_array_foreach(u->images.items, i,
		item) if (strcmp(box_text(item, "Id"), img->id) == 0) return item;
	int64_t size = image_size(s, img);
	item = json_pack("{s:s,s:s,s:[],s:[],s:I,s:I,s:I,s:i,s:n,s:i}", "Id", img->id, "ParentId",
		"", "RepoTags", "RepoDigests", "Created", (json_int_t)image_created(img), "Size",
		(json_int_t)(size < 0 ? 0 : size), "VirtualSize", (json_int_t)(size < 0 ? 0 : size),
		"SharedSize", 0, "Labels", "Containers", 0);
	json_array_append_new(u->images.items, item);
	u->images.total++;
	u->images.active += used;
	return item;
}

static int
add_images(struct usage *u)
{
	struct names ids = {0}, layers = {0};
	struct image_list l = {0};
	auto_buf struct buf left_out = BUF_INIT;
	auto_store struct store *s = store_open();
	if (!s || images_list(s, &l, &left_out) < 0)
		return -1;
	boxes_images(s, &ids, &layers);
	for (size_t i = 0; i < l.n; i++) {
		auto_buf struct buf name = BUF_INIT, tag = BUF_INIT;
		bool used = names_find(&ids, l.v[i].id, strlen(l.v[i].id)) >= 0;
		json_t *item = item_of(u, s, &l.v[i], used);
		image_shown_name(&l.v[i], &name, &tag);
		buf_addf(&name, ":%s", buf_str(&tag));
		if (l.v[i].name)
			json_array_append_new(
				json_object_get(item, "RepoTags"), json_string(buf_str(&name)));
	}
	int ok = add_layers(u, &layers);
	u->images.size = u->layers;
	if (left_out.len)
		tool_warn("%.*s", (int)strcspn(left_out.s, "\n"), left_out.s);
	images_list_free(&l);
	names_free(&ids);
	names_free(&layers);
	return ok;
}

/* Counts a box for its image. */
static void
count_user(struct usage *u, const char *id)
{
	json_t *item;
	size_t i;
	json_array_foreach(u->images.items, i, item) if (strcmp(box_text(item, "Id"), id) == 0)
		json_object_set_new(item, "Containers",
			json_integer(json_integer_value(json_object_get(item, "Containers")) + 1));
}

static int
add_box(const struct box *b, void *arg)
{
	struct usage *u = arg;
	struct box_look l;
	int64_t own, all;
	if (box_look(b, &l) < 0) {
		err_clear();
		return 0;
	}
	bool runs = l.st.status == BOX_RUNNING || l.st.status == BOX_PAUSED;
	box_sizes(&l, &own, &all);
	count_user(u, box_text(l.doc, "ImageID"));
	u->boxes.total++;
	u->boxes.active += runs;
	u->boxes.size += own;
	u->boxes.reclaimable += runs ? 0 : own;
	json_array_append_new(u->boxes.items, show_item(&l, true));
	json_decref(l.doc);
	return 0;
}

static int
add_volumes(struct usage *u)
{
	const struct strlist all = {0};
	struct volume_list l = {0};
	if (volumes_list(&all, &l) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const struct volume_item *v = &l.v[i];
		int64_t size = volume_size(&v->v);
		u->volumes.total++;
		u->volumes.active += v->users > 0;
		u->volumes.size += size;
		u->volumes.reclaimable += v->users ? 0 : size;
		json_object_set_new(v->doc, "UsageData",
			json_pack("{s:I,s:I}", "Size", (json_int_t)size, "RefCount",
				(json_int_t)v->users));
		json_array_append(u->volumes.items, v->doc);
	}
	volumes_free(&l);
	return 0;
}

static void
add_row(struct table *t, const struct kind *k)
{
	auto_buf struct buf size = BUF_INIT, back = BUF_INIT;
	char total[24], active[24];
	snprintf(total, sizeof(total), "%zu", k->total);
	snprintf(active, sizeof(active), "%zu", k->active);
	human_size(k->size, &size);
	human_size(k->reclaimable, &back);
	if (k->size)
		buf_addf(&back, " (%d%%)", (int)((double)k->reclaimable * 100 / (double)k->size));
	table_row(t, (const char *const[]){k->name, total, active, size.s, back.s});
}

static void
print(const struct usage *u)
{
	auto_buf struct buf out = BUF_INIT;
	if (json) {
		auto_json json_t *doc =
			json_pack("{s:I,s:O,s:O,s:O,s:[],s:i}", "LayersSize", (json_int_t)u->layers,
				"Images", u->images.items, "Containers", u->boxes.items, "Volumes",
				u->volumes.items, "BuildCache", "BuilderSize", 0);
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
		return;
	}
	struct table t = {.columns = 5};
	table_row(&t, (const char *const[]){"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"});
	add_row(&t, &u->images);
	add_row(&t, &u->boxes);
	add_row(&t, &u->volumes);
	table_write(&t, &out);
	tool_result("%.*s", (int)out.len - 1, out.s);
	table_free(&t);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct usage u = {.images = {.name = "Images", .items = json_array()},
		.boxes = {.name = "Containers", .items = json_array()},
		.volumes = {.name = "Local Volumes", .items = json_array()}};
	if (a.n)
		tool_usage("it takes no operand");
	if (add_images(&u) < 0 || box_each(add_box, &u) < 0 || add_volumes(&u) < 0)
		tool_die();
	print(&u);
	json_decref(u.images.items);
	json_decref(u.boxes.items);
	json_decref(u.volumes.items);
	return tool_finish();
}
