/* SPDX-License-Identifier: MIT
 * squash: several layers of an image become one, in an archive on its way from one store to
 *another.
 *
 * A file that a later layer removes is in the image all the same, for whoever looks into the
 *layers: its bytes, and what is secret in it. Merging the two layers is the only way to be rid of
 *it.
 *
 *	img-save app | squash -t app:flat | img-load
 */
#include "image/squash.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "door/step.h"
#include "door/tool.h"
#include "image/ref.h"

#include <stdio.h>
#include <unistd.h>

static struct {
	const char *from, *tag;
	bool keep_history, quiet;
} o;

static const struct opt options[] = {
	{0, "from", "LAYER", opt_str, &o.from,
		"the last layer that stays: its number (0: none stays), its id, or an image of the archive (default: 1)",
		false},
	{'t', "tag", "NAME", opt_str, &o.tag, "name of the new image; without it, it has none",
		false},
	{0, "keep-history", NULL, opt_flag, &o.keep_history,
		"keep the history of the merged layers, as entries without a layer", false},
	{'q', "quiet", NULL, opt_flag, &o.quiet, "no summary on standard error", false},
	OPT_END,
};

static const struct tool me = {
	.name = "squash",
	.kind = TOOL_FILTER,
	.usage = "[OPTION]... < ARCHIVE > ARCHIVE",
	.summary = "Makes one layer of several, between img-save and img-load.",
	.options = options,
	.example = "img-save example | squash --from 0 -t flat | img-load",
};

static void
summary(const struct squashed *r)
{
	auto_buf struct buf text = BUF_INIT;
	int64_t saved = r->before - r->after;
	buf_addf(&text, "%s: %zu layers of ", tool_name(), r->layers_before);
	human_size(r->before, &text);
	buf_addf(&text, " are now %zu of ", r->layers_after);
	human_size(r->after, &text);
	buf_adds(&text, saved < 0 ? ": larger by " : ": saved ");
	human_size(saved < 0 ? -saved : saved, &text);
	fprintf(stderr, "%s\n", text.s);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	struct squash how = {.fd = STDIN_FILENO,
		.shown = "standard input",
		.from = o.from,
		.keep_history = o.keep_history};
	struct stream_fd to = {.fd = STDOUT_FILENO, .shown = "standard output"};
	struct squashed r = {0};
	auto_buf struct buf name = BUF_INIT;
	if (a.n)
		tool_usage("'%s' is one word too many: the archive is read from standard input",
			a.operand[0]);
	if (o.tag && ref_given_name(o.tag, &name) < 0)
		tool_usage_err();
	how.name = o.tag ? name.s : NULL;
	if (isatty(STDIN_FILENO))
		tool_usage("standard input is a terminal, not an archive");
	if (isatty(STDOUT_FILENO) && !step_dry())
		tool_usage("standard output is a terminal: give a pipe or a file");
	if (squash(&how, &to, &r) < 0)
		tool_die();
	if (!o.quiet && !step_dry())
		summary(&r);
	return tool_finish();
}
