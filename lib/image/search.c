/* SPDX-License-Identifier: MIT */
#include "image/search.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX (4 << 20)
#define PAGES_MAX 100 /* of a catalog: no person waits for more */
#define HUB "https://index.docker.io/v1/search"

/* A name of a registry has a dot or a port, or is localhost: as in references. */
static const char *
split(const char *term, struct ref *r)
{
	size_t n = strcspn(term, "/");
	*r = (struct ref){0};
	snprintf(r->host, sizeof(r->host), "%.*s", (int)(n < sizeof(r->host) ? n : 0), term);
	if (term[n] && (strpbrk(r->host, ".:") || strcmp(r->host, "localhost") == 0))
		return term + n + 1;
	snprintf(r->host, sizeof(r->host), "docker.io");
	return term;
}

static json_t *
item(const char *name, const json_t *from)
{
	return json_pack("{s:s,s:s,s:I,s:b,s:b}", "name", name, "description",
		json_text(from, "description"), "star_count",
		json_integer_value(json_object_get(from, "star_count")), "is_official",
		json_is_true(json_object_get(from, "is_official")), "is_automated",
		json_is_true(json_object_get(from, "is_automated")));
}

/* ---- Docker's hub ---- */

static int
take(void *self, const void *p, size_t n)
{
	buf_add(self, p, n);
	return 1;
}

static int
ask_hub(struct registry *g, const char *url, struct buf *body)
{
	struct fetch r = {.url = url, .max = DOCUMENT_MAX, .write = take, .self = body};
	struct step st;
	int ok = 0;
	if (step_open(&st, "fetch", "ask Docker's hub what it has")) {
		ok = fetch_now(registry_fetcher(g), &r);
		if (ok == 0 && r.status != 200)
			ok = registry_refused(g, HUB, &r);
		fetch_free(registry_fetcher(g), &r);
		errno = err.no ? err.no : EPROTO;
		step_result(&st, ok);
	}
	if (step_told(&st)) {
		step_call(&st, "GET %s", url);
		step_shell(&st, "curl -fsS '%s'", url);
	}
	if (step_close(&st) < 0 && ok == 0)
		return err_sys("fetch", HUB, "cannot ask %s", HUB);
	return ok;
}

static json_t *
search_hub(struct registry *g, const char *term, int64_t limit)
{
	auto_buf struct buf url = BUF_INIT, body = BUF_INIT;
	json_t *one, *out = json_array();
	size_t i;
	buf_adds(&url, HUB "?q=");
	buf_add_percent(&url, term, strlen(term));
	buf_addf(&url, "&n=%lld", (long long)limit);
	int ok = ask_hub(g, url.s, &body);
	auto_json json_t *doc =
		ok == 0 && !step_dry() ? json_parse(HUB, buf_str(&body), body.len) : NULL;
	json_array_foreach(json_object_get(doc, "results"), i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		if (name && (int64_t)json_array_size(out) < limit)
			json_array_append_new(out, item(name, one));
	}
	if (doc)
		return out;
	json_decref(out);
	return NULL;
}

/* ---- a registry ---- */

/* The names behind `last`, NULL: from the first. A registry gives fewer than it is asked for if it
 * likes (Docker Registry HTTP API V2, "Listing Repositories"). */
static json_t *
catalog_page(struct registry *g, const struct ref *r, const char *last)
{
	auto_buf struct buf body = BUF_INIT, tail = BUF_INIT;
	char type[128];
	buf_adds(&tail, "_catalog?n=1000");
	if (last) {
		buf_adds(&tail, "&last=");
		buf_add_percent(&tail, last, strlen(last));
	}
	if (registry_get(g, "ask the registry what it has", r->host, tail.s, NULL, DOCUMENT_MAX,
		    &body, type) < 0 ||
		step_dry())
		return NULL;
	return json_parse(r->host, buf_str(&body), body.len);
}

static void
add_matching(json_t *out, const json_t *names, const struct ref *r, const char *term, int64_t limit)
{
	json_t *one;
	size_t i;
	json_array_foreach(names, i, one)
	{
		const char *path = json_string_value(one);
		if (!path || !strstr(path, term) || (int64_t)json_array_size(out) >= limit)
			continue;
		auto_free char *name = fmt_new("%s/%s", r->host, path);
		json_array_append_new(out, item(name, NULL));
	}
}

/* Until a page is empty, or ends as the one before: some do not know last=, and give all at once.
 */
static json_t *
search_catalog(struct registry *g, const struct ref *r, const char *term, int64_t limit)
{
	json_t *out = json_array();
	auto_free char *last = NULL;
	for (int i = 0; i < PAGES_MAX && (int64_t)json_array_size(out) < limit; i++) {
		auto_json json_t *doc = catalog_page(g, r, last);
		const json_t *names = json_object_get(doc, "repositories");
		const char *end =
			json_string_value(json_array_get(names, json_array_size(names) - 1));
		if (!doc) {
			json_decref(out);
			return NULL;
		}
		if (!end || (last && strcmp(last, end) == 0))
			break;
		add_matching(out, names, r, term, limit);
		free(last);
		last = str_new(end);
	}
	return out;
}

json_t *
images_search(const char *term, int64_t limit, const struct registry_options *o)
{
	struct ref r;
	const char *rest = split(term, &r);
	struct registry *g = registry_open(&r, NULL, o);
	if (!g)
		return NULL;
	json_t *out = strcmp(r.host, "docker.io") == 0 ? search_hub(g, rest, limit)
						       : search_catalog(g, &r, rest, limit);
	registry_close(g);
	return out;
}
