/* SPDX-License-Identifier: MIT
 * Words of a Dockerfile: quotes, escapes, every ${…}, splitting; here-documents' content.
 */
#include "base/auto.h"
#include "dfile/dfile.h"
#include "unit.h"

static const char *const *vars;

static const char *
lookup(void *ctx, const char *name)
{
	(void)ctx;
	for (const char *const *v = vars; *v; v += 2)
		if (strcmp(*v, name) == 0)
			return v[1];
	return NULL;
}

static const char *const some[] = {"HOME", "/root", "SH", "dash", "EMPTY", "", "λ", "lambda",
	"PATHS", "/a/b/c.tar.gz", "STARS", "a*b?c\\d", "SNOW", "☃x☃", "BROKEN", "\xff.\xfe", "NL",
	"a\nb", "T", "aXbXc", NULL};

struct row {
	const char *word, *want; /* NULL: an error */
};

static void
check_rows(const struct row *rows, size_t n, char escape)
{
	vars = some;
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf got = BUF_INIT;
		int r = dfile_expand_word(rows[i].word, escape, lookup, NULL, &got);
		CHECK((r == 0) == (rows[i].want != NULL), "|%s| gives %d '%s'", rows[i].word, r,
			r ? err.message : buf_str(&got));
		if (r < 0)
			CHECK(err.class == ERR_INVALID && err.message[0], "|%s|: %s", rows[i].word,
				err.message);
		else if (rows[i].want)
			CHECK(strcmp(buf_str(&got), rows[i].want) == 0,
				"|%s| gives '%s', wanted '%s'", rows[i].word, buf_str(&got),
				rows[i].want);
	}
}

static void
quotes(void)
{
	static const struct row rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"a b", "a b"},
		{"pl'ai'n", "plain"},
		{"pl\"ai\"n", "plain"},
		{"pl'ain", NULL},
		{"'plain", NULL},
		{"\"plain", NULL},
		{"pl\\'ain", "pl'ain"},
		{"pl\\\\'ain", NULL},
		{"a\\nb", "anb"},
		{"\"a\\nb\"", "a\\nb"},
		{"\"a\\\\nb\"", "a\\nb"},
		{"'a\\nb'", "a\\nb"},
		{"end\\", "end"},
		{"end\\\\", "end\\"},
		{"\"end\\\"", NULL},
		{"'end\\'", "end\\"},
		{"\"it's\"", "it's"},
		{"'say \"x\"'", "say \"x\""},
		{"\"''\"", "''"},
		{"☃'☃'\"☃\"\\☃", "☃☃☃☃"},
		{"\xff'\xfe'", "\xff\xfe"},
	};
	check_rows(rows, N_ROWS(rows), '\\');
	static const struct row ticks[] = {
		{"C:\\dir", "C:\\dir"},
		{"a`$b", "a$b"},
		{"\"a`\"b\"", "a\"b"},
		{"\"a\\\"", "a\\"},
		{"`a``", "a`"},
		{"end`", "end"},
	};
	check_rows(ticks, N_ROWS(ticks), '`');
}

static void
variables(void)
{
	static const struct row rows[] = {
		{"$HOME", "/root"},
		{"x$HOME/y", "x/root/y"},
		{"x$HOMEy", "x"},
		{"x${HOME}y", "x/rooty"},
		{"\"$HOME\"", "/root"},
		{"'$HOME'", "$HOME"},
		{"\"'$HOME'\"", "'/root'"},
		{"\\$HOME", "$HOME"},
		{"\"\\$HOME\"", "$HOME"},
		{"\\\\$HOME", "\\/root"},
		{"$home", ""},
		{"$", "$"},
		{"a$", "a$"},
		{"$.", "$."},
		{"$/x", "$/x"},
		{"$HOME$SH", "/rootdash"},
		{"$λ", "lambda"},
		{"${λ}", "lambda"},
		{"$SH☃", "dash☃"},
		{"$1", ""},
		{"$12x", "x"},
		{"$1_", "_"},
		{"${12}", ""},
		{"$@$*$#$?$-$$$!$0", ""},
		{"$@x", "x"},
		{"${@}${*}${#}${?}${-}${$}${!}${0}", ""},
		{"$@@", "@"},
		{"${}", NULL},
		{"a${}b", NULL},
		{"${", NULL},
		{"${HOME", NULL},
		{"${.}", NULL},
		{"${ HOME}", NULL},
		{"${HOME }", NULL},
		{"${1x}", NULL},
		{"${{HOME}}", NULL},
		{"${HOME}}", "/root}"},
		{"\\${HOME}", "${HOME}"},
		{"\\${}", "${}"},
		{"${:-x}", NULL},
		{"${:}", NULL},
	};
	check_rows(rows, N_ROWS(rows), '\\');
}

static void
defaults(void)
{
	static const struct row rows[] = {
		{"${X-d}", "d"},
		{"${X:-d}", "d"},
		{"${EMPTY-d}", ""},
		{"${EMPTY:-d}", "d"},
		{"${SH-d}", "dash"},
		{"${SH:-d}", "dash"},
		{"${X-}", ""},
		{"${X:-a b}", "a b"},
		{"${X:-'a}b'}", "a}b"},
		{"${X:-\"$HOME\"}", "/root"},
		{"${X:-$HOME/x}", "/root/x"},
		{"${X:-${Y:-${Z:-deep}}}", "deep"},
		{"${X:-\\$HOME}", "$HOME"},
		{"${X:-\\}}", "}"},
		{"${X:-{a}", "{a"},
		{"${X:-d}}", "d}"},
		{"${X:-d", NULL},
		{"${X:-${Y}", NULL},
		{"${X+a}", ""},
		{"${X:+a}", ""},
		{"${EMPTY+a}", "a"},
		{"${EMPTY:+a}", ""},
		{"${SH+a}", "a"},
		{"${SH:+a}", "a"},
		{"${SH:+$HOME:}x", "/root:x"},
		{"${X?}", NULL},
		{"${X?gone}", NULL},
		{"${X:?gone}", NULL},
		{"${EMPTY?gone}", ""},
		{"${EMPTY:?gone}", NULL},
		{"${SH?gone}", "dash"},
		{"${SH:?gone}", "dash"},
		{"${1:-d}", "d"},
		{"${@:-d}${-:-e}${#:-f}", "def"},
		{"${X:=d}", NULL},
		{"${X=d}", NULL},
		{"${X:d}", NULL},
		{"${X!d}", NULL},
		{"${X:}", NULL},
		{"${X:", NULL},
		{"${X^^}", NULL},
		/* What is not taken is looked at all the same. */
		{"${SH:-'}", NULL},
		{"${SH:-${X?no}}", NULL},
	};
	check_rows(rows, N_ROWS(rows), '\\');
	auto_buf struct buf out = BUF_INIT;
	CHECK(dfile_expand_word("${X?is gone}", '\\', lookup, NULL, &out) < 0, "?");
	CHECK_STR(err.message, "X: is gone");
	CHECK(dfile_expand_word("${EMPTY:?}", '\\', lookup, NULL, &out) < 0, "?");
	CHECK_STR(err.message, "EMPTY: must not be empty");
}

static void
trimming(void)
{
	static const struct row rows[] = {
		{"${PATHS#/a}", "/b/c.tar.gz"},
		{"${PATHS#a}", "/a/b/c.tar.gz"},
		{"${PATHS#*/}", "a/b/c.tar.gz"},
		{"${PATHS##*/}", "c.tar.gz"},
		{"${PATHS#*}", "/a/b/c.tar.gz"},
		{"${PATHS##*}", ""},
		{"${PATHS#}", "/a/b/c.tar.gz"},
		{"${PATHS#?}", "a/b/c.tar.gz"},
		{"${PATHS#/?/}", "b/c.tar.gz"},
		{"${PATHS##/*/}", "c.tar.gz"},
		{"${PATHS#*b*.}", "tar.gz"},
		{"${PATHS##*b*.}", "gz"},
		{"${PATHS#*x}", "/a/b/c.tar.gz"},
		{"${PATHS%.*}", "/a/b/c.tar"},
		{"${PATHS%%.*}", "/a/b/c"},
		{"${PATHS%/*}", "/a/b"},
		{"${PATHS%%/*}", ""},
		{"${PATHS%.??}", "/a/b/c.tar"},
		{"${PATHS%.gz}", "/a/b/c.tar"},
		{"${PATHS%.g}", "/a/b/c.tar.gz"},
		{"${PATHS%%b*.}", "/a/b/c.tar.gz"},
		{"${PATHS%b*}", "/a/"},
		{"${PATHS%}", "/a/b/c.tar.gz"},
		{"${X#a}", ""},
		{"${EMPTY%%*}", ""},
		{"${SNOW#?}", "x☃"},
		{"${SNOW%?}", "☃x"},
		{"${SNOW#☃}", "x☃"},
		{"${SNOW%x*}", "☃"},
		{"${BROKEN#?}", ".\xfe"},
		{"${BROKEN%?}", "\xff."},
		{"${NL#*b}", ""},
		{"${STARS#a\\*}", "b?c\\d"},
		{"${STARS#a\\?}", "a*b?c\\d"},
		{"${STARS%\\?c*}", "a*b"},
		{"${STARS##*\\\\}", "d"},
		{"${STARS#a[*]}", "a*b?c\\d"},
		{"${SH#$SH}", ""},
		{"${SH#'da'}", "sh"},
		{"${SH#\"d\"?}", "sh"},
		{"${SH%${X:-h}}", "das"},
		{"${SH#\\d}", NULL},
		{"${SH#a\\}", NULL},
		{"${SH#d", NULL},
		{"${SH:#d}", "ash"},
	};
	check_rows(rows, N_ROWS(rows), '\\');
}

static void
replacing(void)
{
	static const struct row rows[] = {
		{"${T/X/-}", "a-bXc"},
		{"${T//X/-}", "a-b-c"},
		{"${T/X/}", "abXc"},
		{"${T//X/}", "abc"},
		{"${T/Q/-}", "aXbXc"},
		{"${T//?/-}", "-----"},
		{"${T/?/-}", "-XbXc"},
		{"${T/*/-}", "-"},
		{"${T//*/-}", "-"},
		{"${T/X*/-}", "a-"},
		{"${T/X*X/-}", "a-c"},
		{"${T//X?/-}", "a--"},
		{"${T/c/$SH}", "aXbXdash"},
		{"${T/$X/-}", "-aXbXc"},
		{"${T//X/\"}\"}", "a}b}c"},
		{"${PATHS//\\//:}", ":a:b:c.tar.gz"},
		{"${PATHS/\\/a\\//}", "b/c.tar.gz"},
		{"${PATHS//./_}", "/a/b/c_tar_gz"},
		{"${STARS/\\*/-}", "a-b?c\\d"},
		{"${STARS//\\?/-}", "a*b-c\\d"},
		{"${SNOW//☃/!}", "!x!"},
		{"${X/a/b}", ""},
		{"${X//*/b}", "b"},
		{"${EMPTY/a/b}", ""},
		{"${T/X}", NULL},
		{"${T/X/-", NULL},
		{"${T/X", NULL},
		{"${T/\\X/-}", NULL},
		{"${SH//a/$HOME}", "d/rootsh"},
	};
	check_rows(rows, N_ROWS(rows), '\\');
}

/* Words with | between them. */
static void
splitting(void)
{
	static const char *const env[] = {"two", "a  b", "lead", "  a b", "trail", "a b  ", "none",
		"", "nbsp",
		"a\xc2\xa0"
		"b",
		NULL};
	static const struct row rows[] = {
		{"", ""},
		{"   ", ""},
		{"a", "a|"},
		{"a b", "a|b|"},
		{" a\t\tb\v", "a|b|"},
		{"a\\ b", "a b|"},
		{"a' 'b", "a b|"},
		{"a\" b\"", "a b|"},
		{"a\"b", NULL},
		{"$two", "a|b|"},
		{"x${two}y", "xa|by|"},
		{"x\"$two\"y", "xa  by|"},
		{"x $two", "x|a|b|"},
		{"x$lead", "x|a|b|"},
		{"x${trail}y", "xa|b|y|"},
		{"'$two'", "$two|"},
		{"$none", ""},
		{"a $none b", "a|b|"},
		{"\"\"", ""},
		{"a \"\" b", "a|b|"},
		{"${X:-$two}", "a|b|"},
		{"${X:-\"p q\"}", "p|q|"},
		{"$nbsp", "a|b|"},
		{"☃ ☃", "☃|☃|"},
	};
	vars = env;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf got = BUF_INIT;
		int r = dfile_expand_words(rows[i].word, '\\', lookup, NULL, &got);
		CHECK((r == 0) == (rows[i].want != NULL), "|%s|: %d", rows[i].word, r);
		for (size_t at = 0; at < got.len; at++)
			got.s[at] = got.s[at] ? got.s[at] : '|';
		if (r == 0 && rows[i].want)
			CHECK_STR(buf_str(&got), rows[i].want);
	}
}

static void
texts(void)
{
	static const struct row rows[] = {
		{"a 'b' \"c\"\n", "a 'b' \"c\"\n"},
		{"'$SH' \"$SH\"\n", "'dash' \"dash\"\n"},
		{"\\$SH it's\n", "$SH it's\n"},
		{"${X:-it's}\n", "it's\n"},
		{"${X?}", NULL},
		{"${", NULL},
	};
	vars = some;
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf got = BUF_INIT;
		int r = dfile_expand_text(rows[i].word, '\\', lookup, NULL, &got);
		CHECK((r == 0) == (rows[i].want != NULL), "|%s|: %d", rows[i].word, r);
		if (r == 0 && rows[i].want)
			CHECK_STR(buf_str(&got), rows[i].want);
	}
}

/* Depth, size, and time have their bounds. */
static void
bounds(void)
{
	auto_buf struct buf word = BUF_INIT, big = BUF_INIT, out = BUF_INIT;
	for (int i = 0; i < 100000; i++)
		buf_adds(&word, "${a:-");
	CHECK(dfile_expand_word(word.s, '\\', lookup, NULL, &out) < 0 &&
			strstr(err.message, "too deep"),
		"%s", err.message);
	for (int i = 0; i < 1 << 20; i++)
		buf_addc(&big, 'a');
	const char *const env[] = {"big", big.s, NULL};
	vars = env;
	buf_reset(&out);
	CHECK(dfile_expand_word("$big$big$big$big", '\\', lookup, NULL, &out) == 0 &&
			out.len == 4 << 20,
		"%zu", out.len);
	buf_reset(&out);
	CHECK(dfile_expand_word("$big$big$big$big$big$big$big$big$big", '\\', lookup, NULL, &out) <
			0,
		"9 MiB");
	buf_reset(&out);
	CHECK(dfile_expand_word("${big//a/0123456789}", '\\', lookup, NULL, &out) < 0, "10 MiB");
	buf_reset(&out);
	CHECK(dfile_expand_word("${big//*a*a*a*a*a*a*a*b/x}${big##*a*a*a*a*a*a*b}", '\\', lookup,
		      NULL, &out) == 0 &&
			out.len == 2 << 20,
		"%zu", out.len);
}

int
main(void)
{
	RUN(quotes);
	RUN(variables);
	RUN(defaults);
	RUN(trimming);
	RUN(replacing);
	RUN(splitting);
	RUN(texts);
	RUN(bounds);
	return unit_end();
}
