/* SPDX-License-Identifier: MIT
 * box-run: a new box, started: img-pull, box-create and box-start in one. It links what
 * box-create calls, and so need not run it.
 *
 *	box-run --rm alpine echo hello
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/create.h"
#include "box/words.h"
#include "door/chain.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"
#include "image/image.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct box_words words;
static struct {
	const char *name, *cidfile, *pull, *platform, *keys;
	bool quiet;
} o = {.pull = "missing"};

static const struct opt own[] = {
	{0, "name", "NAME", opt_str, &o.name, "its name (one is made up otherwise)", false},
	{0, "cidfile", "FILE", opt_str, &o.cidfile, "write its id to a new file", false},
	{0, "detach-keys", "KEYS", opt_str, &o.keys,
		"keys that leave a box with a terminal (ctrl-p,ctrl-q)", false},
	{0, "pull", "WHEN", opt_str, &o.pull, "get the image: missing, always or never", false},
	{0, "platform", "OS/ARCH", opt_str, &o.platform, "which one of several, when it is got",
		false},
	{'q', "quiet", NULL, opt_flag, &o.quiet, "do not show how the image is got", false},
	OPT_END,
};
static struct opt options[BOX_WORDS_MAX];

static const struct tool me = {
	.name = "box-run",
	.kind = TOOL_CHAIN,
	.usage = "[OPTION]... IMAGE [COMMAND [ARG]...]",
	.summary = "Makes a box of IMAGE and runs it; exits as it does.",
	.options = options,
	.example = "box-run --rm --network none example echo hello",
	.operands = 1,
	.takes_command = true,
	.rights = RIGHTS_ROOT,
};

/* It stays until the box is made: nobody removes it meanwhile. */
static int
find(const char *name, struct store **s, struct image *img)
{
	*s = store_open();
	return *s && store_hold(*s) == 0 ? image_find(*s, name, img) : -1;
}

static int
get(const char *image)
{
	char *argv[8], pull[] = "img-pull", platform[] = "--platform", quiet[] = "-q";
	auto_free char *which = str_new(o.platform ? o.platform : "");
	auto_free char *name = str_new(image);
	int n = 0;
	argv[n++] = pull;
	if (o.platform) {
		argv[n++] = platform;
		argv[n++] = which;
	}
	if (o.quiet)
		argv[n++] = quiet;
	argv[n++] = name;
	argv[n] = NULL;
	/* Its result is not ours: the box's output goes there. */
	if (run_aside("the image, which is not here", argv) != 0)
		return err.class == ERR_INTERNAL && !err.message[0]
			? err_set(ERR_NOT_FOUND, image, "cannot get image %s", image)
			: -1;
	return 0;
}

static int
have_image(const char *name, struct store **s, struct image *img)
{
	bool always = strcmp(o.pull, "always") == 0, never = strcmp(o.pull, "never") == 0;
	if (!always && !never && strcmp(o.pull, "missing") != 0)
		tool_usage("--pull %s: write missing, always or never", o.pull);
	if (!always && find(name, s, img) == 0)
		return 0;
	if (never)
		return -1;
	store_close(*s);
	*s = NULL;
	err_clear();
	if (!always)
		fprintf(stderr, "Unable to find image '%s' locally\n", name);
	return get(name) < 0 ? -1 : step_dry() ? 0 : find(name, s, img);
}

struct create {
	const struct args *a;
	const struct store *s;
	const struct image *img;
	struct box b;
	int lock; /* until box-start is there, which takes it itself */
};

/* What box-create does. */
static int
make(void *self)
{
	struct create *c = self;
	auto_json json_t *doc = box_words_document(&words, c->a->operand[0], c->a->command);
	if (!doc || box_create(c->s, c->img, doc, o.name, &c->b, &c->lock) < 0)
		return -1;
	return o.cidfile ? sys_replace("its id", o.cidfile, c->b.id, 64, 0644) : 0;
}

static int
create(struct create *c)
{
	struct strlist l = {0};
	strlist_add(&l, "box-create");
	if (o.name)
		strlist_add(&l, fmt_new("--name=%s", o.name));
	if (o.cidfile)
		strlist_add(&l, fmt_new("--cidfile=%s", o.cidfile));
	box_words_again(&words, &l);
	strlist_add(&l, "--");
	strlist_add(&l, c->a->operand[0]);
	for (char **w = c->a->command; w && *w; w++)
		strlist_add(&l, *w);
	strlist_add(&l, NULL);
	int r = run_here("a box, which does not run yet", l.v, make, c);
	free(l.v);
	return r;
}

int
main(int argc, char **argv)
{
	box_words_options(&words, own, options);
	struct args a = tool_start(&me, argc, argv);
	auto_store struct store *s = NULL;
	auto_image struct image img = {0};
	bool detach = box_words_detach(&words);
	char path[PATH_MAX];
	if (a.n != 1)
		tool_usage("no IMAGE given");
	if (have_image(a.operand[0], &s, &img) < 0)
		tool_die();
	struct create c = {.a = &a, .s = s, .img = &img, .lock = -1};
	if (create(&c) < 0 || own_tool("box-start", path) < 0)
		tool_die();
	char *box = c.b.id, unknown[] = "BOX";
	if (!*box)
		box = unknown;
	auto_free char *keys = fmt_new("--detach-keys=%s", o.keys ? o.keys : "");
	char stay[] = "-ai", failure[] = "--failure=125";
	char *command[] = {path, failure, detach ? box : stay, NULL, NULL, NULL};
	if (!detach) {
		command[3] = o.keys ? keys : box;
		command[4] = o.keys ? box : NULL;
	}
	/* Its words are done with, and its steps made: what they made is to stay. */
	chain_exec(command, false);
	tool_die();
}
