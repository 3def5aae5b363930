/* SPDX-License-Identifier: MIT
 * Documents and filters of requests.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "job.h"

#include <string.h>
#include <strings.h>

/* What follows the first value is ignored, as Go's decoder does: so its end is to be found first.
 * Quotes and brackets tell it; whether it is JSON is the parser's to say. */
static size_t
first_value(const char *s, size_t n)
{
	int depth = 0;
	bool text = false;
	for (size_t i = 0; i < n; i++) {
		if (text) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				text = false;
			continue;
		}
		if (s[i] == '"')
			text = true;
		else if (s[i] == '{' || s[i] == '[')
			depth++;
		else if ((s[i] == '}' || s[i] == ']') && --depth == 0)
			return i + 1;
	}
	return n;
}

json_t *
body_json(struct request *r, bool optional)
{
	const char *s = buf_str(&r->body);
	size_t blank = strspn(s, " \t\r\n");
	err_clear();
	if (blank == r->body.len) {
		if (!optional)
			err_set(ERR_INVALID, NULL, "the request has no body");
		return NULL;
	}
	r->body.len = first_value(s, r->body.len);
	json_t *doc = json_parse("the body", s, r->body.len);
	if (doc && !json_is_object(doc)) {
		json_decref(doc);
		err_set(ERR_INVALID, NULL, "the body is not a JSON object");
		return NULL;
	}
	return doc;
}

json_t *
body_member(const json_t *doc, const char *name)
{
	const char *key;
	json_t *v = json_object_get(doc, name);
	if (v)
		return v;
	json_object_foreach(
		(json_t *)(uintptr_t)doc, key, v) if (strcasecmp(key, name) == 0) return v;
	return NULL;
}

const char *
body_text(const json_t *doc, const char *name)
{
	const char *s = json_string_value(body_member(doc, name));
	return s ? s : "";
}

bool
body_flag(const json_t *doc, const char *name)
{
	return json_is_true(body_member(doc, name));
}

static void
add_filter(struct strlist *l, const char *key, const char *value)
{
	strlist_add(l, fmt_new("%s=%s", key, value));
}

/* {"label": {"a=b": true}} as Go's clients write it, {"label": ["a=b"]} as others do. */
static int
add_filters(struct strlist *l, json_t *doc)
{
	const char *key, *value;
	json_t *of, *v;
	size_t i;
	json_object_foreach(doc, key, of)
	{
		if (!json_is_object(of) && !json_is_array(of))
			return err_set(ERR_INVALID, key, "invalid filter '%s'", key);
		json_object_foreach(of, value, v) if (!json_is_false(v)) add_filter(l, key, value);
		json_array_foreach(of, i, v)
		{
			if (!json_is_string(v))
				return err_set(ERR_INVALID, key, "invalid filter '%s'", key);
			add_filter(l, key, json_string_value(v));
		}
	}
	return 0;
}

int
body_filters(const struct request *r, struct strlist *l)
{
	const char *text = request_query(r, "filters");
	*l = (struct strlist){0};
	if (!text || !*text)
		return 0;
	auto_json json_t *doc = json_parse("filters", text, strlen(text));
	if (!doc)
		return -1;
	if (!json_is_object(doc))
		return err_set(ERR_INVALID, NULL, "filters is not a JSON object");
	if (add_filters(l, doc) == 0)
		return 0;
	words_free(l);
	return -1;
}
