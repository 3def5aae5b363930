/* SPDX-License-Identifier: MIT
 * tb-ledger: everything that these tools left on the host, found by the marks it bears.
 *
 * The kernel keeps what a process made after the process is gone: a mount, a control group, a named
 * network namespace. Each tool marks what it makes in the step that makes it, so nothing has to be
 * guessed from a name.
 *
 *	tb-ledger --check || tb-ledger --clean
 */
#include "ledger.h"

#include "base/err.h"
#include "base/table.h"
#include "door/hint.h"
#include "door/step.h"
#include "door/tool.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct {
	bool json, check, clean, force;
} opts;

static const struct opt options[] = {
	{0, "json", NULL, opt_flag, &opts.json, "one JSON object a line", false},
	{0, "check", NULL, opt_flag, &opts.check,
		"exit status 1 if anything is left that is not in use", false},
	{0, "clean", NULL, opt_flag, &opts.clean, "take it away, then show what is left", false},
	{0, "force", NULL, opt_flag, &opts.force, "with --clean: what is in use as well", false},
	OPT_END,
};

static const struct tool me = {
	.name = "tb-ledger",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... [KIND]...",
	.summary =
		"Shows what these tools left on the host, one thing a line; nothing when nothing is left.\n"
		"KINDs: process cgroup mount netns link nft lease copy note temporary.",
	.options = options,
	.example = "tb-ledger --check || tb-ledger --json",
};

/* Processes keep groups and mounts alive; a network namespace takes its links along; notes tell
 * what is ours, and go last. */
const struct kind ledger_kinds[] = {
	{"process", list_processes, clean_process},
	{"cgroup", list_groups, clean_group},
	{"mount", list_mounts, clean_mount},
	{"netns", list_netns, clean_netns},
	{"link", list_links, clean_link},
	{"nft", list_tables, clean_table},
	{"lease", list_leases, clean_lease},
	{"copy", list_copies, clean_copy},
	{"note", list_notes, clean_note},
	{"temporary", list_temporaries, clean_temporary},
};
#define N_KINDS (sizeof(ledger_kinds) / sizeof(ledger_kinds[0]))

struct item *
ledger_add(struct ledger *l, const struct kind *k, const char *name, const char *detail, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, detail);
	buf_addv(&b, detail, ap);
	va_end(ap);
	l->v = realloc(l->v, (l->n + 1) * sizeof(*l->v));
	if (!l->v)
		abort();
	l->v[l->n] = (struct item){.kind = k, .name = str_new(name), .detail = buf_take(&b)};
	return &l->v[l->n++];
}

static void
empty(struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].detail);
	}
	free(l->v);
	*l = (struct ledger){0};
}

static bool
wanted(const struct kind *k, char *const *names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, k->name) == 0)
			return true;
	return false;
}

static void
check_names(char *const *names)
{
	for (; *names; names++) {
		bool known = false;
		for (size_t i = 0; i < N_KINDS; i++)
			known |= strcmp(*names, ledger_kinds[i].name) == 0;
		if (!known)
			tool_usage("'%s' is none of the kinds", *names);
	}
}

/* What cannot be looked into is said, and the rest shown all the same. */
static bool
gather(struct ledger *l, char *const *names)
{
	bool well = true;
	for (size_t i = 0; i < N_KINDS; i++)
		if (wanted(&ledger_kinds[i], names) &&
			ledger_kinds[i].list(l, &ledger_kinds[i]) < 0) {
			tool_complain();
			well = false;
		}
	return well;
}

/* One thing that does not go must not keep the others. */
static bool
clean(const struct ledger *l)
{
	bool well = true;
	for (size_t i = 0; i < l->n; i++) {
		const struct item *it = &l->v[i];
		if (it->elsewhere || (it->in_use && !opts.force))
			continue;
		if (it->kind->clean(it, opts.force) < 0) {
			tool_complain();
			well = false;
		}
	}
	return well;
}

static bool
anything_left(const struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].in_use)
			return true;
	return false;
}

static void
show_json(const struct ledger *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct item *it = &l->v[i];
		auto_buf struct buf b = BUF_INIT;
		buf_addf(&b, "{\"kind\":\"%s\",\"name\":", it->kind->name);
		buf_add_json(&b, it->name);
		buf_adds(&b, ",\"detail\":");
		buf_add_json(&b, it->detail);
		buf_addf(&b, ",\"in_use\":%s}", it->in_use ? "true" : "false");
		tool_result("%s", b.s);
	}
}

static void
show(const struct ledger *l)
{
	struct table t = {.columns = 3};
	auto_buf struct buf out = BUF_INIT;
	for (size_t i = 0; i < l->n; i++) {
		const struct item *it = &l->v[i];
		auto_buf struct buf detail = BUF_INIT;
		buf_addf(&detail, "%s%s", it->in_use ? "in use: " : "", it->detail);
		table_row(&t, (const char *const[]){it->kind->name, it->name, detail.s});
	}
	table_write(&t, &out);
	table_free(&t);
	if (out.len)
		tool_result("%.*s", (int)out.len - 1, out.s);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct ledger l = {0};
	check_names(a.operand);
	if (opts.force && !opts.clean)
		tool_usage("--force goes with --clean");
	bool well = gather(&l, a.operand);
	if (opts.clean) {
		well &= clean(&l);
		empty(&l);
		/* A dry run took nothing away: what would be left is not known. */
		if (!step_dry())
			well &= gather(&l, a.operand);
	}
	if (opts.json)
		show_json(&l);
	else
		show(&l);
	bool left = anything_left(&l);
	empty(&l);
	int status = tool_finish();
	return status || !well || (opts.check && left) ? EXIT_COULD_NOT : EXIT_DONE;
}
