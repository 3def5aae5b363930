/* SPDX-License-Identifier: MIT
 * Here-documents: RUN <<EOF, COPY <<-"EOF" /file. Which words are marks is what BuildKit's parser
 * says: [FD]<<[-]NAME, the name one word in which quotes and escapes mean that the content is taken
 * as it is.
 */
#include "base/auto.h"
#include "dfile/dfile_in.h"

static const char *
unset(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

/* The name as one word, with or without its quotes: NULL where it is none or several. */
static char *
name_word(const char *s, bool raw)
{
	auto_buf struct buf words = BUF_INIT;
	struct dfile_lex how = {.escape = '\\',
		.raw_quotes = raw,
		.raw_escapes = raw,
		.skip_unset = true,
		.lookup = unset};
	if (dfile_lex(&how, s, NULL, &words) < 0 || !words.len || strlen(words.s) + 1 != words.len)
		return NULL;
	return buf_take(&words);
}

bool
dfile_heredoc_mark(const char *word, struct dfile_heredoc *out)
{
	size_t digits = strspn(word, "0123456789");
	const char *s = word + digits;
	if (strncmp(s, "<<", 2) != 0)
		return false;
	s += 2;
	bool chomp = *s == '-';
	s += chomp;
	if (!*s || strchr(s, '<') || digits > 4)
		return false;
	auto_free char *plain = name_word(s, false), *raw = name_word(s, true);
	if (!plain || !raw)
		return false;
	if (!out)
		return true;
	*out = (struct dfile_heredoc){.expand = strcmp(plain, raw) == 0, .chomp = chomp};
	out->fd = digits ? (unsigned)strtoul(word, NULL, 10) : 0;
	out->name = take_ptr(&plain);
	return true;
}

int
dfile_heredoc_marks(struct dfile_inst *in, const char *line)
{
	auto_buf struct buf words = BUF_INIT;
	struct dfile_lex how = {.escape = '\\',
		.raw_quotes = true,
		.raw_escapes = true,
		.skip_unset = true,
		.lookup = unset};
	/* A line that is no sentence of the lexer's may still be one of the shell's: no marks then.
	 */
	if (!strstr(line, "<<") || dfile_lex(&how, line, NULL, &words) < 0)
		return 0;
	for (size_t at = 0; at < words.len; at += strlen(words.s + at) + 1) {
		struct dfile_heredoc h;
		if (!dfile_heredoc_mark(words.s + at, &h))
			continue;
		if (in->n_heredocs == 256) {
			free(h.name);
			return err_set(ERR_INVALID, NULL, "more than 256 here-documents");
		}
		in->heredocs = reallocarray(in->heredocs, in->n_heredocs + 1, sizeof(h));
		if (!in->heredocs)
			abort();
		in->heredocs[in->n_heredocs++] = h;
	}
	return 0;
}

const struct dfile_heredoc *
dfile_heredoc_of(const struct dfile_inst *in, const char *arg)
{
	struct dfile_heredoc mark;
	const struct dfile_heredoc *found = NULL;
	if (in->json || !dfile_heredoc_mark(arg, &mark))
		return NULL;
	for (size_t i = 0; i < in->n_heredocs; i++)
		if (strcmp(in->heredocs[i].name, mark.name) == 0)
			found = &in->heredocs[i];
	free(mark.name);
	return found;
}

void
dfile_heredoc_text(const struct dfile_heredoc *h, struct buf *out)
{
	for (const char *s = h->content; *s;) {
		if (h->chomp)
			s += strspn(s, "\t");
		size_t n = strcspn(s, "\n");
		n += s[n] == '\n';
		buf_add(out, s, n);
		s += n;
	}
}

bool
dfile_run_is_heredoc(const struct dfile_inst *in)
{
	return in->n_heredocs == 1 && in->n_args == 1 && !in->json &&
		dfile_heredoc_of(in, in->args[0]) != NULL;
}

void
dfile_run_text(const struct dfile_inst *in, struct buf *out)
{
	if (dfile_run_is_heredoc(in)) {
		dfile_heredoc_text(in->heredocs, out);
		return;
	}
	if (in->n_args)
		buf_adds(out, in->args[0]);
	for (size_t i = 0; i < in->n_heredocs; i++)
		buf_addf(out, "\n%s%s", in->heredocs[i].content, in->heredocs[i].name);
}
