/* SPDX-License-Identifier: MIT
 * img-tree: the layers of all images as the tree that they are.
 *
 * A layer is kept under the hash of itself and all below it (its chain id), so two images that
 * begin alike share the trunk, on the disk and here. Where branches part, images begin to differ.
 *
 *	img-tree --dot | dot -Tsvg > tree.svg
 */
#include "base/err.h"
#include "base/human.h"
#include "door/tool.h"
#include "image/list.h"
#include "image/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	bool dot, json;
} o;

static const struct opt options[] = {
	{0, "dot", NULL, opt_flag, &o.dot, "a graph for dot(1) of Graphviz", false},
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object a layer: chain_id, parent, diff_id, size, images", false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-tree",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... [IMAGE]...",
	.summary = "Draws the layers of all images, or of those named, as a tree.",
	.options = options,
	.example = "img-tree",
};

/* A layer upon the layers below it. */
struct node {
	const struct image_layer *layer;
	ssize_t parent; /* -1: it stands on nothing */
	int64_t size;
	const struct image **images; /* that end here */
	size_t n_images;
};
struct tree {
	const struct store *s;
	struct names chains; /* numbers the nodes */
	struct node *v;
	size_t n;
};

static void
add_image(struct tree *t, const struct image *img)
{
	ssize_t at = -1;
	for (size_t i = 0; i < img->n; i++) {
		const struct image_layer *l = &img->layers[i];
		int is_new;
		ssize_t below = at;
		at = names_add(&t->chains, l->chain, DIGEST_SIZE - 1, &is_new);
		if (!is_new)
			continue;
		t->v = realloc(t->v, (t->n + 1) * sizeof(*t->v));
		if (at < 0 || !t->v)
			abort();
		t->v[t->n++] = (struct node){.layer = l, .parent = below, .size = -1};
		if (store_has_layer(t->s, l->chain))
			t->v[at].size = store_layer_size(t->s, l->chain);
	}
	if (at < 0)
		return; /* an image without a layer is no part of any tree */
	struct node *top = &t->v[at];
	top->images = realloc(top->images, (top->n_images + 1) * sizeof(const struct image *));
	if (!top->images)
		abort();
	top->images[top->n_images++] = img;
}

static void
add_size(const struct node *x, struct buf *out)
{
	if (x->size < 0)
		buf_addc(out, '-');
	else
		human_size(x->size, out);
}

static void
add_name(const struct image *img, struct buf *out)
{
	auto_buf struct buf repository = BUF_INIT, tag = BUF_INIT;
	image_shown_name(img, &repository, &tag);
	if (!img->name)
		buf_addf(out, "<none> %.12s", digest_hex(img->id));
	else if (strcmp(tag.s, "<none>") == 0)
		buf_adds(out, repository.s);
	else
		buf_addf(out, "%s:%s", repository.s, tag.s);
}

static void
print_line(const struct node *x, const char *trunk, const char *branch)
{
	auto_buf struct buf line = BUF_INIT, names = BUF_INIT;
	buf_addf(&line, "%s%s%.12s  ", trunk, branch, digest_hex(x->layer->diff_id));
	add_size(x, &line);
	for (size_t i = 0; i < x->n_images; i++) {
		buf_adds(&names, i ? ", " : "  ");
		add_name(x->images[i], &names);
	}
	buf_add_visible(&line, buf_str(&names));
	puts(line.s);
}

/* The layers upon `parent`. Depth is bounded: an image has 500 layers at most. */
static void
draw(const struct tree *t, ssize_t parent, struct buf *trunk)
{
	size_t last = 0, before = trunk->len;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].parent == parent)
			last = i;
	for (size_t i = 0; i <= last && i < t->n; i++) {
		if (t->v[i].parent != parent)
			continue;
		const char *branch = parent < 0 ? "" : i == last ? "└─ " : "├─ ";
		print_line(&t->v[i], buf_str(trunk), branch);
		buf_adds(trunk, parent < 0 ? "" : i == last ? "   " : "│  ");
		draw(t, (ssize_t)i, trunk);
		trunk->len = before;
		if (trunk->s)
			trunk->s[before] = '\0';
	}
}

/* Strings of dot are quoted as JSON's are, for what stands in names and sizes. */
static void
print_dot(const struct tree *t)
{
	puts("digraph images {\n\trankdir=BT;\n\tnode [shape=box];");
	for (size_t i = 0; i < t->n; i++) {
		const struct node *x = &t->v[i];
		auto_buf struct buf size = BUF_INIT;
		add_size(x, &size);
		printf("\tl%zu [label=\"%.12s\\n%s\"];\n", i, digest_hex(x->layer->diff_id),
			size.s);
		if (x->parent >= 0)
			printf("\tl%zu -> l%zd;\n", i, x->parent);
		for (size_t k = 0; k < x->n_images; k++) {
			auto_buf struct buf name = BUF_INIT, quoted = BUF_INIT;
			add_name(x->images[k], &name);
			buf_add_json(&quoted, name.s);
			printf("\ti%zu_%zu [label=%s, style=rounded];\n\ti%zu_%zu -> l%zu;\n", i, k,
				quoted.s, i, k, i);
		}
	}
	puts("}");
}

static void
print_json(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct node *x = &t->v[i];
		auto_buf struct buf out = BUF_INIT;
		buf_addf(&out, "{\"chain_id\":\"%s\",\"parent\":", x->layer->chain);
		if (x->parent < 0)
			buf_adds(&out, "null");
		else
			buf_addf(&out, "\"%s\"", t->v[x->parent].layer->chain);
		buf_addf(&out, ",\"diff_id\":\"%s\",\"size\":", x->layer->diff_id);
		if (x->size < 0)
			buf_adds(&out, "null");
		else
			buf_addf(&out, "%lld", (long long)x->size);
		buf_adds(&out, ",\"images\":[");
		for (size_t k = 0; k < x->n_images; k++) {
			auto_buf struct buf name = BUF_INIT;
			add_name(x->images[k], &name);
			buf_adds(&out, k ? "," : "");
			buf_add_json(&out, name.s);
		}
		printf("%s]}\n", out.s);
	}
}

static void
find_named(const struct store *s, const struct args *a, struct image_list *l)
{
	l->v = calloc((size_t)a->n, sizeof(*l->v));
	if (!l->v)
		abort();
	for (; l->n < (size_t)a->n; l->n++)
		if (image_find(s, a->operand[l->n], &l->v[l->n]) < 0)
			tool_die();
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = store_open();
	struct image_list list = {0};
	struct tree t = {.s = s};
	auto_buf struct buf left_out = BUF_INIT, trunk = BUF_INIT;
	if (o.dot && o.json)
		tool_usage("--dot and --json exclude each other");
	if (!s)
		tool_die();
	if (a.n)
		find_named(s, &a, &list);
	else if (images_list(s, &list, &left_out) < 0)
		tool_die();
	for (size_t i = 0; i < list.n; i++)
		add_image(&t, &list.v[i]);
	if (o.dot)
		print_dot(&t);
	else if (o.json)
		print_json(&t);
	else
		draw(&t, -1, &trunk);
	for (size_t i = 0; i < t.n; i++)
		free(t.v[i].images);
	free(t.v);
	names_free(&t.chains);
	images_list_free(&list);
	int status = tool_finish();
	if (left_out.len)
		tool_warn("%.*s", (int)strcspn(left_out.s, "\n"), left_out.s);
	return left_out.len ? EXIT_COULD_NOT : status;
}
