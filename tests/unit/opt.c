/* SPDX-License-Identifier: MIT
 * Command lines against one table of options, for each kind of tool.
 */
#include "base/opt.h"

#include "base/err.h"
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>

static struct got {
	bool all;
	int loud;
	const char *name;
	const char *net;
	struct strlist binds;
	int64_t memory, count, wait;
} got;

/* An optional value: "yes" where none was given. */
static int
parse_net(void *to, const char *value)
{
	*(const char **)to = value ? value : "yes";
	return 0;
}

static const struct opt options[] = {
	{'a', "all", NULL, opt_flag, &got.all, "a flag", false},
	{'l', "loud", NULL, opt_count, &got.loud, "counted", false},
	{0, "name", "NAME", opt_str, &got.name, "a word", false},
	{'N', "net", "FILE", parse_net, &got.net, "an optional value", true},
	{'b', "bind", "SRC:DST", opt_list, &got.binds, "a list", false},
	{'m', "memory", "SIZE", opt_size, &got.memory, "a size", false},
	{0, "count", "N", opt_int, &got.count, "a number", false},
	{0, "wait", "TIME", opt_duration, &got.wait, "a time", false},
	{0, "hidden", NULL, opt_flag, &got.all, NULL, false},
	OPT_END,
};

static const struct tool acts = {
	.name = "t",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... NAME\n--list",
	.summary = "Does it.",
	.options = options,
	.example = "t one\nt two",
};

static struct tool chain = {
	.name = "c",
	.kind = TOOL_CHAIN,
	.usage = "X",
	.summary = "Y.",
	.options = options,
	.example = "c",
};

/* Splits at blanks; "_" stands for an empty word. */
static int
parse(const struct tool *t, const char *line, struct common *c, struct args *a)
{
	static char text[512];
	static char *argv[64];
	int argc = 1;
	free(got.binds.v);
	got = (struct got){0};
	err_clear();
	snprintf(text, sizeof(text), "%s", line);
	argv[0] = (char *)(uintptr_t)t->name;
	for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "_") == 0 ? w + 1 : w;
	argv[argc] = NULL;
	return opt_parse(t, argc, argv, c, a);
}

/* The words of a list, joined by "|"; "-" for NULL. */
static const char *
words(char **v)
{
	static char out[512];
	if (!v)
		return "-";
	out[0] = '\0';
	for (; *v; v++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", out[0] ? "|" : "",
			*v);
	return out;
}

static void
operands(void)
{
	static const struct {
		const struct tool *tool;
		int wanted;
		const char *line, *operands, *command;
	} rows[] = {
		{&acts, 0, "", "", "-"},
		{&acts, 0, "a b", "a|b", "-"},
		{&acts, 0, "a --all b", "a|b", "-"},
		{&acts, 0, "a -- --all b", "a|--all|b", "-"},
		{&acts, 0, "-- -- a", "--|a", "-"},
		{&acts, 0, "-a - b", "-|b", "-"},
		{&chain, 1, "g", "g", "-"},
		{&chain, 1, "g cmd", "g", "cmd"},
		{&chain, 1, "-a g cmd -a --all", "g", "cmd|-a|--all"},
		{&chain, 1, "g -a cmd -x", "g", "cmd|-x"},
		{&chain, 1, "g -- cmd", "g", "cmd"},
		{&chain, 1, "-- g cmd", "g", "cmd"},
		{&chain, 1, "g -- -a", "g", "-a"},
		{&chain, 1, "g -- -- x", "g", "--|x"},
		{&chain, 1, "g cmd -- x", "g", "cmd|--|x"},
		{&chain, 0, "cmd a", "", "cmd|a"},
		{&chain, 0, "--all -- cmd a", "", "cmd|a"},
		{&chain, 0, "-- --", "", "--"},
		{&chain, 0, "--", "", "-"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct common c;
		struct args a;
		chain.operands = rows[i].wanted;
		int r = parse(rows[i].tool, rows[i].line, &c, &a);
		CHECK(r == 0, "'%s': %s", rows[i].line, err.message);
		if (r < 0)
			continue;
		CHECK(strcmp(words(a.operand), rows[i].operands) == 0, "'%s': operands %s",
			rows[i].line, words(a.operand));
		CHECK(strcmp(words(a.command), rows[i].command) == 0, "'%s': command %s",
			rows[i].line, words(a.command));
		free(a.operand);
	}
}

static void
values(void)
{
	struct common c;
	struct args a;
	static const char line[] = "--all -ll --name=x -m10M --count 7 --bind=a:b -bc:d -b e:f "
				   "--wait=1m30s -l o";
	CHECK(parse(&acts, line, &c, &a) == 0, "%s", err.message);
	CHECK(got.all && got.loud == 3, "all %d, loud %d", got.all, got.loud);
	CHECK_STR(got.name, "x");
	CHECK(got.memory == 10485760 && got.count == 7 && got.wait == 90000000000, "%lld %lld %lld",
		(long long)got.memory, (long long)got.count, (long long)got.wait);
	CHECK(got.binds.n == 3 && !got.binds.v[3], "%zu binds", got.binds.n);
	CHECK_STR(words((char **)(uintptr_t)got.binds.v), "a:b|c:d|e:f");
	CHECK_STR(words(a.operand), "o");
	free(a.operand);
	/* A value may look like an option, be empty, or hold "=". */
	CHECK(parse(&acts, "--name --all", &c, &a) == 0 && !got.all, "%s", err.message);
	CHECK_STR(got.name, "--all");
	free(a.operand);
	CHECK(parse(&acts, "--name=", &c, &a) == 0, "%s", err.message);
	CHECK_STR(got.name, "");
	free(a.operand);
	CHECK(parse(&acts, "--name=a=b", &c, &a) == 0, "%s", err.message);
	CHECK_STR(got.name, "a=b");
	free(a.operand);
	CHECK(parse(&acts, "--name _", &c, &a) == 0, "%s", err.message);
	CHECK_STR(got.name, "");
	free(a.operand);
}

/* An optional value stands only after "="; the next word is never taken for it. */
static void
optional_values(void)
{
	static const struct {
		const char *line, *net, *operands;
	} rows[] = {{"--net x", "yes", "x"}, {"--net=f x", "f", "x"}, {"--net= x", "", "x"},
		{"-N x", "yes", "x"}, {"-aN x", "yes", "x"}, {"-Na x", "yes", "x"}};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct common c;
		struct args a;
		CHECK(parse(&acts, rows[i].line, &c, &a) == 0, "'%s': %s", rows[i].line,
			err.message);
		CHECK_STR(got.net ? got.net : "-", rows[i].net);
		CHECK_STR(words(a.operand), rows[i].operands);
		free(a.operand);
	}
}

static void
common_options(void)
{
	struct common c;
	struct args a;
	CHECK(parse(&acts, "-xx -n o", &c, &a) == 0, "%s", err.message);
	CHECK(c.explain == 2 && c.dry_run && !c.help && !c.version && !c.list, "explain %d",
		c.explain);
	free(a.operand);
	CHECK(parse(&acts, "--explain --dry-run --help --version --list-options", &c, &a) == 0,
		"%s", err.message);
	CHECK(c.explain == 1 && c.dry_run && c.help && c.version && c.list, "all of them");
	free(a.operand);
}

static void
mistakes(void)
{
	static const struct {
		const char *line, *message, *hint;
	} rows[] = {
		{"--al", "unknown option '--al'", "did you mean --all?"},
		{"--memroy=1", "unknown option '--memroy'", "did you mean --memory?"},
		{"--dryrun", "unknown option '--dryrun'", "did you mean --dry-run?"},
		{"--zzzzzzz", "unknown option '--zzzzzzz'", ""},
		/* Not offered: it is not for people. */
		{"--hidde", "unknown option '--hidde'", ""},
		{"---", "unknown option '---'", NULL},
		{"-z", "unknown option '-z'", ""},
		{"-az", "unknown option '-z'", ""},
		{"--all=x", "option --all takes no value", ""},
		{"--name", "option --name needs a value (NAME)", ""},
		{"-m", "option -m needs a value (SIZE)", ""},
		{"-am", "option -m needs a value (SIZE)", ""},
		{"-mx", "--memory: 'x' is not a size (such as 512M or 1.5G)", ""},
		{"--count=-1", "--count: -1 is out of range (0 to 9223372036854775807)", ""},
		{"--wait=soon", "--wait: 'soon' is not a duration (such as 10s or 1m30s)", ""},
		{"--an-option-name-that-goes-on-and-on-for-ever", NULL, ""},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct common c;
		struct args a;
		CHECK(parse(&acts, rows[i].line, &c, &a) == -1, "'%s' was taken", rows[i].line);
		CHECK(err.class == ERR_INVALID, "'%s': class %d", rows[i].line, err.class);
		if (rows[i].message)
			CHECK_STR(err.message, rows[i].message);
		if (rows[i].hint)
			CHECK_STR(err.hint, rows[i].hint);
		free(a.operand);
	}
}

/* A short option's name may be any byte, and it goes to a terminal. */
static void
odd_letters(void)
{
	struct common c;
	struct args a;
	CHECK(parse(&acts, "-\x1b[31m", &c, &a) == -1, "was taken");
	auto_buf struct buf b = BUF_INIT;
	err_text(&err, &b);
	CHECK_STR(b.s, "unknown option '-\\x1b'");
	free(a.operand);
}

static void
help(void)
{
	auto_buf struct buf b = BUF_INIT;
	opt_help(&acts, &b);
	CHECK(strstr(b.s, "Usage: t [OPTION]... NAME\n   or: t --list\nDoes it.\n\n") == b.s, "%s",
		b.s);
	CHECK(strstr(b.s, "\n  -m, --memory SIZE         a size\n"), "%s", b.s);
	CHECK(strstr(b.s, "\n  -N, --net[=FILE]          an optional value\n"), "%s", b.s);
	CHECK(strstr(b.s, "\n      --name NAME           a word\n"), "%s", b.s);
	CHECK(strstr(b.s, "\n  -n, --dry-run "), "%s", b.s);
	CHECK(!strstr(b.s, "hidden") && !strstr(b.s, "list-options"), "%s", b.s);
	CHECK(strstr(b.s, "\nExample:\n  t one\n  t two\n\nSee t(1).\n"), "%s", b.s);
}

static void
list(void)
{
	auto_buf struct buf b = BUF_INIT;
	opt_list_all(&acts, &b);
	CHECK(strstr(b.s, "-a\t--all\t\ta flag\n") == b.s, "%s", b.s);
	CHECK(strstr(b.s, "\n\t--name\tNAME\ta word\n"), "%s", b.s);
	CHECK(strstr(b.s, "-V\t--version\t\tshow the version\n"), "%s", b.s);
	CHECK(!strstr(b.s, "hidden"), "%s", b.s);
}

int
main(void)
{
	RUN(operands);
	RUN(values);
	RUN(optional_values);
	RUN(common_options);
	RUN(mistakes);
	RUN(odd_letters);
	RUN(help);
	RUN(list);
	free(got.binds.v);
	return unit_end();
}
