/* SPDX-License-Identifier: MIT
 * One instruction from its line.
 */
#include "base/auto.h"
#include "base/json.h"
#include "base/nearest.h"
#include "dfile/dfile_in.h"

/* Behind the name of an instruction, and between words, BuildKit's parser takes these. */
#define GAP "\t\v\f\r "

struct line {
	const char *file;
	unsigned number;
	char escape;
	struct dfile_inst *in;
};

/* Room for one more: doubles when n is a power of two. */
static void *
grown(void *v, size_t n, size_t size)
{
	if (n & (n - 1))
		return v;
	v = reallocarray(v, n ? 2 * n : 1, size);
	if (!v)
		abort();
	return v;
}

void
dfile_inst_add(struct dfile_inst *in, const char *arg, size_t len)
{
	in->args = grown(in->args, in->n_args, sizeof(*in->args));
	in->lens = grown(in->lens, in->n_args, sizeof(*in->lens));
	in->args[in->n_args] = dfile_copy(arg, len);
	in->lens[in->n_args++] = len;
}

void
dfile_inst_free(struct dfile_inst *in)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		free(in->flags[i].name);
		free(in->flags[i].value);
	}
	for (size_t i = 0; i < in->n_args; i++)
		free(in->args[i]);
	for (size_t i = 0; i < in->n_heredocs; i++) {
		free(in->heredocs[i].name);
		free(in->heredocs[i].content);
	}
	if (in->trigger)
		dfile_inst_free(in->trigger);
	free(in->trigger);
	free(in->flags);
	free(in->args);
	free(in->lens);
	free(in->heredocs);
	free(in->original);
	*in = (struct dfile_inst){0};
}

static const char *
skip_blanks(const char *s)
{
	for (size_t n; (n = dfile_blank(s)) != 0;)
		s += n;
	return s;
}

/* "--name=value" without its quotes and escapes; "--" is none. */
static void
add_flag(struct dfile_inst *in, const char *word)
{
	size_t n = strcspn(word + 2, "=");
	in->flags = grown(in->flags, in->n_flags, sizeof(*in->flags));
	in->flags[in->n_flags++] = (struct dfile_flag){
		.name = dfile_copy(word + 2, n),
		.value = word[2 + n] ? str_new(word + 2 + n + 1) : NULL,
	};
}

/* One word, quotes and escapes resolved, appended. Returns what is behind it. */
static const char *
flag_word(const char *s, char escape, struct buf *word)
{
	for (char quote = 0; *s && (quote || !dfile_blank(s)); s++) {
		if (quote ? *s == quote : *s == '\'' || *s == '"') {
			quote = quote ? '\0' : *s;
			continue;
		}
		if (*s == escape && !*++s)
			break;
		buf_addc(word, *s);
	}
	return s;
}

/* Words that begin with "--" up to one that does not, or up to "--". Returns what is behind. */
static const char *
take_flags(struct line *l, const char *s)
{
	auto_buf struct buf word = BUF_INIT;
	for (;;) {
		s = skip_blanks(s);
		if (s[0] != '-' || s[1] != '-')
			return s;
		buf_reset(&word);
		s = flag_word(s, l->escape, &word);
		if (word.len == 2)
			return skip_blanks(s);
		if (word.len > 2)
			add_flag(l->in, word.s);
	}
}

static void
add_words(struct dfile_inst *in, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, GAP);
		dfile_inst_add(in, s, n);
		s += n;
		s += strspn(s, GAP);
	}
}

/* Length of the word at s: quotes hold blanks together and stay, as does the escape before any
 * character, except within single quotes. */
static size_t
quoted_word(const char *s, char escape)
{
	const char *begin = s;
	for (char quote = 0; *s && (quote || !dfile_blank(s)); s++) {
		if (*s == quote)
			quote = '\0';
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
		else if (*s == escape && quote != '\'' && s[1])
			s++;
	}
	return (size_t)(s - begin);
}

/* A word without an escape at its very end, which escapes nothing. */
static size_t
without_last_escape(const char *s, size_t n, char escape)
{
	size_t k = 0;
	while (k < n && s[n - 1 - k] == escape)
		k++;
	return s[n] == '\0' ? n - (k & 1) : n;
}

static void
add_quoted(struct line *l, const char *s)
{
	while (*(s = skip_blanks(s))) {
		size_t n = quoted_word(s, l->escape), kept = without_last_escape(s, n, l->escape);
		if (kept)
			dfile_inst_add(l->in, s, kept);
		s += n;
	}
}

/* "NAME VALUE": everything behind the first gap is the value. */
static int
spaced_pair(struct line *l, const char *rest)
{
	size_t n = strcspn(rest, GAP);
	const char *value = rest + n + strspn(rest + n, GAP);
	if (!rest[n])
		return dfile_fail(l->file, l->number, "%s %s: a value is missing (%s %s=VALUE)",
			l->in->name, rest, l->in->name, rest);
	l->in->spaced = true;
	dfile_inst_add(l->in, rest, n);
	dfile_inst_add(l->in, value, strlen(value));
	return 0;
}

static int
add_pairs(struct line *l, const char *rest)
{
	struct dfile_inst words = {0}, *in = l->in;
	struct line aside = {.escape = l->escape, .in = &words};
	int r = 0;
	add_quoted(&aside, rest);
	if (words.n_args && !strchr(words.args[0], '='))
		r = spaced_pair(l, rest);
	else
		for (size_t i = 0; i < words.n_args && r == 0; i++) {
			const char *word = words.args[i], *eq = strchr(word, '=');
			if (!eq) {
				r = dfile_fail(l->file, l->number,
					"%s: '%s' is not NAME=VALUE (quotes hold a value with blanks together)",
					in->name, word);
				break;
			}
			dfile_inst_add(in, word, (size_t)(eq - word));
			dfile_inst_add(in, eq + 1, strlen(eq + 1));
		}
	dfile_inst_free(&words);
	return r;
}

/* 1: it was a JSON array of strings; 0: it is none and means something else; -1: it is an array of
 * other things, and nobody means that. */
static int
add_json(struct line *l, const char *rest)
{
	json_error_t e;
	if (*rest != '[')
		return 0;
	auto_json json_t *doc = json_loads(rest, JSON_ALLOW_NUL, &e);
	bool deep = !doc && json_error_code(&e) == json_error_stack_overflow;
	if (!doc && !deep)
		return 0;
	for (size_t i = 0; i < json_array_size(doc); i++)
		deep |= !json_is_string(json_array_get(doc, i));
	if (deep)
		return dfile_fail(l->file, l->number,
			"%s: the JSON array holds something that is no string", l->in->name);
	for (size_t i = 0; i < json_array_size(doc); i++) {
		const json_t *s = json_array_get(doc, i);
		dfile_inst_add(l->in, json_string_value(s), json_string_length(s));
	}
	l->in->json = true;
	return 1;
}

static int
add_maybe_json(struct line *l, const char *rest)
{
	int r = add_json(l, rest);
	if (r == 0 && *rest)
		dfile_inst_add(l->in, rest, strlen(rest));
	return r < 0 ? -1 : 0;
}

static int
add_health(struct line *l, const char *rest)
{
	size_t n = 0;
	while (rest[n] && !dfile_blank(rest + n))
		n++;
	if (n)
		dfile_inst_add(l->in, rest, n);
	return add_maybe_json(l, skip_blanks(rest + n));
}

static int
add_trigger(struct line *l, const char *rest)
{
	if (!*rest)
		return 0;
	/* One within another means nothing, and a line of a thousand would be as deep on the stack.
	 */
	if (dfile_kind(rest, strcspn(rest, GAP)) == dfile_kind(l->in->name, strlen(l->in->name)))
		return dfile_fail(l->file, l->number, "ONBUILD cannot stand within ONBUILD");
	l->in->trigger = calloc(1, sizeof(*l->in->trigger));
	if (!l->in->trigger)
		abort();
	return dfile_inst_parse(l->file, l->number, rest, strlen(rest), l->escape, l->in->trigger);
}

static int
add_args(struct line *l, enum dfile_shape shape, const char *rest)
{
	int r;
	switch (shape) {
	case SHAPE_STRING:
		if (*rest)
			dfile_inst_add(l->in, rest, strlen(rest));
		return 0;
	case SHAPE_WORDS:
		add_words(l->in, rest);
		return 0;
	case SHAPE_QUOTED:
		add_quoted(l, rest);
		return 0;
	case SHAPE_PAIRS:
		return add_pairs(l, rest);
	case SHAPE_JSON:
		return add_maybe_json(l, rest);
	case SHAPE_JSON_WORDS:
		r = add_json(l, rest);
		if (r == 0)
			add_words(l->in, rest);
		return r < 0 ? -1 : 0;
	case SHAPE_HEALTH:
		return add_health(l, rest);
	case SHAPE_SUB:
		return add_trigger(l, rest);
	}
	return 0;
}

static int
unknown(struct line *l, const char *name, size_t n)
{
	char upper[32];
	for (size_t i = 0; i <= n && i < sizeof(upper); i++)
		upper[i] =
			(char)(i < n && name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
	struct nearest near = NEAREST(upper, n);
	for (const struct dfile_kind *k = dfile_kinds(); k->name && n < sizeof(upper); k++)
		nearest_offer(&near, k->name);
	dfile_fail(l->file, l->number, "unknown instruction '%.*s'", (int)(n > 80 ? 80 : n), name);
	return near.best ? err_hint("did you mean %s?", near.best) : -1;
}

/* The text without blanks at both ends. */
static char *
trimmed(const char *text, size_t len)
{
	const char *begin = skip_blanks(text), *end = text + len;
	while (end > begin) {
		const char *last = end - 1;
		while (last > begin && (*last & 0xc0) == 0x80)
			last--;
		if (dfile_blank(last) != (size_t)(end - last))
			break;
		end = last;
	}
	return dfile_copy(begin, end > begin ? (size_t)(end - begin) : 0);
}

int
dfile_inst_parse(const char *file, unsigned line, const char *text, size_t len, char escape,
	struct dfile_inst *out)
{
	*out = (struct dfile_inst){.first = line, .last = line, .original = trimmed(text, len)};
	struct line l = {file, line, escape, out};
	const char *name = out->original;
	size_t n = strcspn(name, GAP);
	const struct dfile_kind *k = dfile_kind(name, n);
	int r;
	if (!k) {
		r = unknown(&l, name, n);
	} else {
		out->name = k->name;
		r = add_args(&l, k->shape, take_flags(&l, name + n));
	}
	if (r < 0)
		dfile_inst_free(out);
	return r;
}
