/* SPDX-License-Identifier: MIT
 * The Dockerfile language as BuildKit's parser has it (docs.docker.com/reference/dockerfile): text
 * becomes instructions, instructions are checked, and variables in them are expanded. Pure: reads
 * and changes nothing but memory. Every error is of class invalid and begins with "FILE:LINE: ".
 */
#ifndef TACKLE_DFILE_H
#define TACKLE_DFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Bounds of what is read; more is an error. */
#define DFILE_SIZE_MAX ((size_t)64 << 20) /* bytes of a Dockerfile */
#define DFILE_LINE_MAX ((size_t)1 << 20) /* bytes of a line of it; BuildKit takes 65,535 */
#define DFILE_INSTRUCTIONS_MAX ((size_t)1 << 16) /* that dfile_parse() keeps */
#define DFILE_EXPANSION_MAX ((size_t)8 << 20) /* bytes that one word becomes */

/* --name=value; value is NULL where there is no '='. */
struct dfile_flag {
	char *name; /* without the dashes */
	char *value;
};

struct dfile_heredoc {
	char *name; /* EOF in <<EOF, <<-EOF, <<"EOF" */
	char *content; /* the lines as they stand, with their newlines; see dfile_heredoc_text() */
	bool expand; /* the name was not quoted: COPY and ADD expand the content */
	bool chomp; /* <<-: tabs at the start of lines go */
	unsigned fd; /* 3 in 3<<EOF; 0 */
};

struct dfile_inst {
	const char *name; /* in capitals: "RUN"; not allocated */
	struct dfile_flag *flags;
	size_t n_flags;
	/* The arguments, by instruction:
	 *
	 * RUN CMD ENTRYPOINT: exec form: the words; shell form: one, the whole text (without any
	 * text: none).
	 *
	 * SHELL: the words.
	 *
	 * ENV LABEL: pairs: name, value, name, value …, quotes and escapes still in them.
	 *
	 * ARG: "name" or "name=value", quotes still in them.
	 *
	 * HEALTHCHECK: "NONE", or "CMD" and what CMD has (json says which); in any case.
	 *
	 * ADD COPY VOLUME: the words of the JSON form, or the words between blanks.
	 *
	 * FROM EXPOSE: the words between blanks.
	 *
	 * MAINTAINER USER WORKDIR STOPSIGNAL: one, the whole text.
	 *
	 * ONBUILD: none: see trigger.
	 *
	 * Each args[i] has lens[i] bytes and a NUL behind them. Only the JSON form can hold a NUL
	 * within ("\u0000"), and dfile_check() refuses it. */
	char **args;
	size_t *lens;
	size_t n_args;
	bool json; /* exec (JSON) form: nothing in it is expanded by a shell */
	bool spaced; /* ENV and LABEL: the old form "NAME VALUE" with one pair */
	struct dfile_heredoc *heredocs; /* in the order of their marks; RUN, COPY, ADD only */
	size_t n_heredocs;
	unsigned first, last; /* lines, from 1; here-documents included */
	/* The instruction as one line: continued lines joined, comments and blank lines within it
	 * gone, here-documents not included. What `Step 1/6 : …` shows. */
	char *original;
	struct dfile_inst *trigger; /* ONBUILD: what is behind it, here-documents its own */
};

struct dfile {
	struct dfile_inst *inst;
	size_t n;
	char escape; /* '\\' or '`' */
	char *syntax, *check; /* values of these parser directives; NULL where absent */
};
#define auto_dfile __attribute__((cleanup(dfile_free)))

/* Parses the text of a Dockerfile, behind whose len bytes a NUL stands; `file` names it in
 * messages. Says nothing yet about flags, numbers of arguments or the order of instructions
 * (dfile_check() does); unknown instructions, here-documents without end, ENV without value and
 * such are errors here. Returns 0, and the caller frees *out with dfile_free(); or -1 with `err`
 * set and *out empty. */
int dfile_parse(const char *file, const char *text, size_t len, struct dfile *out);
void dfile_free(struct dfile *d);
void dfile_inst_free(struct dfile_inst *in);
/* The same, but hands each instruction to `fn`, so that memory holds one at a time: head has the
 * escape character and the directives by then. What `fn` moves out of *in (and zeroes) it owns.
 * Stops where it returns -1. */
typedef int dfile_each_fn(void *ctx, const struct dfile *head, struct dfile_inst *in);
int dfile_each(const char *file, const char *text, size_t len, dfile_each_fn *fn, void *ctx);

/* What a builder asks before the first step: stages begin with FROM and only ARG stands before the
 * first, each instruction has flags that it knows (a mistyped one is answered with the nearest),
 * the right number of arguments, values of a sensible form (durations, booleans), ONBUILD no FROM,
 * MAINTAINER or ONBUILD. Returns 0, or -1 with `err` set. */
int dfile_check(const char *file, const struct dfile *d);
/* The same for one instruction without its place. For what an image's ONBUILD holds, too. */
int dfile_check_inst(const char *file, const struct dfile_inst *in);
/* The same for one with its place, in their order; *stages begins at 0 and counts FROM. */
int dfile_check_next(const char *file, size_t *stages, const struct dfile_inst *in);

/* First value of a flag: NULL where the flag is absent, "" where it has no value. */
const char *dfile_flag(const struct dfile_inst *in, const char *name);
/* Whether a flag is there without value or with "true" (--link; not --link=false). */
bool dfile_flag_on(const struct dfile_inst *in, const char *name);

/* What --chmod makes of a mode: an octal number takes its place, letters as those of chmod(1)
 * change it ("u=rwX,go=rX"; without a "who" as under umask 022). `old` has its file type, for X.
 * Returns 0, or -1 with `err` set (no FILE:LINE before it). */
int dfile_mode(const char *text, mode_t old, mode_t *mode);

/* The here-document that an argument of COPY or ADD such as "<<EOF" names, or NULL where it names a
 * path. */
const struct dfile_heredoc *dfile_heredoc_of(const struct dfile_inst *in, const char *arg);
/* Appends what a here-document says: its content, leading tabs gone when chomp. */
void dfile_heredoc_text(const struct dfile_heredoc *h, struct buf *out);
/* Appends what `sh -c` is to be given for a RUN in shell form. Without here-documents: its text.
 * Where the text is nothing but one mark (RUN <<EOF): the content alone (it may begin with #!: then
 * it is a program of its own, and the builder puts it into a file). Otherwise the text, a newline,
 * and each content with its closing name. */
void dfile_run_text(const struct dfile_inst *in, struct buf *out);
/* Whether the text of a RUN is one mark of a here-document and no more. */
bool dfile_run_is_heredoc(const struct dfile_inst *in);

/* Value of a variable, NULL where it is unset (an empty one is set). Valid until the next call. */
typedef const char *dfile_lookup(void *ctx, const char *name);

/* The instruction as it is to be carried out: a copy in which quotes, escapes and variables of what
 * the language expands are resolved. That is:
 *
 * FROM: the image and --platform, not the stage's name.
 *
 * ENV LABEL: names and values; each sees the environment before the instruction.
 *
 * ARG: names and values ("name=value" again). A builder that has a value from outside may leave it,
 * as Docker does: an error in a default that is not used is none.
 *
 * ADD COPY: arguments, --chown, --chmod, --checksum, --exclude; content of here-documents whose
 * name is not quoted.
 *
 * EXPOSE: arguments, and what comes out is split at blanks.
 *
 * VOLUME USER WORKDIR STOPSIGNAL: arguments.
 *
 * RUN: values of --mount, nothing else: its shell does the rest.
 *
 * CMD ENTRYPOINT SHELL HEALTHCHECK MAINTAINER ONBUILD: nothing.
 *
 * Returns 0, and the caller frees *out with dfile_inst_free(); or -1 with `err` set. */
int dfile_expand(const char *file, const struct dfile_inst *in, char escape, dfile_lookup *lookup,
	void *ctx, struct dfile_inst *out);

/* One word: quotes removed, escapes resolved, $name and ${name…} replaced, with the operators
 * (- :- + :+ ? :? # ## % %% / //). Appends to *out. Returns 0, or -1 with `err` set (no FILE:LINE
 * before it). */
int dfile_expand_word(
	const char *word, char escape, dfile_lookup *lookup, void *ctx, struct buf *out);
/* The same, split into words at blanks that are not quoted, in the text and in values. Appends each
 * to *out with a NUL behind it. */
int dfile_expand_words(
	const char *word, char escape, dfile_lookup *lookup, void *ctx, struct buf *out);
/* A here-document's content: variables and escapes, quotes are text (and so is their inside). */
int dfile_expand_text(
	const char *text, char escape, dfile_lookup *lookup, void *ctx, struct buf *out);

#endif
