/* SPDX-License-Identifier: MIT
 * box-create: makes a box of an image.
 *
 * A box is a directory: config.json says how it runs, in the words of the OCI runtime
 * specification, so that other runtimes can run it too. Nothing runs yet, and nothing is mounted.
 *
 *	box-start "$(box-create --name web alpine sleep 100)"
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "box/create.h"
#include "box/shape.h"
#include "box/words.h"
#include "door/sys.h"
#include "door/tool.h"

#include <string.h>
#include <strings.h>

static struct box_words words;
static struct {
	const char *name, *json, *cidfile;
	bool strict;
} o;

static const struct opt own[] = {
	{0, "name", "NAME", opt_str, &o.name, "its name (one is made up otherwise)", false},
	{0, "cidfile", "FILE", opt_str, &o.cidfile, "write its id to a new file", false},
	{0, "json", "-|FILE", opt_str, &o.json,
		"take all from a document, as the Docker Engine API has it", false},
	{0, "strict", NULL, opt_flag, &o.strict, "refuse members of it that are not known", false},
	OPT_END,
};
static struct opt options[BOX_WORDS_MAX];

static const struct tool me = {
	.name = "box-create",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... IMAGE [COMMAND [ARG]...]\n--json -|FILE [--name NAME]",
	.summary = "Makes a box of IMAGE, and prints its id.",
	.options = options,
	.example = "box-create --name example -m 64m example echo hello",
	.operands = 1,
	.takes_command = true,
	.rights = RIGHTS_ROOT,
};

/* The document, from the options or from outside; IMAGE is its own. */
static json_t *
request(const struct args *a)
{
	if (!o.json && a->n != 1)
		tool_usage("no IMAGE given");
	if (!o.json)
		return box_words_document(&words, a->operand[0], a->command);
	if (a->n)
		tool_usage("the document of --json says what the image is");
	json_t *doc = json_read(o.json, JSON_SIZE_MAX);
	const struct jat top = jat_top("the document", doc);
	if (!doc || !o.strict || shape_check_known(&top, shape_create()) == 0)
		return doc;
	json_decref(doc);
	return NULL;
}

static const char *
image_of(json_t *doc)
{
	const char *key;
	json_t *v;
	json_object_foreach(doc, key, v) if (strcasecmp(key, "Image") == 0 &&
		json_is_string(v)) return json_string_value(v);
	return "";
}

int
main(int argc, char **argv)
{
	box_words_options(&words, own, options);
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = NULL;
	auto_image struct image img = {0};
	auto_fd int lock = -1;
	struct box b;
	auto_json json_t *doc = request(&a);
	if (!doc)
		tool_die();
	if (!*image_of(doc)) {
		err_set(ERR_INVALID, NULL, "Config cannot be empty in order to create a container");
		tool_die();
	}
	if (!(s = store_open()) || store_hold(s) < 0 || image_find(s, image_of(doc), &img) < 0 ||
		box_create(s, &img, doc, o.name, &b, &lock) < 0 ||
		(o.cidfile && sys_replace("its id", o.cidfile, b.id, 64, 0644) < 0))
		tool_die();
	tool_result("%s", b.id);
	return tool_finish();
}
