/* SPDX-License-Identifier: MIT
 * One table of options per tool. From it come the parser, --help, the shell completion, and the
 * list against which the man page is checked. Pure: parses and formats, never prints or exits.
 */
#ifndef TACKLE_OPT_H
#define TACKLE_OPT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Stores a value: `to` is the option's target, value NULL for a flag or an absent optional value.
 * Returns 0, or -1 with `err` set. */
typedef int opt_parse_fn(void *to, const char *value);

struct opt {
	char letter; /* 0: no short form */
	const char *name; /* long name without dashes */
	const char *arg; /* name of the value in --help; NULL: a flag */
	opt_parse_fn *parse;
	void *to;
	const char *help;
	bool optional; /* the value may be left out, and stands only after = */
};
#define OPT_END \
	{ \
		0 \
	}

/* Ready-made parsers, each with the type that `to` points to. */
opt_parse_fn opt_flag; /* bool: set to true */
opt_parse_fn opt_count; /* int: one more each time */
opt_parse_fn opt_str; /* const char *: the word, not copied */
opt_parse_fn opt_list; /* struct strlist: appended */
opt_parse_fn opt_size; /* int64_t: bytes */
opt_parse_fn opt_int; /* int64_t: 0 or more */
opt_parse_fn opt_duration; /* int64_t: nanoseconds */

struct strlist {
	const char **v;
	size_t n;
};
void strlist_add(struct strlist *l, const char *s);

/* What a tool is (DESIGN: a tool is of one kind only). */
enum tool_kind { TOOL_ACTS, TOOL_CHAIN, TOOL_FILTER, TOOL_SHOWS, TOOL_SERVES };

/* Whose rights a tool works with. An ordinary user's tool becomes itself once more in namespaces
 * where he is root (door/rootless.h): always, or where he has further ids to give files to. */
enum tool_rights { RIGHTS_ANY, RIGHTS_OWNERS, RIGHTS_ROOT };

struct tool {
	const char *name;
	enum tool_kind kind;
	const char *usage; /* after the name: "[OPTION]... NAME"; lines separated by \n */
	const char *summary; /* one sentence, shown under the usage lines */
	const struct opt *options;
	const char *example; /* one or more command lines, run by a test */
	int operands; /* chain-loaders: how many stand before the command to run */
	bool takes_command; /* what follows the operands is the command, options too */
	enum tool_rights rights;
};

/* What a command line said, besides what went into the options' targets. */
struct args {
	char **operand; /* NULL-terminated, allocated */
	int n;
	char **command; /* chain-loaders: the program to run, NULL when none was given */
};

/* Options every tool has; parsed into this. */
struct common {
	int explain; /* -x, -xx */
	bool dry_run; /* -n */
	bool help; /* -h */
	bool version; /* -V */
	bool list; /* --list-options, for completion and the man page check; not in --help */
};

/* Parses argv[1..]. Options and operands mix; for TOOL_CHAIN parsing stops at the first word after
 * t->operands operands. "--" ends the options once. Returns 0, or -1 with `err` set (class
 * invalid): unknown option (with the nearest known one), value missing, value given to a flag. */
int opt_parse(const struct tool *t, int argc, char **argv, struct common *c, struct args *out);
/* Appends the whole --help text. */
void opt_help(const struct tool *t, struct buf *out);
/* Appends one line an option: "-m<TAB>--memory<TAB>SIZE<TAB>help". */
void opt_list_all(const struct tool *t, struct buf *out);

#endif
