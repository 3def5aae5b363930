/* SPDX-License-Identifier: MIT
 * Strings that grow, and the ways we quote.
 */
#include "base/buf.h"

#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void
growing(void)
{
	auto_buf struct buf b = BUF_INIT;
	CHECK_STR(buf_str(&b), "");
	buf_add(&b, "", 0);
	CHECK(b.s && b.len == 0, "nothing added is text already");
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	CHECK(b.len == 100000 && strlen(b.s) == 100000, "%zu bytes", b.len);
	buf_reset(&b);
	CHECK_STR(buf_str(&b), "");
	/* Right at the capacity: the NUL needs its byte too. */
	for (size_t n = 60; n < 70; n++) {
		auto_buf struct buf exact = BUF_INIT;
		buf_addf(&exact, "%0*d", (int)n, 7);
		CHECK(exact.len == n && exact.s[n] == '\0', "%zu", n);
	}
}

static void
taking(void)
{
	struct buf b = BUF_INIT;
	char *empty = buf_take(&b);
	CHECK_STR(empty, "");
	free(empty);
	buf_adds(&b, "text");
	char *text = buf_take(&b);
	CHECK_STR(text, "text");
	CHECK(!b.s && !b.len && !b.cap, "an empty buffer is left");
	free(text);
	char *made = fmt_new("%s-%d", "x", 7);
	CHECK_STR(made, "x-7");
	free(made);
}

/* NUL bytes stay, where lengths are given. */
static void
bytes(void)
{
	auto_buf struct buf b = BUF_INIT;
	buf_add(&b, "a\0b", 3);
	CHECK(b.len == 3 && memcmp(b.s, "a\0b", 4) == 0, "%zu bytes", b.len);
}

static const char *const awkward[] = {
	"",
	" ",
	"plain",
	"it's",
	"''",
	"a b",
	"$HOME `id` $(id)",
	"\\",
	"\\n",
	"line\nline\n",
	"\n",
	"\t\r\v\f",
	"*?[a-z]~",
	"~",
	"a=b",
	"-n",
	"--",
	"#no comment",
	"!bang",
	"a;b&c|d<e>f(g){h}",
	"\"double\"",
	"\x01\x7f\x1b[31m",
	"\xff\xfe",
	"\xc3\xa4\xf0\x9f\x90\xb3",
	"%s%d%%",
	"x'\\''y",
};

/* What sh makes of the word is the word: through a real sh, all at once. */
static void
sh_round_trip(void)
{
	auto_buf struct buf script = BUF_INIT, want = BUF_INIT, got = BUF_INIT;
	buf_adds(&script, "printf '%s\\000'");
	for (size_t i = 0; i < N_ROWS(awkward); i++) {
		buf_addc(&script, ' ');
		buf_add_sh(&script, awkward[i]);
		buf_add(&want, awkward[i], strlen(awkward[i]) + 1);
	}
	int ends[2];
	if (pipe(ends) < 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", script.s, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	char chunk[512];
	for (ssize_t n; (n = read(ends[0], chunk, sizeof(chunk))) > 0;)
		buf_add(&got, chunk, (size_t)n);
	close(ends[0]);
	int status;
	waitpid(pid, &status, 0);
	CHECK(status == 0, "sh ended with %d", status);
	CHECK(got.len == want.len && memcmp(got.s, want.s, got.len) == 0, "sh read: %s", script.s);
}

static void
sh_words(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {{"plain", "plain"}, {"", "''"}, {"a b", "'a b'"}, {"it's", "'it'\\''s'"},
		{"/a/b.c-d_e+f:g,h@i%j", "/a/b.c-d_e+f:g,h@i%j"}, {"A=b", "'A=b'"}, {"~", "'~'"}};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		buf_add_sh(&b, rows[i].text);
		CHECK_STR(b.s, rows[i].want);
	}
	auto_buf struct buf b = BUF_INIT;
	char echo[] = "echo", blank[] = "a b", empty[] = "";
	char *const argv[] = {echo, blank, empty, NULL}, *const none[] = {NULL};
	buf_add_argv(&b, argv);
	CHECK_STR(b.s, "echo 'a b' ''");
	buf_add_argv(&b, none);
	CHECK_STR(b.s, "echo 'a b' ''");
}

static void
json(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", "\"\""},
		{"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
		{"\n\t\r\x01\x1f\x7f", "\"\\n\\t\\u000d\\u0001\\u001f\\u007f\""},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3",
			"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3\""},
		/* Not UTF-8: each such byte is one U+FFFD. */
		{"\xff", "\"\\ufffd\""},
		{"\x80", "\"\\ufffd\""},
		{"a\xc3", "\"a\\ufffd\""}, /* cut off at the end */
		{"\xc3(", "\"\\ufffd(\""},
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},
		{"\xc0\xaf", "\"\\ufffd\\ufffd\""}, /* overlong / */
		{"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* a surrogate */
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* above U+10FFFF */
		{"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
		{"\xf8\x88\x80\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		buf_add_json(&b, rows[i].text);
		CHECK_STR(b.s, rows[i].want);
	}
}

static void
visible(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"plain \xc3\xa4", "plain \xc3\xa4"},
		{"a\nb\tc", "a\\nb\\tc"},
		{"\x1b[31mred\x07", "\\x1b[31mred\\x07"},
		{"\x7f", "\\x7f"},
		{"\xc2\x9b"
		 "1m",
			"\\xc2\\x9b1m"}, /* the C1 form of ESC [ */
		{"\xff", "\\xff"},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		buf_add_visible(&b, rows[i].text);
		CHECK_STR(buf_str(&b), rows[i].want);
	}
}

static void
percent(void)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want;
	} rows[] = {
		{"aZ09-._~", 8, "aZ09-._~"},
		{"a b/c:d&e=", 10, "a%20b%2Fc%3Ad%26e%3D"},
		{"%\xff\0", 3, "%25%FF%00"},
		{"", 0, ""},
	};
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		auto_buf struct buf b = BUF_INIT;
		buf_add_percent(&b, rows[i].bytes, rows[i].n);
		CHECK_STR(buf_str(&b), rows[i].want);
	}
}

int
main(void)
{
	RUN(growing);
	RUN(taking);
	RUN(bytes);
	RUN(sh_words);
	RUN(sh_round_trip);
	RUN(json);
	RUN(visible);
	RUN(percent);
	return unit_end();
}
