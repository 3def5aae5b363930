/* SPDX-License-Identifier: MIT
 * box-logs: what a box has written.
 *
 *	box-logs -f --tail 10 web
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "box/log.h"
#include "door/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct {
	bool follow, timestamps, only_out, only_err;
	const char *tail, *since, *until;
} o = {.tail = "all"};

static const struct opt options[] = {
	{'f', "follow", NULL, opt_flag, &o.follow, "and what comes, until the box ends", false},
	{'n', "tail", "N", opt_str, &o.tail, "only the last N lines (all)", false},
	{0, "since", "TIME", opt_str, &o.since, "only later ones: a time, or 10m ago", false},
	{0, "until", "TIME", opt_str, &o.until, "only earlier ones", false},
	{'t', "timestamps", NULL, opt_flag, &o.timestamps, "when each was written", false},
	{0, "stdout", NULL, opt_flag, &o.only_out, "only its standard output", false},
	{0, "stderr", NULL, opt_flag, &o.only_err, "only its standard error", false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-logs",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]... BOX",
	.summary = "Shows what BOX has written, on standard output and standard error as it did.",
	.options = options,
	.example = "box-logs -t example",
};

static int
show(void *self, const struct log_line *line)
{
	FILE *to = line->error ? stderr : stdout;
	(void)self;
	if (line->error ? o.only_out && !o.only_err : o.only_err && !o.only_out)
		return 0;
	if (o.timestamps)
		fprintf(to, "%s ", line->time);
	fwrite(line->text, 1, line->len, to);
	/* Who follows sees each line as it comes. */
	if (o.follow && fflush(to) != 0)
		return 1;
	return ferror(to) ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct log_query q = {.tail = -1, .follow = o.follow};
	struct box b;
	if (a.n != 1)
		tool_usage(a.n ? "more than one BOX" : "no BOX given");
	if (strcmp(o.tail, "all") != 0 && strcmp(o.tail, "-1") != 0 &&
		parse_int(o.tail, 0, INT64_MAX, &q.tail) < 0)
		tool_usage_err();
	if ((o.since && log_parse_time(o.since, &q.since) < 0) ||
		(o.until && log_parse_time(o.until, &q.until) < 0))
		tool_usage_err();
	if (box_find(a.operand[0], &b) < 0 || log_each(&b, &q, show, NULL) < 0)
		tool_die();
	return tool_finish();
}
