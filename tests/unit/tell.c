/* SPDX-License-Identifier: MIT
 * The script that -x and -n tell: its numbers, and that nested text reaches the inner shell as it
 * was.
 */
#include "door/tell.h"

#include "base/buf.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2];

static void
begin(const char *prefix)
{
	if (pipe(ends) < 0)
		abort();
	tell_open(ends[1], prefix);
}

/* What was told since begin(). */
static void
told(struct buf *out)
{
	char chunk[4096];
	tell_open(-1, "");
	close(ends[1]);
	for (ssize_t n; (n = read(ends[0], chunk, sizeof(chunk))) > 0;)
		buf_add(out, chunk, (size_t)n);
	close(ends[0]);
}

static void
steps(void)
{
	auto_buf struct buf b = BUF_INIT;
	begin("3.");
	tell_step("a reason", "mkdir(\"/x\") = 0", "mkdir /x");
	CHECK_STR(tell_number(), "3.1");
	tell_step("no command", "prctl()", NULL);
	tell_line("echo done");
	told(&b);
	CHECK_STR(buf_str(&b),
		"# 3.1. a reason\n#    mkdir(\"/x\") = 0\nmkdir /x\n"
		"# 3.2. no command\n#    prctl()\necho done\n");
}

/* A newline in a name ends no comment. */
static void
comments_stay_comments(void)
{
	auto_buf struct buf b = BUF_INIT;
	begin("");
	tell_step("why\nrm -rf /", "mkdir(\"a\nrm -rf /\")", ":");
	told(&b);
	CHECK(!strstr(buf_str(&b), "\nrm"), "%s", buf_str(&b));
}

static void
nothing_without_a_reader(void)
{
	char word[] = "a";
	tell_open(-1, "");
	CHECK(!tell_on(), "off");
	tell_step("why", "call", "shell");
	tell_line("line");
	tell_nest("unshare");
	tell_unnest((char *[]){word, NULL});
}

/* Three shells deep, each quoting all of what is inside. */
static void
nested(void)
{
	char blank[] = "a b", quote[] = "it's";
	static const char awkward[] = "it's \"a\" $HOME \\ `x`";
	auto_buf struct buf b = BUF_INIT, out = BUF_INIT, line = BUF_INIT;
	buf_addf(&line, "printf '%%s|' \"$0\" \"$@\" %s", tell_sh(awkward));
	begin("");
	for (int depth = 0; depth < 3; depth++)
		tell_nest("env X=1");
	tell_step("deep 'inside'", "call('x')", buf_str(&line));
	for (int depth = 0; depth < 3; depth++)
		tell_unnest((char *[]){blank, quote, NULL});
	told(&b);
	FILE *sh = tmpfile();
	if (!sh)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fileno(sh), STDOUT_FILENO);
		execl("/bin/sh", "sh", "-ec", buf_str(&b), (char *)NULL);
		_exit(127);
	}
	int status;
	waitpid(pid, &status, 0);
	char text[256];
	rewind(sh);
	text[fread(text, 1, sizeof(text) - 1, sh)] = '\0';
	fclose(sh);
	CHECK(status == 0, "sh: %d\n%s", status, buf_str(&b));
	buf_addf(&out, "sh|a b|it's|%s|", awkward);
	CHECK_STR(text, buf_str(&out));
}

static void
c_strings(void)
{
	CHECK_STR(tell_c(NULL), "NULL");
	CHECK_STR(tell_c("a\"b\\c"), "\"a\\\"b\\\\c\"");
	/* Eight words at once, as one command may need. */
	const char *w[8];
	char word[8];
	for (int i = 0; i < 8; i++) {
		snprintf(word, sizeof(word), "w%d", i);
		w[i] = tell_sh(word);
	}
	CHECK_STR(w[0], "w0");
	CHECK_STR(w[7], "w7");
}

int
main(void)
{
	RUN(steps);
	RUN(comments_stay_comments);
	RUN(nothing_without_a_reader);
	RUN(nested);
	RUN(c_strings);
	return unit_end();
}
