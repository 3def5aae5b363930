/* SPDX-License-Identifier: MIT
 * tb-prune: removes what nobody needs: boxes that do not run, images without a name.
 *
 *	tb-prune --all --volumes
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/filter.h"
#include "base/human.h"
#include "box/log.h"
#include "box/show.h"
#include "door/spawn.h"
#include "door/tool.h"
#include "image/boxes.h"
#include "image/list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
	bool all, volumes, json;
	const char *only;
	struct strlist filter;
} o;

static const struct opt options[] = {
	{'a', "all", NULL, opt_flag, &o.all, "also images with a name, if no box is made of them",
		false},
	{0, "volumes", NULL, opt_flag, &o.volumes, "also anonymous volumes that no box has", false},
	{0, "only", "KIND", opt_str, &o.only, "nothing but containers, or nothing but images",
		false},
	{'f', "filter", "KEY=VALUE", opt_list, &o.filter,
		"only what fits: until label label! (repeatable)", false},
	{'j', "json", NULL, opt_flag, &o.json,
		"one JSON object: ContainersDeleted, NetworksDeleted, ImagesDeleted, "
		"VolumesDeleted, SpaceReclaimed",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "tb-prune",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]...",
	.summary = "Removes boxes that do not run, networks without a box, images without a name.",
	.options = options,
	.example = "tb-prune --volumes",
	.rights = RIGHTS_ROOT,
};

struct prune {
	json_t *boxes, *networks, *images, *volumes;
	int64_t bytes;
};

/* What the filters ask of a box or an image. */
struct thing {
	int64_t made; /* nanoseconds since 1970 */
	const json_t *labels;
};

static int64_t until;

static bool
fits(const void *thing, const char *key, const char *value)
{
	const struct thing *t = thing;
	if (strcmp(key, "until") == 0)
		return t->made < until;
	return filter_label(t->labels, value) == !key[5];
}

static int
check_filters(void)
{
	if (filter_check(&o.filter, (const char *const[]){"until", "label", "label!", NULL}) < 0)
		return -1;
	for (size_t i = 0; i < o.filter.n; i++) {
		if (strncmp(o.filter.v[i], "until=", 6) != 0)
			continue;
		if (o.volumes)
			return err_set(ERR_INVALID, "until",
				"The \"until\" filter is not supported with \"--volumes\"");
		if (until)
			return err_set(
				ERR_INVALID, "until", "more than one until filter specified");
		if (log_parse_time(o.filter.v[i] + 6, &until) < 0)
			return -1;
	}
	return 0;
}

static int
remove_box(const struct box *b, void *arg)
{
	struct prune *p = arg;
	struct box_look l;
	struct thing t = {0};
	int64_t own = 0, all;
	if (box_look(b, &l) < 0) {
		err_clear();
		return 0;
	}
	t.labels = box_value(l.doc, "Config.Labels");
	bool idle = !l.st.busy && (l.st.status == BOX_CREATED || l.st.status == BOX_EXITED) &&
		log_parse_time(box_text(l.doc, "Created"), &t.made) == 0 &&
		filter_passes(&o.filter, fits, &t);
	if (idle)
		box_sizes(&l, &own, &all);
	json_decref(l.doc);
	err_clear();
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

static bool
image_fits(const struct image *img)
{
	const struct thing t = {(int64_t)image_created(img) * 1000000000,
		json_object_get(json_object_get(img->config, "config"), "Labels")};
	return filter_passes(&o.filter, fits, &t);
}

/* Those with a name, and with a filter those without one: else these are the collector's. It is
 * asked whether box-rm has left no box that needs them. */
static int
remove_images(struct prune *p)
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
		const struct image *img = &l.v[i];
		const char *name = img->name ? img->name : img->id;
		if (!(img->name ? o.all : o.filter.n > 0) || !image_fits(img) ||
			names_find(&ids, img->id, strlen(img->id)) >= 0)
			continue;
		if (run_tool("no box is made of it", (const char *[]){"img-rm", name, NULL},
			    &told) < 0)
			continue;
		json_array_append_new(p->images, json_string(name));
	}
	images_list_free(&l);
	names_free(&ids);
	return 0;
}

static int
collect(struct prune *p)
{
	auto_buf struct buf out = BUF_INIT;
	const char *const argv[] = {
		"img-gc", "--json", o.filter.n ? "--keep-nameless" : "--cache", NULL};
	if (run_tool("what no name and no box leads to", argv, &out) < 0)
		return -1;
	auto_json json_t *doc = out.len ? json_parse("img-gc", out.s, out.len) : NULL;
	p->bytes += json_integer_value(json_object_get(doc, "bytes"));
	return 0;
}

/* Runs a tool that prunes, with the filters, and takes what it says. */
static int
prune_by(const char *why, const char *tool, const char *member, json_t *names, int64_t *bytes)
{
	auto_buf struct buf out = BUF_INIT;
	struct strlist argv = {0};
	json_t *name;
	size_t i;
	strlist_add(&argv, (char *)(uintptr_t)tool);
	strlist_add(&argv, (char *)(uintptr_t) "--json");
	for (i = 0; i < o.filter.n; i++) {
		strlist_add(&argv, (char *)(uintptr_t) "--filter");
		strlist_add(&argv, o.filter.v[i]);
	}
	strlist_add(&argv, NULL);
	int r = run_tool(why, argv.v, &out);
	free(argv.v);
	if (r < 0)
		return -1;
	auto_json json_t *doc = out.len ? json_parse(tool, out.s, out.len) : NULL;
	*bytes += json_integer_value(json_object_get(doc, "SpaceReclaimed"));
	json_array_foreach(json_object_get(doc, member), i, name) json_array_append(names, name);
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
		auto_json json_t *doc = json_pack("{s:O,s:O,s:O,s:O,s:I}", "ContainersDeleted",
			p->boxes, "NetworksDeleted", p->networks, "ImagesDeleted", p->images,
			"VolumesDeleted", p->volumes, "SpaceReclaimed", (json_int_t)p->bytes);
		json_visible(doc, JSON_COMPACT, &out);
		tool_result("%s", buf_str(&out));
		return;
	}
	print_list("Deleted Containers:", p->boxes);
	print_list("Deleted Networks:", p->networks);
	print_list("Deleted Images:", p->images);
	print_list("Deleted Volumes:", p->volumes);
	human_size(p->bytes, &out);
	tool_result("Total reclaimed space: %s", buf_str(&out));
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct prune p = {json_array(), json_array(), json_array(), json_array(), 0};
	if (a.n)
		tool_usage("it takes no operand");
	if (o.only && strcmp(o.only, "containers") != 0 && strcmp(o.only, "images") != 0)
		tool_usage("--only %s: write containers or images", o.only);
	bool boxes = !o.only || *o.only == 'c', images = !o.only || *o.only == 'i';
	if (check_filters() < 0 || (boxes && box_each(remove_box, &p) < 0) ||
		/* Of networks it is not known since when they are without a box. */
		(!until && !o.only &&
			prune_by("networks that no box is to be in", "net-prune", "NetworksDeleted",
				p.networks, &p.bytes) < 0) ||
		(images && (o.all || o.filter.n) && remove_images(&p) < 0) ||
		(images && collect(&p) < 0) ||
		(o.volumes &&
			prune_by("volumes without a name that no box has", "vol-prune",
				"VolumesDeleted", p.volumes, &p.bytes) < 0))
		tool_die();
	print(&p);
	json_decref(p.boxes);
	json_decref(p.networks);
	json_decref(p.images);
	json_decref(p.volumes);
	return tool_finish();
}
