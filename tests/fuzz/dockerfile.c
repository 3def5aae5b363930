/* SPDX-License-Identifier: MIT
 * Any bytes as a Dockerfile, then as .dockerignore: no crash, errors with a message, and what comes
 * out is what the header says: lines in order, names of the table, an expansion within its bound.
 */
#include "base/auto.h"
#include "dfile/dfile.h"
#include "dfile/ignore.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A variable for every name that begins with a letter up to m; some hold what is special. */
static const char *
lookup(void *ctx, const char *name)
{
	static const char *const values[] = {
		"", "v", "a  b", "*?[x]", "${A}", "'\"\\", "\xff\xfe", "☃"};
	(void)ctx;
	return *name >= 'a' && *name <= 'm' ? values[(unsigned char)*name % 8] : NULL;
}

static void
check_words(const struct dfile_inst *in)
{
	for (size_t i = 0; i < in->n_args; i++) {
		auto_buf struct buf word = BUF_INIT, words = BUF_INIT;
		if (in->args[i][in->lens[i]] != '\0')
			abort();
		int a = dfile_expand_word(in->args[i], '\\', lookup, NULL, &word);
		int b = dfile_expand_words(in->args[i], '\\', lookup, NULL, &words);
		if (a != b || (words.len && words.s[words.len - 1] != '\0'))
			abort();
		(void)dfile_heredoc_of(in, in->args[i]);
	}
}

/* A mode is one, and the same letters give it again. */
static void
check_mode(const char *text)
{
	static const mode_t olds[] = {S_IFREG | 0640, S_IFDIR | 01777};
	for (size_t i = 0; i < 2; i++) {
		mode_t once = 0, again = 0;
		err_clear();
		if (dfile_mode(text, olds[i], &once) < 0) {
			if (!err.message[0])
				abort();
			continue;
		}
		if (once & ~(mode_t)07777 || dfile_mode(text, olds[i], &again) < 0 || again != once)
			abort();
	}
}

static void
check_inst(const struct dfile_inst *in, char escape)
{
	struct dfile_inst made = {0};
	auto_buf struct buf text = BUF_INIT;
	if (!in->name || !in->original || in->first == 0 || in->last < in->first)
		abort();
	err_clear();
	if (dfile_check_inst("fuzz", in) < 0 && strncmp(err.message, "fuzz:", 5) != 0)
		abort();
	check_words(in);
	for (size_t i = 0; i < in->n_flags; i++)
		if (in->flags[i].value)
			check_mode(in->flags[i].value);
	for (size_t i = 0; i < in->n_heredocs; i++) {
		if (!in->heredocs[i].name[0] || !in->heredocs[i].content)
			abort();
		dfile_heredoc_text(&in->heredocs[i], &text);
	}
	dfile_run_text(in, &text);
	if (dfile_expand("fuzz", in, escape, lookup, NULL, &made) == 0 && made.name != in->name)
		abort();
	dfile_inst_free(&made);
	if (in->trigger)
		check_inst(in->trigger, escape);
}

static void
check_ignore(const char *text, size_t size)
{
	auto_dfile_ignore struct dfile_ignore *ig = dfile_ignore_parse("fuzz", text, size);
	static const char *const paths[] = {"a", "a/b", "a/b/c.d", "src/x.c", ".git/x", "☃/\xff"};
	for (size_t i = 0; ig && i < sizeof(paths) / sizeof(*paths); i++) {
		/* What is ignored with all below it is not brought back further down. */
		auto_free char *deeper = fmt_new("%s/b", paths[i]);
		if (!dfile_ignore_may_include_below(ig, paths[i]) &&
			!dfile_ignore_match(ig, deeper))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = malloc(size + 1);
	auto_dfile struct dfile d = {0};
	unsigned line = 0;
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_ignore(text, size);
	err_clear();
	if (dfile_parse("fuzz", text, size, &d) < 0) {
		if (strncmp(err.message, "fuzz:", 5) != 0 || d.n || d.inst)
			abort();
		return 0;
	}
	for (size_t i = 0; i < d.n; i++) {
		if (d.inst[i].first <= line)
			abort();
		line = d.inst[i].last;
		check_inst(&d.inst[i], d.escape);
	}
	(void)dfile_check("fuzz", &d);
	return 0;
}
