/* SPDX-License-Identifier: MIT
 * img-ls: the images of the store, newest first.
 */
#include "base/err.h"
#include "base/human.h"
#include "base/table.h"
#include "door/tool.h"
#include "image/image.h"
#include "image/ref.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
	bool json, quiet, whole;
} o;

static const struct opt options[] = {
	{'q', "quiet", NULL, opt_flag, &o.quiet, "only the ids, each once", false},
	{0, "no-trunc", NULL, opt_flag, &o.whole, "ids in full", false},
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
	struct image img;
	struct ref ref; /* host is "" without a name that is a reference */
	time_t created; /* 0: not said */
	int64_t size, blob_size;
};

static void
fill_row(const struct store *s, struct row *r)
{
	if (r->img.name && ref_parse_name(r->img.name, &r->ref) < 0)
		r->ref = (struct ref){0};
	if (!r->img.created[0] || parse_rfc3339(r->img.created, &r->created) < 0)
		r->created = 0;
	err_clear();
	r->size = image_size(s, &r->img);
	r->blob_size = r->img.config_size;
	for (size_t i = 0; i < r->img.n; i++)
		if (__builtin_add_overflow(r->blob_size, r->img.layers[i].blob.size, &r->blob_size))
			r->blob_size = INT64_MAX;
}

static int
newest_first(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	if (a->created != b->created)
		return a->created < b->created ? 1 : -1;
	return strcmp(a->img.name ? a->img.name : "", b->img.name ? b->img.name : "");
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
	auto_buf struct buf repository = BUF_INIT, ago = BUF_INIT, size = BUF_INIT;
	if (r->ref.host[0])
		ref_familiar_name(&r->ref, &repository);
	else
		buf_adds(&repository, r->img.name ? r->img.name : "<none>");
	if (r->created)
		human_ago(r->created, time(NULL), &ago);
	if (r->size >= 0)
		human_size(r->size, &size);
	table_row(t,
		(const char *const[]){buf_str(&repository), r->ref.tag[0] ? r->ref.tag : "<none>",
			id_shown(r->img.id), ago.len ? ago.s : "-", size.len ? size.s : "-"});
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
	auto_buf struct buf out = BUF_INIT, name = BUF_INIT, platform = BUF_INIT;
	if (r->ref.host[0])
		ref_familiar_name(&r->ref, &name);
	else
		buf_adds(&name, r->img.name ? r->img.name : "");
	platform_text(&r->img.platform, &platform);
	add_member(&out, "repository", buf_str(&name));
	add_member(&out, "tag", r->ref.tag);
	add_member(&out, "digest", r->img.source);
	add_member(&out, "id", r->img.id);
	add_member(&out, "manifest", r->img.digest);
	add_member(&out, "platform", buf_str(&platform));
	add_member(&out, "created", r->img.created);
	buf_addf(&out, ",\"layers\":%zu,\"blob_size\":%lld,\"size\":", r->img.n,
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
			before = strcmp(rows[k].img.id, rows[i].img.id) == 0;
		if (!before)
			puts(id_shown(rows[i].img.id));
	}
}

static void
print_table(const struct row *rows, size_t n)
{
	static const char *const header[] = {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"};
	struct table t = {.columns = sizeof(header) / sizeof(header[0])};
	auto_buf struct buf out = BUF_INIT;
	table_row(&t, header);
	for (size_t i = 0; i < n; i++)
		add_to_table(&rows[i], &t);
	table_write(&t, &out);
	fputs(buf_str(&out), stdout);
	table_free(&t);
}

/* Loads all rows. One that cannot be read is named and left out; the status tells. */
static bool
load_all(const struct store *s, struct row **rows, size_t *n)
{
	struct index ix;
	struct index_entry e;
	bool good = true;
	if (index_load(s, &ix) < 0)
		tool_die();
	*rows = calloc(index_len(&ix) + 1, sizeof(**rows));
	if (!*rows)
		abort();
	for (size_t i = 0; i < index_len(&ix); i++) {
		struct row *r = *rows + *n;
		if (index_at(&ix, i, &e) == 0 && image_load(s, &e, &r->img) == 0) {
			fill_row(s, r);
			++*n;
			continue;
		}
		auto_buf struct buf why = BUF_INIT;
		err_text(&err, &why);
		tool_warn("image %s left out: %s", e.name ? e.name : e.digest, buf_str(&why));
		good = false;
	}
	index_free(&ix);
	return good;
}

static void
load_named(const struct store *s, const struct args *a, struct row **rows, size_t *n)
{
	*rows = calloc((size_t)a->n, sizeof(**rows));
	if (!*rows)
		abort();
	for (; *n < (size_t)a->n; ++*n) {
		if (image_find(s, a->operand[*n], &(*rows)[*n].img) < 0)
			tool_die();
		fill_row(s, *rows + *n);
	}
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = store_open();
	struct row *rows = NULL;
	size_t n = 0;
	bool good = true;
	if (!s)
		tool_die();
	if (a.n > 0)
		load_named(s, &a, &rows, &n);
	else
		good = load_all(s, &rows, &n);
	if (n)
		qsort(rows, n, sizeof(*rows), newest_first);
	if (o.quiet)
		print_ids(rows, n);
	else if (!o.json)
		print_table(rows, n);
	for (size_t i = 0; i < n; i++) {
		if (o.json)
			print_json(&rows[i]);
		image_free(&rows[i].img);
	}
	free(rows);
	int status = tool_finish();
	return good ? status : EXIT_COULD_NOT;
}
