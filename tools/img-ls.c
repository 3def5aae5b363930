/* SPDX-License-Identifier: MIT
 * img-ls: the images of the store, newest first.
 */
#include "base/err.h"
#include "base/human.h"
#include "base/table.h"
#include "door/tool.h"
#include "image/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
	bool json, quiet, whole, digests;
	struct strlist filter;
} o;

static const struct opt options[] = {
	{'q', "quiet", NULL, opt_flag, &o.quiet, "only the ids, each once", false},
	{0, "no-trunc", NULL, opt_flag, &o.whole, "ids in full", false},
	{0, "digests", NULL, opt_flag, &o.digests, "the registry's digest too", false},
	{0, "filter", "WORD", opt_list, &o.filter,
		"only images with dangling=true, label=KEY[=VALUE], reference=PATTERN, before=IMAGE, since=IMAGE",
		false},
	{0, "json", NULL, opt_flag, &o.json,
		"one JSON object an image: repository, tag, digest, id, manifest, platform, created, layers, blob_size, size",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "img-ls",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... [IMAGE]...",
	.summary = "Lists the images of the store: all, or those named.",
	.options = options,
	.example = "img-ls",
};

/* One line of the list. */
struct row {
	const struct image *img;
	struct buf repository, tag; /* "<none>" for what there is not */
	time_t created; /* 0: not said */
	int64_t size, blob_size;
};

static void
fill_row(const struct store *s, const struct image *img, struct row *r)
{
	*r = (struct row){.img = img, .created = image_created(img), .size = image_size(s, img)};
	image_shown_name(img, &r->repository, &r->tag);
	r->blob_size = img->config_size;
	for (size_t i = 0; i < img->n; i++)
		if (__builtin_add_overflow(r->blob_size, img->layers[i].blob.size, &r->blob_size))
			r->blob_size = INT64_MAX;
}

static int
newest_first(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	if (a->created != b->created)
		return a->created < b->created ? 1 : -1;
	return strcmp(a->img->name ? a->img->name : "", b->img->name ? b->img->name : "");
}

static const char *
id_shown(const char *digest)
{
	static char part[DIGEST_SIZE];
	snprintf(part, sizeof(part), "%.*s", o.whole ? DIGEST_SIZE : 12,
		o.whole ? digest : digest_hex(digest));
	return part;
}

static void
add_to_table(const struct row *r, struct table *t)
{
	auto_buf struct buf ago = BUF_INIT, size = BUF_INIT;
	if (r->created)
		human_ago(r->created, time(NULL), &ago);
	if (r->size >= 0)
		human_size(r->size, &size);
	table_cell(t, r->repository.s);
	table_cell(t, r->tag.s);
	if (o.digests)
		table_cell(t, r->img->source ? r->img->source : "<none>");
	table_cell(t, id_shown(r->img->id));
	table_cell(t, ago.len ? ago.s : "-");
	table_cell(t, size.len ? size.s : "-");
}

/* "key":"value", null for an empty one. */
static void
add_member(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "%c\"%s\":", out->len ? ',' : '{', key);
	if (value && *value)
		buf_add_json(out, value);
	else
		buf_adds(out, "null");
}

static void
print_json(const struct row *r)
{
	auto_buf struct buf out = BUF_INIT, platform = BUF_INIT;
	platform_text(&r->img->platform, &platform);
	add_member(&out, "repository", r->img->name ? r->repository.s : NULL);
	add_member(&out, "tag", strcmp(r->tag.s, "<none>") == 0 ? NULL : r->tag.s);
	add_member(&out, "digest", r->img->source);
	add_member(&out, "id", r->img->id);
	add_member(&out, "manifest", r->img->digest);
	add_member(&out, "platform", buf_str(&platform));
	add_member(&out, "created", r->img->created);
	buf_addf(&out, ",\"layers\":%zu,\"blob_size\":%lld,\"size\":", r->img->n,
		(long long)r->blob_size);
	if (r->size < 0)
		buf_adds(&out, "null}");
	else
		buf_addf(&out, "%lld}", (long long)r->size);
	puts(out.s);
}

/* One image may have several names; its id is printed once. */
static void
print_ids(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool before = false;
		for (size_t k = 0; k < i && !before; k++)
			before = strcmp(rows[k].img->id, rows[i].img->id) == 0;
		if (!before)
			puts(id_shown(rows[i].img->id));
	}
}

static void
print_table(const struct row *rows, size_t n)
{
	struct table t = {.columns = o.digests ? 6 : 5};
	auto_buf struct buf out = BUF_INIT;
	table_cell(&t, "REPOSITORY");
	table_cell(&t, "TAG");
	if (o.digests)
		table_cell(&t, "DIGEST");
	table_cell(&t, "IMAGE ID");
	table_cell(&t, "CREATED");
	table_cell(&t, "SIZE");
	for (size_t i = 0; i < n; i++)
		add_to_table(&rows[i], &t);
	table_write(&t, &out);
	fputs(buf_str(&out), stdout);
	table_free(&t);
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

/* Those that pass the filter, newest first. */
static struct row *
make_rows(const struct store *s, const struct image_list *l, size_t *n)
{
	struct image_filter f;
	struct row *rows = calloc(l->n + 1, sizeof(*rows));
	if (!rows)
		abort();
	if (image_filter_ready(s, &o.filter, &f) < 0)
		tool_die();
	for (size_t i = 0; i < l->n; i++)
		if (image_filter_passes(&f, &l->v[i]))
			fill_row(s, &l->v[i], &rows[(*n)++]);
	qsort(rows, *n, sizeof(*rows), newest_first);
	return rows;
}

/* One that cannot be read is named, and left out; the status tells. */
static void
warn_left_out(struct buf *left_out)
{
	for (char *line = left_out->s, *end; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		tool_warn("%s", line);
	}
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = store_open();
	struct image_list list = {0};
	auto_buf struct buf left_out = BUF_INIT;
	size_t n = 0;
	if (!s)
		tool_die();
	if (a.n > 0)
		find_named(s, &a, &list);
	else if (images_list(s, &list, &left_out) < 0)
		tool_die();
	warn_left_out(&left_out);
	struct row *rows = make_rows(s, &list, &n);
	if (o.quiet)
		print_ids(rows, n);
	else if (!o.json)
		print_table(rows, n);
	for (size_t i = 0; i < n; i++) {
		if (o.json)
			print_json(&rows[i]);
		buf_free(&rows[i].repository);
		buf_free(&rows[i].tag);
	}
	free(rows);
	images_list_free(&list);
	int status = tool_finish();
	return left_out.len ? EXIT_COULD_NOT : status;
}
