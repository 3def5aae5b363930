/* SPDX-License-Identifier: MIT
 * .dockerignore: what a pattern matches, what a list of them ignores, and where one need not look.
 */
#include "dfile/ignore.h"

#include "base/auto.h"
#include "unit.h"

/* 1 ignored, 0 not, -1 the pattern is none. */
static int
ignored(const char *text, const char *path)
{
	auto_dfile_ignore struct dfile_ignore *ig = dfile_ignore_parse("ig", text, strlen(text));
	return ig ? dfile_ignore_match(ig, path) : -1;
}

static const struct {
	const char *pattern, *path;
	int want;
} singles[] = {
	/* words */
	{"out", "out", 1},
	{"out", "out/x/y", 1},
	{"out", "outer", 0},
	{"out", "src/out", 0},
	{"src/out", "src/out", 1},
	{"src/out", "src/out/a", 1},
	{"src/out", "src", 0},
	{"/out", "out", 1},
	{"out/", "out/a", 1},
	{"./out//b/../c", "out/c", 1},
	{"../out", "out", 0},
	{"a/../../out", "out", 0},
	{"/..", "out", 0},
	{"/", "out", 0},
	{".", "out", 0},
	{"  out \t", "out", 1},
	/* * and ? */
	{"*", "a", 1},
	{"*", "a/b", 1},
	{"*.o", "a.o", 1},
	{"*.o", "d/a.o", 0},
	{"*.o", "a.o/b", 1},
	{"*/*.o", "d/a.o", 1},
	{"*/*.o", "d/e/a.o", 0},
	{"*.o", "axo", 0},
	{".*", ".git/config", 1},
	{".*", "git", 0},
	{"a*b*c", "aXbXbc", 1},
	{"a*b*c", "aXcXb", 0},
	{"?", "x", 1},
	{"?", "xy", 0},
	{"?", "☃", 1},
	{"??", "☃", 0},
	{"a?b", "a/b", 0},
	{"a*b", "a/b", 0},
	{"a*", "a", 1},
	/* ** */
	{"**", "a/b/c", 1},
	{"**/", "a", 1},
	{"**/x", "x", 1},
	{"**/x", "a/b/x", 1},
	{"**/x", "a/b/x/y", 1},
	{"**/x", "a/bx", 0},
	{"**/x", "xa", 0},
	{"**/.env", "a/b.env", 0},
	{"**.pyc", "a/b/c.pyc", 1},
	{"**.pyc", "c.pyc", 1},
	{"**.pyc", "c.pyco", 0},
	{"**/*.pyc", "a/c.pyc", 1},
	{"**/*.pyc", "c.pyc", 1},
	{"**/*.pyc", "a/c.pyc/d", 1},
	{"src/**", "src", 0},
	{"src/**", "src/a", 1},
	{"src/**", "src/a/b", 1},
	{"src/**", "srcs/a", 0},
	{"src/**/t", "src/t", 1},
	{"src/**/t", "src/a/b/t", 1},
	{"src/**/t", "src/a/bt", 0},
	{"src**/*.c", "src/x.c", 1},
	{"src**/*.c", "src/a/x.c", 1},
	{"src**/*.c", "srcx.c", 1},
	{"**/a/**", "z/a/q/r", 1},
	{"**/a/**", "z/a", 0},
	{"**/**/*.o", "x.o", 1},
	{"a/*.o**", "a/x.org", 1},
	/* classes and escapes */
	{"[a-c]x", "bx", 1},
	{"[a-c]x", "dx", 0},
	{"[^a-c]x", "dx", 1},
	{"[^a-c]x", "bx", 0},
	{"a[^b]c", "a/c", 0},
	{"[α-ω]", "λ", 1},
	{"[\\]x]", "]", 1},
	{"[a\\-z]", "-", 1},
	{"[a\\-z]", "m", 0},
	{"\\*", "*", 1},
	{"\\*", "a", 0},
	{"\\a\\b", "ab", 1},
	{"a(b)+{c}|$", "a(b)+{c}|$", 1},
	{"a.b", "axb", 0},
	/* none */
	{"[", "a", -1},
	{"[^", "a", -1},
	{"[a", "a", -1},
	{"[]", "a", -1},
	{"[]a]", "a", -1},
	{"[-a]", "a", -1},
	{"[a-]", "a", -1},
	{"[a-b-c]", "a", -1},
	{"x[", "a", -1},
	{"x\\", "a", -1},
	{"!", "a", -1},
	{" ! ", "a", -1},
};

static void
one_pattern(void)
{
	for (size_t i = 0; i < N_ROWS(singles); i++)
		CHECK(ignored(singles[i].pattern, singles[i].path) == singles[i].want,
			"'%s' and '%s': %d", singles[i].pattern, singles[i].path, !singles[i].want);
}

static void
lists(void)
{
	static const struct {
		const char *text, *path;
		int want;
	} rows[] = {
		{"", "a", 0},
		{"\n\n  \n", "a", 0},
		{"# a\na", "a", 1},
		{"#a", "#a", 0},
		{" #a", "#a", 1},
		{"\xef\xbb\xbf"
		 "a\r\nb\r\n",
			"a", 1},
		{"\xef\xbb\xbf"
		 "a\r\nb\r\n",
			"b", 1},
		{"*.md\n!README.md", "README.md", 0},
		{"*.md\n!README.md", "x.md", 1},
		{"!README.md\n*.md", "README.md", 1},
		{"docs\n!docs/a", "docs/a", 0},
		{"docs\n!docs/a", "docs/a/b", 0},
		{"docs\n!docs/a", "docs/b", 1},
		{"docs\n! /docs/a\ndocs/a/x", "docs/a/x", 1},
		{"docs\n!docs/a\ndocs/a/x", "docs/a/y", 0},
		{"**\n!**/*.c", "a/b.c", 0},
		{"**\n!**/*.c", "a/b.h", 1},
		{"*\n!src\nsrc/*.o\n!src/keep.o", "src/keep.o", 0},
		{"*\n!src\nsrc/*.o\n!src/keep.o", "src/a.o", 1},
		{"*\n!src\nsrc/*.o\n!src/keep.o", "src/a.c", 0},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++)
		CHECK(ignored(rows[i].text, rows[i].path) == rows[i].want, "row %zu ('%s'): %d", i,
			rows[i].path, !rows[i].want);
	CHECK(!dfile_ignore_match(NULL, "a") && dfile_ignore_may_include_below(NULL, "a"),
		"no list");
}

static void
below(void)
{
	static const struct {
		const char *text, *dir;
		bool want;
	} rows[] = {
		{"a", "b", true},
		{"a", "a", false},
		{"a", "a/b", false},
		{"a\n!b", "a", false},
		{"a\n!a/b/c", "a", true},
		{"a\n!a/b/c", "a/b", true},
		{"a\n!a/b/c", "a/b/c", true},
		{"a\n!a/b/c", "a/x", false},
		{"a\n!a/b/c", "a/b/x", false},
		{"!a/b/c\na", "a", false},
		{"a\n!a/b\na", "a", false},
		{"*\n!*.c", "a", false},
		{"*\n!*/*.c", "a", true},
		{"*\n!*/*.c", "a/b", false},
		{"*\n!**/*.c", "a/b/c", true},
		{"*\n!**.c", "a/b/c", true},
		{"*\n!ab*/x", "a", false},
		{"*\n!ab*/x", "abc", true},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_dfile_ignore struct dfile_ignore *ig =
			dfile_ignore_parse("ig", rows[i].text, strlen(rows[i].text));
		CHECK(ig && dfile_ignore_may_include_below(ig, rows[i].dir) == rows[i].want,
			"row %zu ('%s')", i, rows[i].dir);
	}
}

static void
messages(void)
{
	static const char text[] = "ok\n\n x[ \n";
	auto_dfile_ignore struct dfile_ignore *ig =
		dfile_ignore_parse(".dockerignore", text, strlen(text));
	CHECK(!ig, "a class without end passes");
	CHECK_STR(err.message, ".dockerignore:3: the pattern 'x[': its […] is none");
	CHECK(err.class == ERR_INVALID, "class %d", err.class);
	dfile_ignore_free(dfile_ignore_parse("f", "a\0b", 3));
	CHECK_STR(err.message, "f:1: a NUL byte: this is no text");
	const char *const patterns[] = {"*.o", "!", NULL};
	CHECK(!dfile_ignore_new("COPY --exclude", patterns, 2), "a ! alone passes");
	CHECK_STR(err.message, "COPY --exclude: a ! stands alone");
	ig = dfile_ignore_new("COPY --exclude", patterns, 1);
	CHECK(ig && dfile_ignore_match(ig, "a.o") && !dfile_ignore_match(ig, "a.c"), "a list");
}

/* What takes a backtracking matcher years. */
static void
time_is_bounded(void)
{
	char path[256];
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CHECK(ignored("**/a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path) == 0, "stars");
	CHECK(ignored("**/a/**/a/**/a/**/a/**/a/**/a/**/b",
		      "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a") == 0,
		"double stars");
}

int
main(void)
{
	RUN(one_pattern);
	RUN(lists);
	RUN(below);
	RUN(messages);
	RUN(time_is_bounded);
	return unit_end();
}
