/* SPDX-License-Identifier: MIT
 * dfile-parse: a Dockerfile becomes lines of JSON.
 *
 * A Dockerfile is lines, and yet it is not: a line may go on in the next, comments and blank lines
 * may stand in the middle, here-documents follow, and one comment at the very top may change the
 * character that all of it hangs on. Here that is undone: one instruction, one line, with the lines
 * it came from. The builder reads Dockerfiles with the same functions.
 *
 *	dfile-parse <Dockerfile | jq -r 'select(.name == "FROM").args[0]'
 */
#include "base/err.h"
#include "base/file.h"
#include "dfile/dfile.h"
#include "door/tool.h"
#include "print.h"

#include <stdio.h>
#include <string.h>

static struct {
	bool ast, directives, no_check, expand, split;
	char escape;
	struct strlist env;
} want = {.escape = '\\'};

static int
parse_escape(void *to, const char *value)
{
	if ((*value != '\\' && *value != '`') || value[1])
		return err_set(
			ERR_INVALID, value, "the escape character is \\ or `, not '%s'", value);
	*(char *)to = *value;
	return 0;
}

static int
parse_env(void *to, const char *value)
{
	if (*value == '=' || !strchr(value, '='))
		return err_set(ERR_INVALID, value, "'%s' is not NAME=VALUE", value);
	strlist_add(to, value);
	return 0;
}

static const struct opt options[] = {
	{'a', "ast", NULL, opt_flag, &want.ast, "print the tree as BuildKit's parser dumps it",
		false},
	{'d', "directives", NULL, opt_flag, &want.directives,
		"print the parser directives (escape, syntax, check) instead", false},
	{0, "no-check", NULL, opt_flag, &want.no_check,
		"take parts of a Dockerfile, too: only the form of each instruction must be right",
		false},
	{'w', "expand", NULL, opt_flag, &want.expand,
		"read words, one a line, and print each with its variables expanded, as JSON",
		false},
	{'s', "split", NULL, opt_flag, &want.split, "the same, split at blanks: arrays of strings",
		false},
	{'e', "env", "NAME=VALUE", parse_env, &want.env, "a variable for --expand and --split",
		false},
	{0, "escape", "CHAR", parse_escape, &want.escape,
		"escape character for --expand and --split (default: \\)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "dfile-parse",
	.kind = TOOL_FILTER,
	.usage = "[OPTION]... [FILE|-]\n--expand|--split [--env NAME=VALUE]... [FILE|-]",
	.summary = "Turns a Dockerfile into JSON, one instruction a line.",
	.options = options,
	.example = "printf 'FROM debian AS base\\nRUN echo hi\\n' | dfile-parse\n"
		   "echo 'he${WHO:-llo}' | dfile-parse --expand --env WHO=y",
};

struct job {
	const char *file;
	size_t stages;
	struct buf out;
};

static void
flush(struct job *j, size_t above)
{
	if (j->out.len <= above)
		return;
	fwrite(j->out.s, 1, j->out.len, stdout);
	buf_reset(&j->out);
}

static int
check(void *ctx, const struct dfile *head, struct dfile_inst *in)
{
	struct job *j = ctx;
	(void)head;
	return want.no_check || want.ast ? 0 : dfile_check_next(j->file, &j->stages, in);
}

static int
print(void *ctx, const struct dfile *head, struct dfile_inst *in)
{
	struct job *j = ctx;
	(void)head;
	(want.ast ? print_ast : print_json)(in, &j->out);
	buf_addc(&j->out, '\n');
	flush(j, 1 << 16);
	return 0;
}

static void
add_directive(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, ",\"%s\":", name);
	if (value)
		buf_add_json(out, value);
	else
		buf_adds(out, "null");
}

static int
print_directives(struct job *j, const struct buf *text)
{
	auto_dfile struct dfile d = {0};
	if (dfile_parse(j->file, buf_str(text), text->len, &d) < 0)
		return -1;
	buf_addf(&j->out, "{\"escape\":\"%s\"", d.escape == '`' ? "`" : "\\\\");
	add_directive(&j->out, "syntax", d.syntax);
	add_directive(&j->out, "check", d.check);
	buf_adds(&j->out, "}\n");
	return 0;
}

/* Twice: nothing is printed of a Dockerfile that is wrong somewhere, and memory holds one
 * instruction at a time. */
static int
print_all(struct job *j, const struct buf *text)
{
	if (want.directives)
		return print_directives(j, text);
	if (dfile_each(j->file, buf_str(text), text->len, check, j) < 0)
		return -1;
	if (!want.ast && !want.no_check && j->stages == 0)
		return err_set(ERR_INVALID, j->file, "%s: there is no FROM in it", j->file);
	return dfile_each(j->file, buf_str(text), text->len, print, j);
}

static const char *
lookup(void *ctx, const char *name)
{
	const char *value = NULL;
	size_t n = strlen(name);
	(void)ctx;
	for (size_t i = 0; i < want.env.n; i++)
		if (strncmp(want.env.v[i], name, n) == 0 && want.env.v[i][n] == '=')
			value = want.env.v[i] + n + 1;
	return value;
}

static int
expand_line(struct job *j, const char *word)
{
	auto_buf struct buf made = BUF_INIT;
	int r = (want.split ? dfile_expand_words : dfile_expand_word)(
		word, want.escape, lookup, NULL, &made);
	if (r < 0)
		return -1;
	if (!want.split) {
		buf_add_json_bytes(&j->out, buf_str(&made), made.len);
	} else {
		buf_addc(&j->out, '[');
		for (size_t at = 0; at < made.len; at += strlen(made.s + at) + 1) {
			buf_adds(&j->out, at ? "," : "");
			buf_add_json(&j->out, made.s + at);
		}
		buf_addc(&j->out, ']');
	}
	buf_addc(&j->out, '\n');
	flush(j, 1 << 16);
	return 0;
}

static int
expand_all(struct job *j, struct buf *text)
{
	unsigned line = 0;
	if (text->len && memchr(text->s, '\0', text->len))
		return err_set(ERR_INVALID, j->file, "%s: holds a NUL byte", j->file);
	for (char *s = text->s, *end; s && *s; s = end) {
		end = s + strcspn(s, "\n");
		if (*end)
			*end++ = '\0';
		line++;
		if (expand_line(j, s) < 0)
			return err_prefix("%s:%u", j->file, line);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	auto_buf struct buf text = BUF_INIT;
	struct args a = tool_start(&me, argc, argv);
	if (a.n > 1)
		tool_usage("too many operands");
	bool words = want.expand || want.split;
	if (words && (want.ast || want.directives || want.no_check))
		tool_usage("--expand and --split read words, not a Dockerfile");
	if (!words && (want.env.n || want.escape != '\\'))
		tool_usage("--env and --escape go with --expand or --split");
	const char *file = a.n ? a.operand[0] : "-";
	bool input = strcmp(file, "-") == 0;
	struct job j = {.file = input ? "standard input" : file};
	if ((input ? file_read_stdin(DFILE_SIZE_MAX, &text)
		   : file_read(file, DFILE_SIZE_MAX, &text)) < 0)
		tool_die();
	if ((words ? expand_all(&j, &text) : print_all(&j, &text)) < 0)
		tool_die();
	flush(&j, 0);
	buf_free(&j.out);
	return tool_finish();
}
