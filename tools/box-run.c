/* SPDX-License-Identifier: MIT
 * box-run: a new box, started: box-create and box-start in one.
 *
 *	box-run --rm alpine echo hello
 */
#include "base/auto.h"
#include "base/err.h"
#include "box/create.h"
#include "door/chain.h"
#include "door/spawn.h"
#include "door/tool.h"

#include <limits.h>
#include <string.h>

static struct box_options o;
static bool detach;

static const struct opt options[] = {
	BOX_OPTIONS(o),
	{'d', "detach", NULL, opt_flag, &detach, "do not stay: print its id", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-run",
	.kind = TOOL_CHAIN,
	.usage = "[OPTION]... IMAGE [COMMAND [ARG]...]",
	.summary = "Makes a box of IMAGE and runs it; exits as it does.",
	.options = options,
	.example = "box-run --rm --network none example echo hello",
	.operands = 1,
};

static void
add(struct strlist *l, const struct opt *row, const char *value)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, value ? "--%s=%s" : "--%s", row->name, value);
	strlist_add(l, buf_take(&b));
}

/* The same words again for box-create, which knows what they mean. */
static void
hand_on(struct strlist *l)
{
	for (const struct opt *row = options; row->name; row++) {
		if (row->to == &detach)
			continue;
		if (row->parse == opt_flag && *(const bool *)row->to)
			add(l, row, NULL);
		else if (row->parse == opt_str && *(const char *const *)row->to)
			add(l, row, *(const char *const *)row->to);
		else if (row->parse == opt_list)
			for (size_t i = 0; i < ((const struct strlist *)row->to)->n; i++)
				add(l, row, ((const struct strlist *)row->to)->v[i]);
	}
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct strlist l = {0};
	auto_buf struct buf id = BUF_INIT;
	char start[PATH_MAX];
	if (a.n != 1)
		tool_usage("no IMAGE given");
	strlist_add(&l, "box-create");
	hand_on(&l);
	strlist_add(&l, "--");
	strlist_add(&l, a.operand[0]);
	for (char **w = a.command; w && *w; w++)
		strlist_add(&l, *w);
	strlist_add(&l, NULL);
	if (run_tool("a box, which does not run yet", l.v, &id) < 0 ||
		own_tool("box-start", start) < 0)
		tool_die();
	auto_free char *box = str_new(id.len ? strtok(id.s, "\n") : "BOX");
	char attach[] = "-a", input[] = "-i";
	char *words[] = {start, detach ? box : attach, detach ? NULL : box,
		o.interactive ? input : NULL, NULL};
	chain_exec(words, false);
	tool_die();
}
