/* SPDX-License-Identifier: MIT */
#include "door/tell.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct teller {
	int fd;
	unsigned depth; /* how many shells we are inside of */
	unsigned n;
	const char *prefix;
	char number[64];
} teller = {.fd = -1, .prefix = ""}, above;

void
tell_open(int fd, const char *prefix)
{
	teller.fd = fd;
	teller.prefix = prefix;
	teller.n = 0;
}

bool
tell_on(void)
{
	return teller.fd >= 0;
}

int
tell_fd(void)
{
	return teller.fd;
}

const char *
tell_number(void)
{
	snprintf(teller.number, sizeof(teller.number), "%s%u", teller.prefix, teller.n);
	return teller.number;
}

/* Inside '…' a quote is written '\''; two shells deep each character of that is quoted again. */
static void
add_quoted(struct buf *out, const char *text, unsigned depth)
{
	if (depth == 0) {
		buf_adds(out, text);
		return;
	}
	auto_buf struct buf once = BUF_INIT;
	for (; *text; text++) {
		if (*text == '\'')
			buf_adds(&once, "'\\''");
		else
			buf_addc(&once, *text);
	}
	add_quoted(out, buf_str(&once), depth - 1);
}

/* One write per stanza, so that two processes of a chain do not mix their lines. */
static void
emit(const char *text)
{
	auto_buf struct buf out = BUF_INIT;
	add_quoted(&out, text, teller.depth);
	for (size_t done = 0; done < out.len;) {
		ssize_t n = write(teller.fd, out.s + done, out.len - done);
		if (n <= 0)
			return; /* a reader that went away must not stop the work */
		done += (size_t)n;
	}
}

void
tell_step(const char *why, const char *call, const char *shell)
{
	auto_buf struct buf b = BUF_INIT;
	if (!tell_on())
		return;
	teller.n++;
	/* A newline inside a comment would end it and turn its rest into a command. */
	buf_addf(&b, "# %s. ", tell_number());
	buf_add_visible(&b, why);
	buf_adds(&b, "\n#    ");
	buf_add_visible(&b, call);
	buf_addc(&b, '\n');
	if (shell)
		buf_addf(&b, "%s\n", shell);
	emit(buf_str(&b));
}

void
tell_line(const char *line)
{
	auto_buf struct buf b = BUF_INIT;
	if (!tell_on())
		return;
	buf_addf(&b, "%s\n", line);
	emit(buf_str(&b));
}

void
tell_nest(const char *command)
{
	auto_buf struct buf b = BUF_INIT;
	if (!tell_on())
		return;
	buf_addf(&b, "%s sh -ec '\n", command);
	emit(buf_str(&b));
	teller.depth++;
}

void
tell_unnest(char *const argv[])
{
	auto_buf struct buf b = BUF_INIT;
	if (!tell_on())
		return;
	teller.depth--;
	buf_adds(&b, "' sh ");
	if (argv)
		buf_add_argv(&b, argv);
	else
		buf_adds(&b, "\"$@\"");
	buf_addc(&b, '\n');
	emit(buf_str(&b));
}

void
tell_down(bool told)
{
	static char prefix[sizeof(teller.number) + 1];
	snprintf(prefix, sizeof(prefix), "%s.", tell_number());
	above = teller;
	tell_open(told ? teller.fd : -1, prefix);
}

void
tell_up(void)
{
	teller = above;
}

/* The next of eight buffers: enough for the words of one command, and nothing to free. */
static struct buf *
scratch(void)
{
	static struct buf ring[8];
	static unsigned next;
	struct buf *b = &ring[next++ % 8];
	buf_reset(b);
	return b;
}

const char *
tell_sh(const char *s)
{
	struct buf *b = scratch();
	buf_add_sh(b, s);
	return buf_str(b);
}

const char *
tell_c(const char *s)
{
	struct buf *b = scratch();
	if (!s)
		return "NULL";
	buf_addc(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(b, '\\');
		buf_addc(b, *s);
	}
	buf_addc(b, '"');
	return buf_str(b);
}
