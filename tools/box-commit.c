/* SPDX-License-Identifier: MIT
 * box-commit: what a box has changed becomes a layer upon its image, and that a new image.
 *
 *	box-commit web web:mended
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/event.h"
#include "box/stop.h"
#include "box/view.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/tell.h"
#include "door/tool.h"
#include "image/image.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct {
	const char *author, *message;
	struct strlist change;
	bool go_on;
} o;

static const struct opt options[] = {
	{'a', "author", "WHO", opt_str, &o.author, "who made it", false},
	{'m', "message", "TEXT", opt_str, &o.message, "what the history says of it", false},
	{'c', "change", "LINE", opt_list, &o.change,
		"a setting, as a Dockerfile has it (repeatable)", false},
	{0, "no-pause", NULL, opt_flag, &o.go_on, "let the box go on meanwhile", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-commit",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... BOX [NAME]",
	.summary = "Makes an image of a box, called NAME, and prints its id.",
	.options = options,
	.example = "box-commit --change 'CMD [\"/bin/sh\"]' example mine",
	.rights = RIGHTS_ROOT,
};

static void
add_change(struct strlist *l, char *line)
{
	strlist_add(l, "--change");
	strlist_add(l, line);
}

/* A word between double quotes, as Dockerfiles have it. */
static void
add_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		if (strchr("\"\\$", *s))
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

static void
add_list(struct strlist *l, const char *word, const json_t *list)
{
	auto_buf struct buf line = BUF_INIT;
	if (!json_array_size(list))
		return;
	buf_addf(&line, "%s ", word);
	json_visible(list, JSON_COMPACT, &line);
	add_change(l, buf_take(&line));
}

static void
add_pairs(struct strlist *l, const json_t *config)
{
	json_t *item;
	const char *key;
	size_t i;
	json_array_foreach(json_object_get(config, "Env"), i, item)
	{
		auto_buf struct buf line = BUF_INIT;
		const char *pair = json_string_value(item), *sign = strchr(pair, '=');
		if (!sign)
			continue;
		buf_addf(&line, "ENV %.*s=", (int)(sign - pair), pair);
		add_quoted(&line, sign + 1);
		add_change(l, buf_take(&line));
	}
	json_object_foreach((json_t *)(uintptr_t)json_object_get(config, "Labels"), key, item)
	{
		auto_buf struct buf line = BUF_INIT;
		buf_adds(&line, "LABEL ");
		add_quoted(&line, key);
		buf_addc(&line, '=');
		add_quoted(&line, json_string_value(item));
		add_change(l, buf_take(&line));
	}
}

/* Names of the members: ports, or places of volumes. */
static void
add_names(struct strlist *l, const char *word, const json_t *object)
{
	auto_json json_t *list = json_array();
	const char *key;
	json_t *item;
	json_object_foreach((json_t *)(uintptr_t)object, key, item)
	{
		if (strcmp(word, "EXPOSE") == 0)
			add_change(l, fmt_new("EXPOSE %s", key));
		else
			json_array_append_new(list, json_string(key));
	}
	add_list(l, word, list);
}

/* What the box was told to be without, though its image has it. */
static void
add_empty(struct strlist *l, const json_t *doc, const json_t *config)
{
	static const struct {
		const char *line, *member;
	} lists[] = {{"ENTRYPOINT []", "Entrypoint"}, {"CMD []", "Cmd"}};
	auto_store struct store *s = store_open();
	auto_image struct image img = {0};
	/* An image that has gone is img-commit's to complain about. */
	if (!s || image_find(s, box_text(doc, "ImageID"), &img) < 0) {
		err_clear();
		return;
	}
	const json_t *theirs = json_object_get(img.config, "config");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (!json_array_size(json_object_get(config, lists[i].member)) &&
			json_array_size(json_object_get(theirs, lists[i].member)))
			add_change(l, str_new(lists[i].line));
}

static void
add_healthcheck(struct strlist *l, const json_t *check)
{
	static const struct {
		const char *option, *member;
	} times[] = {{"interval", "Interval"}, {"timeout", "Timeout"},
		{"start-period", "StartPeriod"}, {"start-interval", "StartInterval"}};
	auto_buf struct buf line = BUF_INIT;
	auto_json json_t *words = json_deep_copy(json_object_get(check, "Test"));
	json_int_t n;
	if (!json_array_size(words))
		return;
	auto_free char *how = str_new(json_string_value(json_array_get(words, 0)));
	buf_adds(&line, "HEALTHCHECK");
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if ((n = json_integer_value(json_object_get(check, times[i].member))))
			buf_addf(&line, " --%s=%lldns", times[i].option, n);
	if ((n = json_integer_value(json_object_get(check, "Retries"))))
		buf_addf(&line, " --retries=%lld", n);
	json_array_remove(words, 0);
	if (strcmp(how, "NONE") == 0) {
		buf_adds(&line, " NONE");
	} else if (strcmp(how, "CMD-SHELL") == 0) {
		buf_addf(&line, " CMD %s", json_string_value(json_array_get(words, 0)));
	} else {
		buf_adds(&line, " CMD ");
		json_visible(words, JSON_COMPACT, &line);
	}
	add_change(l, buf_take(&line));
}

/* What the box was told to be, the image is to be. */
static void
add_settings(struct strlist *l, const json_t *doc, const json_t *config)
{
	static const struct {
		const char *word, *member;
	} texts[] = {{"USER", "User"}, {"WORKDIR", "WorkingDir"}, {"STOPSIGNAL", "StopSignal"}};
	add_list(l, "ENTRYPOINT", json_object_get(config, "Entrypoint"));
	add_list(l, "CMD", json_object_get(config, "Cmd"));
	add_empty(l, doc, config);
	add_healthcheck(l, json_object_get(config, "Healthcheck"));
	add_pairs(l, config);
	add_names(l, "EXPOSE", json_object_get(config, "ExposedPorts"));
	add_names(l, "VOLUME", json_object_get(config, "Volumes"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (*box_text(config, texts[i].member))
			add_change(l,
				fmt_new("%s %s", texts[i].word, box_text(config, texts[i].member)));
	for (size_t i = 0; i < o.change.n; i++)
		add_change(l, str_new(o.change.v[i]));
}

static int
commit_words(const struct box *b, const json_t *doc, const char *name, struct strlist *l)
{
	auto_buf struct buf by = BUF_INIT;
	auto_json json_t *config = box_read(b, "config.json");
	json_t *item;
	size_t i;
	if (!config)
		return -1;
	json_array_foreach(box_value(config, "process.args"), i, item)
		buf_addf(&by, "%s%s", i ? " " : "", json_string_value(item));
	const char *const fixed[] = {"--parent", box_text(doc, "ImageID"), "--created-by",
		buf_str(&by), o.author ? "--author" : NULL, o.author,
		o.message ? "--message" : NULL, o.message};
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i])
			strlist_add(l, str_new(fixed[i]));
	add_settings(l, doc, json_object_get(doc, "Config"));
	if (name)
		strlist_add(l, name);
	strlist_add(l, NULL);
	return 0;
}

/* Two tools and a pipe. When the first one fails the second one sees no whole tar, and makes
 * nothing. */
static int
commit(const struct box *b, const json_t *doc, const char *name, struct buf *id)
{
	struct strlist diff = {0}, image = {0};
	if (!view_has_layer(b, doc)) {
		strlist_add(&image, "img-commit");
		strlist_add(&image, "--no-layer");
		return commit_words(b, doc, name, &image) < 0
			? -1
			: run_tool("it has no layer of its own, only settings", image.v, id);
	}
	strlist_add(&diff, "ufs-diff");
	strlist_add(&image, "img-commit");
	if (view_diff_words(b, doc, &diff) < 0 || commit_words(b, doc, name, &image) < 0)
		return -1;
	strlist_add(&diff, NULL);
	return run_pipe("its own layer becomes a layer of an image", diff.v, image.v, id);
}

/* It may end by itself meanwhile, and then needs neither. */
static int
freeze(const struct box *b, bool yes)
{
	struct box_state st;
	if (box_freeze(b, yes) == 0)
		return 0;
	struct err why = err;
	box_state(b, &st);
	err = why;
	if (st.status == BOX_RUNNING || st.status == BOX_PAUSED)
		return -1;
	err_clear();
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	auto_buf struct buf id = BUF_INIT;
	struct box_state st;
	struct box b;
	if (a.n < 1 || a.n > 2)
		tool_usage(a.n ? "more than one NAME" : "no BOX given");
	if (box_find(a.operand[0], &b) < 0)
		tool_die();
	auto_json json_t *doc = box_read(&b, "box.json");
	if (!doc)
		tool_die();
	box_state(&b, &st);
	bool pause = st.status == BOX_RUNNING && !o.go_on;
	if (pause && freeze(&b, true) < 0) {
		/* An ordinary user may have no group to freeze. */
		if (!rootless_here() || err.class != ERR_INTERNAL)
			tool_die();
		tool_warn("the box goes on meanwhile, for it cannot be paused");
		pause = false;
	}
	bool nested = false;
	int ok = view_layer(&b, doc, &nested) < 0
		? -1
		: commit(&b, doc, a.n == 2 ? a.operand[1] : NULL, &id);
	if (nested)
		tell_unnest(NULL);
	struct err why = err;
	if (pause && freeze(&b, false) < 0 && ok == 0)
		tool_die();
	err = why;
	if (ok < 0)
		tool_die();
	if (id.len) {
		id.s[id.len - 1] = '\0';
		event_box(doc, "commit",
			json_pack("{s:s,s:s}", "imageID", id.s, "comment",
				o.message ? o.message : ""));
		tool_result("%s", id.s);
	}
	return tool_finish();
}
