/* SPDX-License-Identifier: MIT
 * tb-prune: removes what nobody needs: boxes that do not run, images without a name.
 *
 *	tb-prune --all --volumes
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "box/show.h"
#include "door/spawn.h"
#include "door/tool.h"
#include "image/boxes.h"
#include "image/list.h"

#include <string.h>

static struct {
	bool all, volumes, json;
	const char *only;
} o;

static const struct opt options[] = {
	{'a', "all", NULL, opt_flag, &o.all, "also images with a name, if no box is made of them",
		false},
	{0, "volumes", NULL, opt_flag, &o.volumes, "also anonymous volumes that no box has", false},
	{0, "only", "KIND", opt_str, &o.only, "nothing but containers, or nothing but images",
		false},
	{'j', "json", NULL, opt_flag, &o.json,
		"one JSON object: ContainersDeleted, ImagesDeleted, VolumesDeleted, SpaceReclaimed",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "tb-prune",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]...",
	.summary = "Removes boxes that do not run, and images that have no name and no box.",
	.options = options,
	.example = "tb-prune --volumes",
};

struct prune {
	json_t *boxes, *images, *volumes;
	int64_t bytes;
};

static int
remove_box(const struct box *b, void *arg)
{
	struct prune *p = arg;
	struct box_look l;
	int64_t own = 0, all;
	if (box_look(b, &l) < 0) {
		err_clear();
		return 0;
	}
	bool idle = !l.st.busy && (l.st.status == BOX_CREATED || l.st.status == BOX_EXITED);
	if (idle)
		box_sizes(&l, &own, &all);
	json_decref(l.doc);
	if (!idle)
		return 0;
	/* One that somebody starts at this moment stays: box-rm has said so. */
	if (run_tool("it does not run", (const char *[]){"box-rm", b->id, NULL}, NULL) < 0) {
		err_clear();
		return 0;
	}
	p->bytes += own;
	json_array_append_new(p->boxes, json_string(b->id));
	return 0;
}

/* Whether box-rm has left no box that needs it. */
static int
remove_names(struct prune *p)
{
	struct names ids = {0};
	struct image_list l = {0};
	auto_buf struct buf left_out = BUF_INIT;
	auto_store struct store *s = store_open();
	if (!s || images_list(s, &l, &left_out) < 0)
		return -1;
	bool known = boxes_images(s, &ids, NULL);
	for (size_t i = 0; known && i < l.n; i++) {
		auto_buf struct buf told = BUF_INIT;
		if (!l.v[i].name || names_find(&ids, l.v[i].id, strlen(l.v[i].id)) >= 0)
			continue;
		if (run_tool("no box is made of it", (const char *[]){"img-rm", l.v[i].name, NULL},
			    &told) < 0)
			continue;
		json_array_append_new(p->images, json_string(l.v[i].name));
	}
	images_list_free(&l);
	names_free(&ids);
	return 0;
}

static int
collect(struct prune *p)
{
	auto_buf struct buf out = BUF_INIT;
	if (run_tool("what no name and no box leads to", (const char *[]){"img-gc", "--json", NULL},
		    &out) < 0)
		return -1;
	auto_json json_t *doc = out.len ? json_parse("img-gc", out.s, out.len) : NULL;
	p->bytes += json_integer_value(json_object_get(doc, "bytes"));
	return 0;
}

static int
remove_volumes(struct prune *p)
{
	auto_buf struct buf out = BUF_INIT;
	json_t *name;
	size_t i;
	if (run_tool("volumes without a name that no box has",
		    (const char *[]){"vol-prune", "--json", NULL}, &out) < 0)
		return -1;
	auto_json json_t *doc = out.len ? json_parse("vol-prune", out.s, out.len) : NULL;
	p->bytes += json_integer_value(json_object_get(doc, "SpaceReclaimed"));
	json_array_foreach(json_object_get(doc, "VolumesDeleted"), i, name)
		json_array_append(p->volumes, name);
	return 0;
}

static void
print_list(const char *title, const json_t *list)
{
	json_t *item;
	size_t i;
	if (!json_array_size(list))
		return;
	tool_result("%s", title);
	json_array_foreach(list, i, item) tool_result("%s", json_string_value(item));
	tool_result("%s", "");
}

static void
print(const struct prune *p)
{
	auto_buf struct buf out = BUF_INIT;
	if (o.json) {
		auto_json json_t *doc = json_pack("{s:O,s:O,s:O,s:I}", "ContainersDeleted",
			p->boxes, "ImagesDeleted", p->images, "VolumesDeleted", p->volumes,
			"SpaceReclaimed", (json_int_t)p->bytes);
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
		return;
	}
	print_list("Deleted Containers:", p->boxes);
	print_list("Deleted Images:", p->images);
	print_list("Deleted Volumes:", p->volumes);
	human_size(p->bytes, &out);
	tool_result("Total reclaimed space: %s", buf_str(&out));
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct prune p = {json_array(), json_array(), json_array(), 0};
	if (a.n)
		tool_usage("it takes no operand");
	if (o.only && strcmp(o.only, "containers") != 0 && strcmp(o.only, "images") != 0)
		tool_usage("--only %s: write containers or images", o.only);
	bool images = !o.only || *o.only == 'i';
	if (((!o.only || !images) && box_each(remove_box, &p) < 0) ||
		(images && ((o.all && remove_names(&p) < 0) || collect(&p) < 0)) ||
		(o.volumes && remove_volumes(&p) < 0))
		tool_die();
	print(&p);
	json_decref(p.boxes);
	json_decref(p.images);
	json_decref(p.volumes);
	return tool_finish();
}
