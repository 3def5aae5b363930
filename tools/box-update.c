/* SPDX-License-Identifier: MIT
 * box-update: changes the limits and the restart policy of a box, while it runs too.
 *
 *	box-update -m 128m web
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/bundle.h"
#include "box/each.h"
#include "box/event.h"
#include "box/limits.h"
#include "box/network.h"
#include "box/shape.h"
#include "box/words.h"
#include "door/spawn.h"
#include "door/tool.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct box_words words;
static const char *json;
static json_t *wanted; /* of HostConfig */

static const struct opt own[] = {
	{0, "json", "-|FILE", opt_str, &json,
		"take them from a document, as the Docker Engine API has it", false},
	OPT_END,
};
static struct opt options[BOX_WORDS_MAX];

static const struct tool me = {
	.name = "box-update",
	.kind = TOOL_ACTS,
	.usage = "OPTION... BOX...",
	.summary = "Changes limits or restart policy of each BOX, and prints what it is called.",
	.options = options,
	.example = "box-update --pids-limit 100 example",
	.rights = RIGHTS_ROOT,
};

/* Nothing, 0 and "" mean that it stays as it is. */
static bool
says_nothing(const json_t *v)
{
	return !v || json_is_null(v) || (json_is_integer(v) && json_integer_value(v) == 0) ||
		(json_is_string(v) && !*json_string_value(v)) ||
		(json_is_array(v) && !json_array_size(v)) ||
		(json_is_object(v) && says_nothing(json_object_get(v, "Name")));
}

static void
change(json_t *h)
{
	const char *key;
	json_t *value;
	json_int_t before = json_integer_value(json_object_get(h, "Memory"));
	json_object_foreach(wanted, key, value) if (!says_nothing(value) && box_is_limit(key))
		json_object_set(h, key, value);
	/* Twice the memory was a guess of ours, and is one again; what somebody has said stays. */
	json_int_t memory = json_integer_value(json_object_get(wanted, "Memory"));
	json_int_t swap = json_integer_value(json_object_get(h, "MemorySwap"));
	if (memory > 0 && says_nothing(json_object_get(wanted, "MemorySwap")) &&
		(swap == 0 || swap == 2 * before))
		json_object_set_new(h, "MemorySwap", json_integer(2 * memory));
}

static int
apply(const struct box *b, const json_t *h)
{
	struct strlist l = {0};
	struct box_state st;
	char group[96];
	box_state(b, &st);
	if (st.status != BOX_RUNNING && st.status != BOX_PAUSED)
		return 0;
	box_group(b, group);
	strlist_add(&l, "cg-set");
	box_limits(h, &l);
	bool any = l.n > 1;
	strlist_add(&l, group);
	strlist_add(&l, NULL);
	int r = any ? run_tool("its new limits", l.v, NULL) : 0;
	free(l.v);
	return r;
}

static int
one(const struct box *b, const char *name)
{
	auto_fd int lock = -1;
	(void)name;
	/* So that nobody else changes box.json meanwhile: net-connect does. */
	if (network_hold(true, &lock) < 0)
		return -1;
	auto_json json_t *doc = box_read(b, "box.json"), *config = NULL;
	if (!doc || !(config = box_read(b, "config.json")))
		return -1;
	json_t *h = json_object_get(doc, "HostConfig");
	change(h);
	if (box_flag(h, "AutoRemove") && strcmp(box_text(h, "RestartPolicy.Name"), "no") != 0)
		return err_set(ERR_CONFLICT, b->id,
			"Restart policy cannot be updated because AutoRemove is enabled for the "
			"container");
	json_t *resources = box_check_limits(h) < 0 || apply(b, h) < 0 ? NULL : bundle_resources(h);
	if (!resources)
		return -1;
	json_object_set_new(json_object_get(config, "linux"), "resources", resources);
	if (box_write_compact(b, "config.json", "the limits of its next run", config) < 0 ||
		box_write(b, "box.json", "what is asked for now", doc) < 0)
		return -1;
	event_box(doc, "update", NULL);
	return 0;
}

static bool
has_policy(json_t *h)
{
	const char *key;
	json_t *value;
	json_object_foreach(h, key, value) if (strcasecmp(key, "RestartPolicy") == 0) return true;
	return false;
}

/* The API's document is a HostConfig without that name around it. */
static json_t *
request(void)
{
	auto_json json_t *doc =
		json ? json_read(json, JSON_SIZE_MAX) : box_words_document(&words, "", NULL);
	if (!doc)
		return NULL;
	json_t *h = json ? doc : json_object_get(doc, "HostConfig");
	auto_json json_t *empty = json_object();
	const struct jat at = jat_top("update", h ? h : empty);
	json_t *full = shape_fill(&at, json_object_get(shape_create(), "HostConfig"));
	/* What nobody speaks of would be "no". */
	if (full && !has_policy(h))
		json_object_del(full, "RestartPolicy");
	return full;
}

int
main(int argc, char **argv)
{
	box_words_limits(&words, own, options);
	struct args a = tool_start(&me, argc, argv);
	if (!a.n)
		tool_usage("no BOX given");
	if (!(wanted = request()))
		tool_die();
	return box_each_operand(&a, one);
}
