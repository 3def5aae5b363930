/* SPDX-License-Identifier: MIT
 * What is changed about images, and what goes in and out.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/base64.h"
#include "base/err.h"
#include "image/ref.h"
#include "job.h"

#include <stdlib.h>
#include <string.h>

/* repo:tag, or repo@digest. */
static char *
name_of(const char *repo, const char *tag)
{
	bool more = tag && *tag;
	return fmt_new("%s%s%s", repo, !more ? "" : strchr(tag, ':') ? "@" : ":", more ? tag : "");
}

/* Who the client is to the registry: base64 of JSON, which goes on as it is, by descriptor. Returns
 * whether there is anything in it. -1 with `err` set. */
static int
credentials(const struct request *r, struct buf *text)
{
	const char *packed = request_header(r, "X-Registry-Auth");
	if (!packed || !*packed)
		return 0;
	if (base64_decode(packed, text) < 0)
		return err_set(ERR_INVALID, NULL, "X-Registry-Auth is not base64");
	auto_json json_t *doc = json_parse("X-Registry-Auth", buf_str(text), text->len);
	if (!doc)
		return err_set(ERR_INVALID, NULL, "X-Registry-Auth is not JSON");
	return *body_text(doc, "username") || *body_text(doc, "identitytoken") ||
		*body_text(doc, "registrytoken");
}

/* Starts a tool that is to know them, the words being those after its own options. */
static struct job *
start_known(const struct request *r, const char *why, struct strlist *l, const char *name)
{
	auto_buf struct buf secret = BUF_INIT;
	int known = credentials(r, &secret);
	if (known < 0) {
		words_free(l);
		return NULL;
	}
	if (known)
		word(l, "--creds-fd=0");
	word(l, "--");
	word(l, name);
	struct job *j = job_start(why, l, known, 0);
	if (j && known && job_feed(j, secret.s, secret.len) < 0) {
		job_free(j);
		j = NULL;
	}
	if (secret.s)
		explicit_bzero(secret.s, secret.len);
	if (j)
		job_fed(j);
	return j;
}

/* Runs img-pull or img-push with them, and passes on what it prints. What is not there is told in
 * the words that clients look for. */
static int
transfer(struct request *r, bool pull, const char *name, const char *platform)
{
	struct strlist l = {0};
	word(&l, pull ? "img-pull" : "img-push");
	word(&l, "--json");
	if (platform && *platform)
		wordf(&l, "--platform=%s", platform);
	struct job *j = start_known(r, "between registry and store", &l, name);
	/* The first line only says what is looked for. */
	if (j && job_stream_json(r, j, 1) == 0)
		return 0;
	struct err why = err;
	if (why.class == ERR_NOT_FOUND)
		return pull ? err_set(ERR_NOT_FOUND, name, "manifest for %s not found: %s", name,
				      why.message)
			    : err_set(ERR_NOT_FOUND, name,
				      "An image does not exist locally with the tag: %s", name);
	return -1;
}

/* ---- create: pulled, or made of a tar ---- */

static void
add_change(void *self, const char *value)
{
	if (*value)
		wordf(self, "--change=%s", value);
}

int
images_begin_create(struct request *r)
{
	struct strlist l = {0};
	const char *from = request_query(r, "fromSrc"), *repo = request_query(r, "repo"),
		   *message = request_query(r, "message");
	if (!from)
		return 0;
	if (strcmp(from, "-") != 0)
		return err_set(ERR_UNSUPPORTED, from, "only a tar in the request can be imported");
	word(&l, "img-import");
	if (message && *message)
		wordf(&l, "--message=%s", message);
	request_each(r, "changes", add_change, &l);
	if (repo && *repo) {
		auto_free char *name = name_of(repo, request_query(r, "tag"));
		word(&l, "--");
		word(&l, name);
	}
	r->job = job_start("a tar becomes an image", &l, true, 0);
	return r->job ? 0 : -1;
}

/* What the tool of r->job prints, when it has all its input. */
static int
output(struct request *r, struct buf *out)
{
	char data[4096];
	ssize_t n;
	job_fed(r->job);
	while ((n = job_read(r->job, NULL, data, sizeof(data))) > 0)
		buf_add(out, data, (size_t)n);
	return job_result(r->job);
}

static int
import(struct request *r)
{
	auto_buf struct buf id = BUF_INIT, line = BUF_INIT;
	if (output(r, &id) < 0)
		return -1;
	if (id.s)
		id.s[strcspn(id.s, "\n")] = '\0';
	buf_adds(&line, "{\"status\":");
	buf_add_json(&line, buf_str(&id));
	buf_adds(&line, "}\r\n");
	return reply_bytes(r, 200, "application/json", line.s, line.len);
}

int
images_create(struct request *r)
{
	const char *repo = request_query(r, "fromImage");
	if (r->job)
		return import(r);
	if (!repo || !*repo)
		return err_set(ERR_INVALID, NULL, "neither fromImage nor fromSrc says what");
	auto_free char *name = name_of(repo, request_query(r, "tag"));
	return transfer(r, true, name, request_query(r, "platform"));
}

int
images_push(struct request *r)
{
	auto_free char *name = name_of(r->part[0], request_query(r, "tag"));
	return transfer(r, false, name, NULL);
}

int
distribution_inspect(struct request *r)
{
	struct strlist l = {0};
	auto_buf struct buf out = BUF_INIT;
	word(&l, "img-remote");
	word(&l, "--json");
	struct job *j = start_known(r, "what the registry has", &l, r->part[0]);
	int ok = j ? job_collect(j, &out) : -1;
	job_free(j);
	return ok < 0 ? -1 : reply_bytes(r, 200, "application/json", buf_str(&out), out.len);
}

/* A line an image becomes a list of them. */
static json_t *
list_of_lines(const char *tool, char *text)
{
	json_t *out = json_array();
	for (char *save, *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		json_t *one = json_parse(tool, line, strlen(line));
		if (one)
			json_array_append_new(out, one);
	}
	return out;
}

int
images_look_for(struct request *r)
{
	struct strlist l = {0};
	auto_buf struct buf out = BUF_INIT;
	const char *term = request_query(r, "term"), *limit = request_query(r, "limit");
	if (!term || !*term)
		return err_set(ERR_INVALID, NULL, "no term says what to look for");
	word(&l, "img-search");
	word(&l, "--json");
	if (limit && *limit && strcmp(limit, "0") != 0)
		wordf(&l, "--limit=%s", limit);
	struct job *j = start_known(r, "what the registry has", &l, term);
	int ok = j ? job_collect(j, &out) : -1;
	job_free(j);
	return ok < 0 ? -1 : reply_json(r, 200, list_of_lines("img-search", out.s));
}

/* ---- names ---- */

int
images_tag(struct request *r)
{
	struct strlist l = {0};
	const char *repo = request_query(r, "repo");
	if (!repo || !*repo)
		return err_set(ERR_INVALID, NULL, "no repository is named");
	auto_free char *name = name_of(repo, request_query(r, "tag"));
	word(&l, "img-tag");
	word(&l, "--");
	word(&l, r->part[0]);
	word(&l, name);
	if (job_run("another name", &l, NULL, NULL) < 0)
		return no_such_image(r->part[0]);
	return reply_empty(r, 201);
}

/* "Untagged: NAME" and "Deleted: ID", a line each, as a list of objects. */
static json_t *
removals(char *text)
{
	json_t *out = json_array();
	for (char *save, *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		char *value = strstr(line, ": ");
		if (!value)
			continue;
		*value = '\0';
		json_array_append_new(out, json_pack("{s:s}", line, value + 2));
	}
	return out;
}

int
images_rm(struct request *r)
{
	struct strlist l = {0};
	auto_buf struct buf out = BUF_INIT;
	word(&l, "img-rm");
	if (request_flag(r, "force", false))
		word(&l, "--force");
	word(&l, "--");
	word(&l, r->part[0]);
	if (job_run("a name goes, and with the last one the image", &l, NULL, &out) < 0)
		return no_such_image(r->part[0]);
	json_t *list = removals(out.s);
	if (!request_flag(r, "noprune", false)) {
		word(&l, "img-gc");
		word(&l, "--keep-nameless");
		if (job_run("and what only it needed", &l, NULL, NULL) < 0)
			err_clear();
	}
	return reply_json(r, 200, list);
}

int
images_prune(struct request *r)
{
	struct strlist l = {0}, filters;
	auto_buf struct buf out = BUF_INIT;
	if (body_filters(r, &filters) < 0)
		return -1;
	word(&l, "tb-prune");
	word(&l, "--json");
	word(&l, "--only=images");
	for (size_t i = 0; i < filters.n; i++)
		if (strcmp(filters.v[i], "dangling=false") == 0 ||
			strcmp(filters.v[i], "dangling=0") == 0)
			word(&l, "--all");
		else if (strncmp(filters.v[i], "dangling=", 9) != 0)
			wordf(&l, "--filter=%s", filters.v[i]);
	words_free(&filters);
	if (job_run("images that nobody needs go", &l, NULL, &out) < 0)
		return -1;
	auto_json json_t *doc = json_parse("tb-prune", buf_str(&out), out.len);
	json_t *list = json_array(), *item;
	size_t i;
	json_array_foreach(json_object_get(doc, "ImagesDeleted"), i, item)
		json_array_append_new(list, json_pack("{s:O}", "Untagged", item));
	return reply_json(r, 200,
		json_pack("{s:o,s:O}", "ImagesDeleted", list, "SpaceReclaimed",
			json_object_get(doc, "SpaceReclaimed")));
}

/* ---- archives ---- */

static void
add_name(void *self, const char *value)
{
	auto_free char *copy = str_new(value);
	for (char *save, *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
		word(self, w);
}

static int
save(struct request *r, struct strlist *l)
{
	struct job *j = job_start("images as an archive", l, false, 0);
	return j ? job_stream(r, j, "application/x-tar") : -1;
}

int
images_save(struct request *r)
{
	struct strlist l = {0};
	word(&l, "img-save");
	word(&l, "--");
	request_each(r, "names", add_name, &l);
	if (l.n > 2)
		return save(r, &l);
	words_free(&l);
	return err_set(ERR_INVALID, NULL, "no image is named");
}

int
images_save_one(struct request *r)
{
	struct strlist l = {0};
	word(&l, "img-save");
	word(&l, "--");
	word(&l, r->part[0]);
	return save(r, &l);
}

int
images_begin_load(struct request *r)
{
	struct strlist l = {0};
	word(&l, "img-load");
	word(&l, "--json");
	r->job = job_start("the images of an archive", &l, true, 0);
	return r->job ? 0 : -1;
}

/* As people know it. */
static void
add_familiar(const char *name, struct buf *out)
{
	struct ref ref;
	if (ref_parse_name(name, &ref) < 0) {
		err_clear();
		buf_adds(out, name);
	} else {
		ref_familiar(&ref, out);
	}
}

static void
tell_loaded(const json_t *one, struct buf *out)
{
	const json_t *names = json_object_get(one, "names");
	json_t *name;
	size_t i;
	auto_buf struct buf line = BUF_INIT;
	json_array_foreach(names, i, name)
	{
		buf_adds(&line, "Loaded image: ");
		add_familiar(json_string_value(name), &line);
		buf_addc(&line, '\n');
	}
	if (!json_array_size(names))
		buf_addf(&line, "Loaded image ID: %s\n", body_text(one, "id"));
	buf_adds(out, "{\"stream\":");
	buf_add_json(out, line.s);
	buf_adds(out, "}\r\n");
}

int
images_load(struct request *r)
{
	auto_buf struct buf text = BUF_INIT, out = BUF_INIT;
	if (output(r, &text) < 0)
		return -1;
	for (char *save, *line = text.s ? strtok_r(text.s, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		auto_json json_t *one = json_parse("img-load", line, strlen(line));
		if (one)
			tell_loaded(one, &out);
	}
	return reply_bytes(r, 200, "application/json", buf_str(&out), out.len);
}
