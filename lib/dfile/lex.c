/* SPDX-License-Identifier: MIT
 * Words of a Dockerfile: quotes, escapes and variables, as BuildKit's lexer has them
 * (frontend/dockerfile/shell). It resembles sh, and differs: an escape within double quotes stays
 * unless it stands before ", $ or itself; values are split at blanks, quoted parts are not; words
 * that come out empty vanish.
 */
#include "dfile/dfile_in.h"

/* ${a:-${b:-…}}: more than anyone nests, less than the stack holds. */
#define DEPTH_MAX 100

struct lexer {
	struct dfile_lex how; /* its raw_escapes changes within ${a#…} */
	const char *s; /* where we are; ends with NUL */
	unsigned depth;
	size_t made; /* bytes of variables so far */
};

/* The words of the text outside of ${…}; out is NULL where nobody asks for them. */
struct splitter {
	struct buf word, *out;
};

static int stop_on(
	struct lexer *l, char stop, bool raw_escapes, struct buf *out, struct splitter *w);

static int
syntax(const char *what)
{
	return err_set(ERR_INVALID, NULL, "%s", what);
}

static void
split_end(struct splitter *w)
{
	if (w->word.len == 0)
		return;
	buf_add(w->out, w->word.s, w->word.len + 1);
	buf_reset(&w->word);
}

static void
split_raw(struct splitter *w, const char *s, size_t n)
{
	if (w && w->out && n)
		buf_add(&w->word, s, n);
}

/* Blanks divide. */
static void
split_text(struct splitter *w, const char *s, size_t n)
{
	if (!w || !w->out)
		return;
	for (size_t i = 0, step; i < n; i += step) {
		step = dfile_blank(s + i);
		if (step) {
			split_end(w);
		} else {
			step = 1;
			split_raw(w, s + i, 1);
		}
	}
}

static int
single_quote(struct lexer *l, struct buf *out)
{
	const char *begin = l->s, *end = strchr(begin + 1, '\'');
	if (!end)
		return syntax("no closing single quote (')");
	l->s = end + 1;
	if (l->how.raw_quotes)
		buf_add(out, begin, (size_t)(end + 1 - begin));
	else
		buf_add(out, begin + 1, (size_t)(end - begin - 1));
	return 0;
}

static int dollar(struct lexer *l, struct buf *out);

static int
double_quote(struct lexer *l, struct buf *out)
{
	char escape = l->how.escape;
	l->s++;
	if (l->how.raw_quotes)
		buf_addc(out, '"');
	while (*l->s != '"') {
		if (!*l->s)
			return syntax("no closing double quote (\")");
		if (*l->s == '$') {
			if (dollar(l, out) < 0)
				return -1;
			continue;
		}
		char c = *l->s++;
		if (c == escape) {
			if (l->how.raw_escapes)
				buf_addc(out, c);
			if (!*l->s)
				continue;
			if (*l->s == '"' || *l->s == '$' || *l->s == escape)
				c = *l->s++;
		}
		buf_addc(out, c);
	}
	l->s++;
	if (l->how.raw_quotes)
		buf_addc(out, '"');
	return 0;
}

/* Letters and digits; digits alone where one is first; or one special parameter ($?, $@ …), which
 * is never set. Empty where none stands here. */
static void
variable_name(struct lexer *l, struct buf *name)
{
	const char *begin = l->s;
	if (*l->s >= '0' && *l->s <= '9')
		l->s += strspn(l->s, "0123456789");
	else if (*l->s && strchr("@*#?-$!", *l->s))
		l->s++;
	else
		for (size_t n; (n = dfile_name_char(l->s)) != 0;)
			l->s += n;
	buf_add(name, begin, (size_t)(l->s - begin));
}

/* ENV A=$A$A doubles each time it is said: somewhere it must end. */
static int
count_made(struct lexer *l, size_t n)
{
	l->made += n;
	if (l->made > DFILE_EXPANSION_MAX)
		return err_set(ERR_INVALID, NULL, "variables make this word larger than %zu bytes",
			DFILE_EXPANSION_MAX);
	return 0;
}

static int
add_value(struct lexer *l, const char *value, struct buf *out)
{
	size_t n = strlen(value);
	if (count_made(l, n) < 0)
		return -1;
	buf_add(out, value, n);
	return 0;
}

/* ${name-word} and its kin; op is the character that decides, colon whether ':' stood before it.
 * The value is asked for here, not before: expanding word asks for others. */
static int
substitute(
	struct lexer *l, const char *name, bool colon, char op, const char *word, struct buf *out)
{
	const char *value = l->how.lookup(l->how.ctx, name);
	if (!value && l->how.skip_unset) {
		buf_addf(out, "${%s%s%c%s}", name, colon ? ":" : "", op, word);
		return 0;
	}
	bool has = value && (!colon || *value);
	switch (op) {
	case '-':
		return add_value(l, has ? value : word, out);
	case '+':
		return add_value(l, has ? word : "", out);
	case '?':
		if (has)
			return add_value(l, value, out);
		return err_set(ERR_INVALID, name, "%s: %s", name,
			*word		? word
				: value ? "must not be empty"
					: "must be set");
	case '#':
	case '%':
		return dfile_trim(op, *word == op, word + (*word == op), value ? value : "", out);
	default:
		return err_set(ERR_INVALID, name, "no such operator in ${%s%s%c…}", name,
			colon ? ":" : "", op);
	}
}

static int
replace(struct lexer *l, const char *name, struct buf *out)
{
	auto_buf struct buf pattern = BUF_INIT, with = BUF_INIT;
	bool all = *l->s == '/';
	l->s += all;
	if (stop_on(l, '/', true, &pattern, NULL) < 0 || stop_on(l, '}', true, &with, NULL) < 0)
		return -1;
	const char *value = l->how.lookup(l->how.ctx, name);
	if (!value && l->how.skip_unset) {
		buf_addf(out, "${%s/%s/%s}", name, buf_str(&pattern), buf_str(&with));
		return 0;
	}
	size_t before = out->len;
	if (dfile_replace(all, buf_str(&pattern), buf_str(&with), value ? value : "", out) < 0)
		return -1;
	return count_made(l, out->len - before);
}

/* l->s stands behind "${". */
static int
braces(struct lexer *l, struct buf *out)
{
	auto_buf struct buf name = BUF_INIT, word = BUF_INIT;
	if (!*l->s)
		return syntax("no closing } of ${");
	if (strchr("{}:", *l->s))
		return syntax("${ is not followed by a name");
	variable_name(l, &name);
	char op = *l->s;
	if (!op)
		return syntax("no closing } of ${");
	l->s++;
	if (op == '}') {
		const char *value = l->how.lookup(l->how.ctx, buf_str(&name));
		if (value || !l->how.skip_unset)
			return add_value(l, value ? value : "", out);
		buf_addf(out, "${%s}", buf_str(&name));
		return 0;
	}
	if (op == '/')
		return replace(l, buf_str(&name), out);
	bool colon = op == ':';
	if (colon) {
		op = *l->s;
		if (!op)
			return syntax("no closing } of ${");
		l->s++;
	} else if (!strchr("+-?#%", op)) {
		return err_set(ERR_INVALID, buf_str(&name), "no such operator in ${%s%c…}",
			buf_str(&name), op);
	}
	if (stop_on(l, '}', op == '#' || op == '%', &word, NULL) < 0)
		return -1;
	return substitute(l, buf_str(&name), colon, op, buf_str(&word), out);
}

static int
dollar(struct lexer *l, struct buf *out)
{
	l->s++;
	if (*l->s == '{') {
		l->s++;
		if (++l->depth > DEPTH_MAX)
			return syntax("${…} within ${…} too deep");
		int r = braces(l, out);
		l->depth--;
		return r;
	}
	auto_buf struct buf name = BUF_INIT;
	variable_name(l, &name);
	const char *value = name.len ? l->how.lookup(l->how.ctx, name.s) : NULL;
	if (value)
		return add_value(l, value, out);
	if (!name.len || l->how.skip_unset)
		buf_addf(out, "$%s", buf_str(&name));
	return 0;
}

/* A quote or a variable at l->s. */
static int
special(struct lexer *l, struct buf *out, struct splitter *w)
{
	size_t before = out->len;
	char c = *l->s;
	int r = c == '$' ? dollar(l, out) : c == '"' ? double_quote(l, out) : single_quote(l, out);
	if (r < 0)
		return -1;
	(c == '$' ? split_text : split_raw)(w, buf_str(out) + before, out->len - before);
	return 0;
}

/* An escape takes the next character as it is; at the end it vanishes. */
static void
escaped(struct lexer *l, struct buf *out, struct splitter *w)
{
	if (l->how.raw_escapes) {
		buf_addc(out, *l->s);
		split_raw(w, l->s, 1);
	}
	l->s++;
	uint32_t cp;
	size_t n = *l->s ? dfile_rune(l->s, &cp) : 0;
	if (n == 0)
		return;
	buf_add(out, l->s, n);
	split_raw(w, l->s, n);
	l->s += n;
}

/* Up to `stop`, which is taken too; NUL: up to the end. */
static int
stop_on(struct lexer *l, char stop, bool raw_escapes, struct buf *out, struct splitter *w)
{
	bool before = l->how.raw_escapes;
	l->how.raw_escapes = raw_escapes;
	while (*l->s && !(stop && *l->s == stop)) {
		uint32_t cp;
		if (*l->s == '$' || (!l->how.skip_quotes && (*l->s == '\'' || *l->s == '"'))) {
			if (special(l, out, w) < 0)
				return -1;
		} else if (*l->s == l->how.escape) {
			escaped(l, out, w);
		} else {
			size_t n = dfile_rune(l->s, &cp);
			buf_add(out, l->s, n);
			split_text(w, l->s, n);
			l->s += n;
		}
	}
	l->how.raw_escapes = before;
	if (!stop)
		return 0;
	if (!*l->s)
		return err_set(ERR_INVALID, NULL, "no closing %c of ${", stop);
	l->s++;
	return 0;
}

int
dfile_lex(const struct dfile_lex *how, const char *word, struct buf *out, struct buf *words)
{
	auto_buf struct buf dropped = BUF_INIT;
	struct lexer l = {.how = *how, .s = word};
	struct splitter w = {.out = words};
	int r = stop_on(&l, '\0', how->raw_escapes, out ? out : &dropped, &w);
	if (r == 0 && words)
		split_end(&w);
	buf_free(&w.word);
	return r;
}

int
dfile_expand_word(const char *word, char escape, dfile_lookup *lookup, void *ctx, struct buf *out)
{
	struct dfile_lex how = {.escape = escape, .lookup = lookup, .ctx = ctx};
	return dfile_lex(&how, word, out, NULL);
}

int
dfile_expand_words(const char *word, char escape, dfile_lookup *lookup, void *ctx, struct buf *out)
{
	struct dfile_lex how = {.escape = escape, .lookup = lookup, .ctx = ctx};
	return dfile_lex(&how, word, NULL, out);
}

int
dfile_expand_text(const char *text, char escape, dfile_lookup *lookup, void *ctx, struct buf *out)
{
	struct dfile_lex how = {
		.escape = escape, .skip_quotes = true, .lookup = lookup, .ctx = ctx};
	return dfile_lex(&how, text, out, NULL);
}
