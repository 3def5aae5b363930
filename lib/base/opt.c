/* SPDX-License-Identifier: MIT */
#include "base/opt.h"

#include "base/err.h"
#include "base/nearest.h"
#include "base/parse.h"

#include <stdlib.h>
#include <string.h>

int
opt_flag(void *to, const char *value)
{
	(void)value;
	*(bool *)to = true;
	return 0;
}

int
opt_count(void *to, const char *value)
{
	(void)value;
	++*(int *)to;
	return 0;
}

int
opt_str(void *to, const char *value)
{
	*(const char **)to = value;
	return 0;
}

int
opt_list(void *to, const char *value)
{
	strlist_add(to, value);
	return 0;
}

int
opt_size(void *to, const char *value)
{
	return parse_size(value, to);
}

int
opt_int(void *to, const char *value)
{
	return parse_int(value, 0, INT64_MAX, to);
}

int
opt_duration(void *to, const char *value)
{
	return parse_duration(value, to);
}

void
strlist_add(struct strlist *l, const char *s)
{
	/* NULL-terminated, so that a list of words can be an argv. */
	const char **v = realloc(l->v, (l->n + 2) * sizeof(*v));
	if (!v)
		abort();
	l->v = v;
	v[l->n++] = s;
	v[l->n] = NULL;
}

/* The common options, with their targets in the caller's struct. */
#define N_COMMON 6
static void
common_options(struct common *c, struct opt table[N_COMMON])
{
	const struct opt common[N_COMMON] = {
		{'x', "explain", NULL, opt_count, &c->explain,
			"tell each step on stderr, as a shell script (-xx: also the steps of tools it runs)",
			false},
		{'n', "dry-run", NULL, opt_flag, &c->dry_run,
			"print that script on stdout and do nothing", false},
		{'h', "help", NULL, opt_flag, &c->help, "show this help", false},
		{'V', "version", NULL, opt_flag, &c->version, "show the version", false},
		{0, "list-options", NULL, opt_flag, &c->list, NULL, false},
		OPT_END,
	};
	memcpy(table, common, sizeof(common));
}

static const struct opt *
find_long(const struct opt *table, const char *name, size_t len)
{
	for (; table->name; table++)
		if (strlen(table->name) == len && strncmp(table->name, name, len) == 0)
			return table;
	return NULL;
}

static const struct opt *
find_letter(const struct opt *table, char letter)
{
	for (; table->name; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int
unknown_option(const struct tool *t, const struct opt *common, const char *word, size_t len)
{
	struct nearest near = NEAREST(word, len);
	const struct opt *const tables[] = {t->options, common};
	for (size_t i = 0; i < 2; i++)
		for (const struct opt *o = tables[i]; o->name; o++)
			if (o->help)
				nearest_offer(&near, o->name);
	err_set(ERR_INVALID, word, "unknown option '--%.*s'", (int)len, word);
	if (near.best)
		err_hint("did you mean --%s?", near.best);
	return -1;
}

static int
store(const struct opt *o, const char *value)
{
	if (o->parse(o->to, value) == 0)
		return 0;
	return err_prefix("--%s", o->name);
}

struct scan {
	const struct tool *t;
	struct opt common[N_COMMON];
	char **argv;
	int i, argc;
};

/* "--name", "--name=value", "--name value". */
static int
long_option(struct scan *s)
{
	const char *word = s->argv[s->i] + 2;
	size_t len = strcspn(word, "=");
	const char *value = word[len] == '=' ? word + len + 1 : NULL;
	const struct opt *o = find_long(s->t->options, word, len);
	if (!o)
		o = find_long(s->common, word, len);
	if (!o)
		return unknown_option(s->t, s->common, word, len);
	if (!o->arg && value)
		return err_set(ERR_INVALID, word, "option --%s takes no value", o->name);
	if (o->arg && !value && !o->optional) {
		if (s->i + 1 >= s->argc)
			return err_set(ERR_INVALID, word, "option --%s needs a value (%s)", o->name,
				o->arg);
		value = s->argv[++s->i];
	}
	return store(o, value);
}

/* "-x", "-xn", "-m10M", "-m 10M". */
static int
short_options(struct scan *s)
{
	for (const char *p = s->argv[s->i] + 1; *p; p++) {
		const struct opt *o = find_letter(s->t->options, *p);
		if (!o)
			o = find_letter(s->common, *p);
		if (!o)
			return err_set(ERR_INVALID, p, "unknown option '-%c'", *p);
		if (!o->arg || o->optional) {
			if (store(o, NULL) < 0)
				return -1;
			continue;
		}
		const char *value = p[1] ? p + 1 : NULL;
		if (!value) {
			if (s->i + 1 >= s->argc)
				return err_set(ERR_INVALID, p, "option -%c needs a value (%s)", *p,
					o->arg);
			value = s->argv[++s->i];
		}
		return store(o, value);
	}
	return 0;
}

/* Words with a dash as well: they are the program's. A "--" before it is not. */
static int
rest_is_command(const struct scan *s, bool options_over, struct args *out)
{
	char **rest = s->argv + s->i + 1;
	if (*rest && !options_over && strcmp(*rest, "--") == 0)
		rest++;
	out->command = *rest ? rest : NULL;
	return 0;
}

int
opt_parse(const struct tool *t, int argc, char **argv, struct common *c, struct args *out)
{
	struct scan s = {.t = t, .argv = argv, .argc = argc, .i = 1};
	bool options_over = false, chain = t->kind == TOOL_CHAIN;
	*c = (struct common){0};
	*out = (struct args){0};
	common_options(c, s.common);
	out->operand = calloc((size_t)argc + 1, sizeof(*out->operand));
	if (!out->operand)
		abort();
	for (; s.i < argc; s.i++) {
		char *word = argv[s.i];
		if (!options_over && strcmp(word, "--") == 0) {
			options_over = true;
		} else if (!options_over && word[0] == '-' && word[1] == '-') {
			if (long_option(&s) < 0)
				return -1;
		} else if (!options_over && word[0] == '-' && word[1]) {
			if (short_options(&s) < 0)
				return -1;
		} else if (chain && out->n == t->operands) {
			out->command = argv + s.i;
			return 0;
		} else {
			out->operand[out->n++] = word;
			if (t->takes_command && out->n == t->operands)
				return rest_is_command(&s, options_over, out);
		}
	}
	return 0;
}

/* "  -m, --memory=SIZE   help", the help in a column of its own, wrapped by the author. */
static void
help_line(const struct opt *o, struct buf *out)
{
	auto_buf struct buf left = BUF_INIT;
	if (!o->help)
		return;
	if (o->letter)
		buf_addf(&left, "  -%c, --%s", o->letter, o->name);
	else
		buf_addf(&left, "      --%s", o->name);
	if (o->arg)
		buf_addf(&left, o->optional ? "[=%s]" : " %s", o->arg);
	if (left.len < 28)
		buf_addf(out, "%-28s", left.s);
	else
		buf_addf(out, "%s\n%28s", left.s, "");
	buf_addf(out, "%s\n", o->help);
}

/* A letter that a tool has for itself (-h of box-run is Docker's) is not the common one's. */
static void
hide_letters(const struct tool *t, struct opt *common)
{
	for (; common->name; common++)
		if (common->letter && find_letter(t->options, common->letter))
			common->letter = 0;
}

void
opt_help(const struct tool *t, struct buf *out)
{
	struct common ignored = {0};
	struct opt common[N_COMMON];
	common_options(&ignored, common);
	const char *line = t->usage;
	for (const char *lead = "Usage:"; *line; lead = "   or:") {
		size_t n = strcspn(line, "\n");
		buf_addf(out, "%s %s %.*s\n", lead, t->name, (int)n, line);
		line += n + (line[n] == '\n');
	}
	buf_addf(out, "%s\n\n", t->summary);
	for (const struct opt *o = t->options; o->name; o++)
		help_line(o, out);
	hide_letters(t, common);
	for (const struct opt *o = common; o->name; o++)
		help_line(o, out);
	buf_adds(out, "\nExample:\n");
	for (line = t->example; *line;) {
		size_t n = strcspn(line, "\n");
		buf_addf(out, "  %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	buf_addf(out, "\nSee %s(1).\n", t->name);
}

void
opt_list_all(const struct tool *t, struct buf *out)
{
	struct common ignored = {0};
	struct opt common[N_COMMON];
	common_options(&ignored, common);
	hide_letters(t, common);
	const struct opt *const tables[] = {t->options, common};
	for (size_t i = 0; i < 2; i++)
		for (const struct opt *o = tables[i]; o->name; o++) {
			if (!o->help)
				continue;
			if (o->letter)
				buf_addf(out, "-%c", o->letter);
			buf_addf(out, "\t--%s\t%s\t%s\n", o->name, o->arg ? o->arg : "", o->help);
		}
}
