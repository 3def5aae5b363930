/* SPDX-License-Identifier: MIT */
#include "door/tool.h"

#include "base/err.h"
#include "base/parse.h"
#include "door/env.h"
#include "door/fault.h"
#include "door/hint.h"
#include "door/rootless.h"
#include "door/state.h"
#include "door/step.h"
#include "door/tell.h"
#include "door/undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TACKLEBOX_VERSION
#define TACKLEBOX_VERSION "0.1"
#endif

/* In every program of ours, so that tb-ledger knows a running one by what it is, whatever it is
 * called: a note as elf(5) has them. */
static const struct {
	unsigned name_size, size, type;
	char name[12];
	unsigned value;
} mark __attribute__((section(".note.tacklebox"), used, aligned(4))) = {
	sizeof(MARK), 4, 1, MARK, 1};

static const struct tool *tool;

const char *
tool_name(void)
{
	return tool ? tool->name : "tacklebox";
}

int
tool_failure_status(void)
{
	return tool && tool->kind == TOOL_CHAIN ? EXIT_CHAIN_FAILED : EXIT_COULD_NOT;
}

/* One write for all lines of a message: tools of one pipeline share a terminal. */
static void
say(const struct buf *b)
{
	if (write(STDERR_FILENO, b->s, b->len) < 0)
		return; /* nobody listens: the exit status still tells */
}

/* Whether programs read our stderr: then its last line is JSON. */
static bool
errors_for_programs(void)
{
	const char *form = getenv("TACKLEBOX_ERRORS");
	return form && strcmp(form, "json") == 0;
}

/* The message in people's form, and as the last line in programs' form where that is asked for. */
static void
report(int status)
{
	auto_buf struct buf b = BUF_INIT;
	buf_addf(&b, "%s: ", tool_name());
	err_text(&err, &b);
	buf_addc(&b, '\n');
	if (err.hint[0]) {
		buf_adds(&b, "hint: ");
		buf_add_visible(&b, err.hint);
		buf_addc(&b, '\n');
	}
	if (errors_for_programs()) {
		err_json(&err, tool_name(), status, &b);
		buf_addc(&b, '\n');
	}
	say(&b);
	env_report_status(status);
}

void
tool_die(void)
{
	hint_for_err();
	int status = err.status ? err.status : tool_failure_status();
	undo_all();
	report(status);
	exit(status);
}

void
tool_complain(void)
{
	hint_for_err();
	report(err.status ? err.status : tool_failure_status());
}

void
tool_usage_err(void)
{
	int status = tool->kind == TOOL_CHAIN ? EXIT_CHAIN_FAILED : EXIT_USAGE;
	char first[sizeof(err.hint)];
	memcpy(first, err.hint, sizeof(first));
	err_hint("Try '%s --help'.", tool->name);
	/* Two lines, whatever is wrong: the nearest option goes into the first one. */
	auto_buf struct buf b = BUF_INIT;
	buf_addf(&b, "%s: ", tool->name);
	err_text(&err, &b);
	if (first[0]) {
		buf_adds(&b, "; ");
		buf_add_visible(&b, first);
	}
	buf_addf(&b, "\n%s\n", err.hint);
	if (errors_for_programs()) {
		err_json(&err, tool->name, status, &b);
		buf_addc(&b, '\n');
	}
	say(&b);
	env_report_status(status);
	exit(status);
}

void
tool_usage(const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	err_set(ERR_INVALID, NULL, "%s", buf_str(&b));
	tool_usage_err();
}

void
tool_warn(const char *fmt, ...)
{
	auto_buf struct buf text = BUF_INIT, b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	buf_addf(&b, "%s: warning: ", tool_name());
	buf_add_visible(&b, buf_str(&text));
	buf_addc(&b, '\n');
	say(&b);
}

static void
print_and_exit(const struct buf *b)
{
	fputs(buf_str(b), stdout);
	exit(tool_finish());
}

/* Where the steps are told: -n on stdout; -x on stderr, or where the tool before us in the chain
 * tells. */
static void
set_up_telling(const struct common *c)
{
	step_set_dry(c->dry_run);
	if (c->dry_run) {
		tell_open(STDOUT_FILENO, "");
		tell_line("#!/bin/sh\nset -e");
	} else if (!env_explain_inherited() && c->explain) {
		tell_open(STDERR_FILENO, "");
	}
	env_set_explain_level(c->explain);
}

struct args
tool_start(const struct tool *t, int argc, char **argv)
{
	struct common c;
	struct args args;
	auto_buf struct buf b = BUF_INIT;
	tool = t;
	env_start();
	if (opt_parse(t, argc, argv, &c, &args) < 0)
		tool_usage_err();
	if (c.help)
		opt_help(t, &b);
	else if (c.version)
		buf_addf(&b, "%s (tacklebox) %s\n", t->name, TACKLEBOX_VERSION);
	else if (c.list)
		opt_list_all(t, &b);
	if (b.len)
		print_and_exit(&b);
	if (fault_parse(getenv("TACKLEBOX_FAIL")) < 0)
		tool_usage_err();
	set_up_telling(&c);
	if (rootless_become(t, argv) < 0)
		tool_die();
	return args;
}

void
tool_result(const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	if (step_dry()) {
		auto_buf struct buf line = BUF_INIT;
		buf_adds(&line, "echo ");
		buf_add_sh(&line, buf_str(&b));
		tell_line(buf_str(&line));
	} else {
		puts(buf_str(&b));
	}
}

int
tool_finish(void)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_sys("write", "stdout", "cannot write to standard output");
		tool_die();
	}
	undo_forget();
	return EXIT_DONE;
}

int
tool_each(const struct args *a, const char *what, int (*one)(const char *operand, void *self),
	void *self)
{
	bool failed = false;
	if (!a->n)
		tool_usage("no %s given", what);
	for (int i = 0; i < a->n; i++)
		if (one(a->operand[i], self) < 0) {
			tool_complain();
			failed = true;
		}
	int status = tool_finish();
	return status ? status : failed ? tool_failure_status() : 0;
}
