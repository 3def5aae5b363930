/* SPDX-License-Identifier: MIT
 * What is to be seen of containers.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "box/list.h"
#include "cache.h"
#include "job.h"

#include <stdlib.h>
#include <string.h>

static json_t *
items(const struct box_list *l, size_t limit, bool size)
{
	json_t *out = json_array();
	for (size_t i = 0; i < l->n && i < limit; i++)
		json_array_append_new(out, show_item(&l->v[i], size));
	return out;
}

static int
list_kept(struct request *r)
{
	auto_buf struct buf out = BUF_INIT;
	if (cache_list(request_flag(r, "all", false), &out) < 0)
		return -1;
	return reply_bytes(r, 200, "application/json", out.s, out.len);
}

int
containers_list(struct request *r)
{
	struct strlist filters;
	struct box_list l;
	int64_t limit = 0;
	const char *text = request_query(r, "limit");
	if (text && *text && strcmp(text, "-1") != 0 && parse_int(text, 0, INT32_MAX, &limit) < 0)
		return -1;
	if (body_filters(r, &filters) < 0)
		return -1;
	if (!filters.n && !limit && !request_flag(r, "size", false))
		return list_kept(r);
	int ok = boxes_list(&filters, limit || request_flag(r, "all", false), false, &l);
	words_free(&filters);
	if (ok < 0)
		return -1;
	json_t *doc = items(&l, limit ? (size_t)limit : SIZE_MAX, request_flag(r, "size", false));
	boxes_free(&l);
	return reply_json(r, 200, doc);
}

int
containers_inspect(struct request *r)
{
	struct box b;
	struct box_look l = {0};
	if (box_find(r->part[0], &b) < 0 || box_look(&b, &l) < 0) {
		json_decref(l.doc);
		return -1;
	}
	json_t *doc = show_document(&l, request_flag(r, "size", false));
	json_decref(l.doc);
	return reply_json(r, 200, doc);
}

int
containers_top(struct request *r)
{
	struct strlist l = {0};
	const char *args = request_query(r, "ps_args");
	word(&l, "box-top");
	word(&l, "--json");
	word(&l, "--");
	word(&l, r->part[0]);
	auto_free char *copy = str_new(args ? args : "");
	for (char *save, *w = strtok_r(copy, " \t", &save); w; w = strtok_r(NULL, " \t", &save))
		word(&l, w);
	return job_reply_json(r, "its processes", &l, NULL, 200);
}

int
containers_diff(struct request *r)
{
	struct strlist l = {0};
	auto_buf struct buf out = BUF_INIT;
	static const char kinds[] = "CAD";
	word(&l, "box-diff");
	word(&l, "--json");
	word(&l, "--");
	word(&l, r->part[0]);
	if (job_run("what it has changed", &l, NULL, &out) < 0)
		return -1;
	auto_json json_t *list = json_array();
	for (char *save, *line = out.s ? strtok_r(out.s, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		auto_json json_t *one = json_parse("box-diff", line, strlen(line));
		if (!one)
			return -1;
		const char *kind = body_text(one, "kind");
		const char *at = *kind ? strchr(kinds, *kind) : NULL;
		json_array_append_new(list,
			json_pack("{s:s,s:i}", "Path", body_text(one, "path"), "Kind",
				at ? (int)(at - kinds) : 0));
	}
	return reply_json(r, 200, json_incref(list));
}

int
containers_export(struct request *r)
{
	struct strlist l = {0};
	word(&l, "box-export");
	word(&l, "--");
	word(&l, r->part[0]);
	struct job *j = job_start("all its files", &l, false, 0);
	return j ? job_stream(r, j, "application/x-tar") : -1;
}

static void
add_change(void *self, const char *value)
{
	auto_free char *copy = str_new(value);
	for (char *save, *line = strtok_r(copy, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		wordf(self, "--change=%s", line);
}

int
containers_commit(struct request *r)
{
	struct strlist l = {0};
	auto_buf struct buf id = BUF_INIT;
	const char *box = request_query(r, "container"), *repo = request_query(r, "repo"),
		   *tag = request_query(r, "tag"), *author = request_query(r, "author"),
		   *comment = request_query(r, "comment");
	if (!box || !*box)
		return err_set(ERR_INVALID, NULL, "no container is named");
	word(&l, "box-commit");
	if (!request_flag(r, "pause", true))
		word(&l, "--no-pause");
	if (author && *author)
		wordf(&l, "--author=%s", author);
	if (comment && *comment)
		wordf(&l, "--message=%s", comment);
	request_each(r, "changes", add_change, &l);
	word(&l, "--");
	word(&l, box);
	if (repo && *repo)
		wordf(&l, "%s%s%s", repo, tag && *tag ? ":" : "", tag ? tag : "");
	if (job_run("it becomes an image", &l, NULL, &id) < 0)
		return -1;
	return reply_json(r, 201, json_pack("{s:s}", "Id", buf_str(&id)));
}
