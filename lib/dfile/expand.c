/* SPDX-License-Identifier: MIT
 * Which parts of which instruction a builder expands, and what the instruction is then.
 */
#include "base/auto.h"
#include "dfile/dfile_in.h"

struct expansion {
	const struct dfile_inst *from;
	const struct dfile_kind *kind;
	char escape;
	dfile_lookup *lookup;
	void *ctx;
	struct dfile_inst *out;
};

static int
add_word(struct expansion *e, const char *word)
{
	auto_buf struct buf text = BUF_INIT;
	if (dfile_expand_word(word, e->escape, e->lookup, e->ctx, &text) < 0)
		return -1;
	dfile_inst_add(e->out, buf_str(&text), text.len);
	return 0;
}

static int
add_split(struct expansion *e, const char *word)
{
	auto_buf struct buf words = BUF_INIT;
	if (dfile_expand_words(word, e->escape, e->lookup, e->ctx, &words) < 0)
		return -1;
	for (size_t at = 0; at < words.len; at += strlen(words.s + at) + 1)
		dfile_inst_add(e->out, words.s + at, strlen(words.s + at));
	return 0;
}

/* The name and the value each by itself: quotes do not reach over the '='. */
static int
add_name(struct expansion *e, const char *word)
{
	auto_buf struct buf text = BUF_INIT;
	const char *eq = strchr(word, '=');
	auto_free char *name = eq ? dfile_copy(word, (size_t)(eq - word)) : str_new(word);
	if (dfile_expand_word(name, e->escape, e->lookup, e->ctx, &text) < 0)
		return -1;
	if (eq) {
		buf_addc(&text, '=');
		if (dfile_expand_word(eq + 1, e->escape, e->lookup, e->ctx, &text) < 0)
			return -1;
	}
	dfile_inst_add(e->out, buf_str(&text), text.len);
	return 0;
}

static int
add_arg(struct expansion *e, size_t i)
{
	const char *arg = e->from->args[i];
	switch (e->kind->expands) {
	case EXPAND_ARGS:
		if (!e->kind->heredocs || !dfile_heredoc_of(e->from, arg))
			return add_word(e, arg);
		break;
	case EXPAND_FIRST:
		if (i == 0)
			return add_word(e, arg);
		break;
	case EXPAND_SPLIT:
		return add_split(e, arg);
	case EXPAND_NAMES:
		return add_name(e, arg);
	case EXPAND_NOTHING:
		break;
	}
	dfile_inst_add(e->out, arg, e->from->lens[i]);
	return 0;
}

static bool
flag_is_expanded(const struct dfile_kind *k, const char *name)
{
	for (const struct dfile_flag_kind *f = k->flags; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f->expanded;
	return false;
}

static int
add_flags(struct expansion *e)
{
	const struct dfile_inst *in = e->from;
	e->out->flags = calloc(in->n_flags + 1, sizeof(*e->out->flags));
	if (!e->out->flags)
		abort();
	for (size_t i = 0; i < in->n_flags; i++) {
		const struct dfile_flag *f = &in->flags[i];
		struct dfile_flag *to = &e->out->flags[e->out->n_flags++];
		auto_buf struct buf text = BUF_INIT;
		to->name = str_new(f->name);
		if (!f->value)
			continue;
		if (!flag_is_expanded(e->kind, f->name))
			buf_adds(&text, f->value);
		else if (dfile_expand_word(f->value, e->escape, e->lookup, e->ctx, &text) < 0)
			return err_prefix("--%s", f->name);
		to->value = buf_take(&text);
	}
	return 0;
}

/* RUN leaves the variables in here-documents to its shell. */
static int
add_heredocs(struct expansion *e)
{
	const struct dfile_inst *in = e->from;
	bool expands = e->kind->expands == EXPAND_ARGS;
	e->out->heredocs = calloc(in->n_heredocs + 1, sizeof(*e->out->heredocs));
	if (!e->out->heredocs)
		abort();
	for (size_t i = 0; i < in->n_heredocs; i++) {
		const struct dfile_heredoc *h = &in->heredocs[i];
		struct dfile_heredoc *to = &e->out->heredocs[e->out->n_heredocs++];
		auto_buf struct buf text = BUF_INIT;
		*to = *h;
		to->name = str_new(h->name);
		to->content = NULL;
		if (!expands || !h->expand)
			buf_adds(&text, h->content);
		else if (dfile_expand_text(h->content, '\\', e->lookup, e->ctx, &text) < 0)
			return err_prefix("<<%s", h->name);
		to->content = buf_take(&text);
	}
	return 0;
}

static int
add_all(struct expansion *e)
{
	if (add_flags(e) < 0 || add_heredocs(e) < 0)
		return -1;
	for (size_t i = 0; i < e->from->n_args; i++)
		if (add_arg(e, i) < 0)
			return -1;
	return 0;
}

static int
expand(struct expansion *e)
{
	const struct dfile_inst *in = e->from;
	*e->out = (struct dfile_inst){.name = in->name,
		.json = in->json,
		.spaced = in->spaced,
		.first = in->first,
		.last = in->last,
		.original = str_new(in->original)};
	e->kind = dfile_kind(in->name, strlen(in->name));
	return add_all(e);
}

/* What ONBUILD holds is expanded when it is carried out. */
static void
copy_trigger(const struct dfile_inst *from, struct dfile_inst *out)
{
	struct dfile_kind as_is = *dfile_kind(from->name, strlen(from->name));
	static const struct dfile_flag_kind none[] = {{0}};
	out->trigger = calloc(1, sizeof(*out->trigger));
	if (!out->trigger)
		abort();
	*out->trigger = (struct dfile_inst){.name = from->name,
		.json = from->json,
		.spaced = from->spaced,
		.first = from->first,
		.last = from->last,
		.original = str_new(from->original)};
	as_is.expands = EXPAND_NOTHING;
	as_is.flags = none;
	struct expansion e = {.from = from, .kind = &as_is, .out = out->trigger};
	add_all(&e);
}

int
dfile_expand(const char *file, const struct dfile_inst *in, char escape, dfile_lookup *lookup,
	void *ctx, struct dfile_inst *out)
{
	struct expansion e = {
		.from = in, .escape = escape, .lookup = lookup, .ctx = ctx, .out = out};
	if (expand(&e) < 0) {
		dfile_inst_free(out);
		return err_prefix("%s:%u: %s", file, in->first, in->name);
	}
	if (in->trigger)
		copy_trigger(in->trigger, out);
	return 0;
}
