/* SPDX-License-Identifier: MIT
 * What the files of this layer share.
 */
#ifndef TACKLE_DFILE_IN_H
#define TACKLE_DFILE_IN_H

#include "dfile/dfile.h"

#include <stdint.h>
#include <string.h>

/* How the text behind an instruction's name becomes arguments. */
enum dfile_shape {
	SHAPE_STRING, /* one, the whole */
	SHAPE_WORDS, /* what stands between blanks */
	SHAPE_QUOTED, /* the same, but quotes hold blanks together */
	SHAPE_PAIRS, /* NAME=VALUE …, or NAME VALUE */
	SHAPE_JSON, /* a JSON array, or one, the whole */
	SHAPE_JSON_WORDS, /* a JSON array, or what stands between blanks */
	SHAPE_HEALTH, /* a word, then as SHAPE_JSON */
	SHAPE_SUB, /* an instruction */
};

/* Which arguments a builder expands. */
enum dfile_expands { EXPAND_NOTHING, EXPAND_ARGS, EXPAND_FIRST, EXPAND_SPLIT, EXPAND_NAMES };

struct dfile_flag_kind {
	const char *name; /* NULL: the end */
	enum { FLAG_TEXT, FLAG_LIST, FLAG_BOOL, FLAG_DURATION, FLAG_NUMBER } value;
	bool expanded;
};

struct dfile_kind {
	const char *name;
	enum dfile_shape shape;
	enum dfile_expands expands;
	unsigned min, max; /* arguments; 0: any number */
	bool heredocs;
	const struct dfile_flag_kind *flags;
};

/* The table of instructions; NULL where there is none of that name (in any case). */
const struct dfile_kind *dfile_kind(const char *name, size_t len);
const struct dfile_kind *dfile_kinds(void); /* up to one without name */

/* Sets `err` to "FILE:LINE: …". Returns -1. */
int dfile_fail(const char *file, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Parses one instruction from its line, without here-documents. Lines of *out are set. */
int dfile_inst_parse(const char *file, unsigned line, const char *text, size_t len, char escape,
	struct dfile_inst *out);
void dfile_inst_add(struct dfile_inst *in, const char *arg, size_t len);

/* The here-documents that a line of RUN, COPY or ADD begins, without content, added to *in.
 * Returns 0, or -1 with `err` set (no FILE:LINE). */
int dfile_heredoc_marks(struct dfile_inst *in, const char *line);
/* Whether a word is such a mark. *out, where not NULL, gets it (the caller frees its name). */
bool dfile_heredoc_mark(const char *word, struct dfile_heredoc *out);

/* How the lexer of BuildKit is set. */
struct dfile_lex {
	char escape;
	bool raw_quotes; /* quotes stay */
	bool raw_escapes; /* escapes stay */
	bool skip_quotes; /* quotes mean nothing */
	bool skip_unset; /* what is unset stays as it is written */
	dfile_lookup *lookup;
	void *ctx;
};
/* Either of out and words may be NULL. */
int dfile_lex(const struct dfile_lex *how, const char *word, struct buf *out, struct buf *words);

/* The operators of ${NAME#…}: op is '#' or '%', a longest match wanted where twice. Appends the
 * value without what matches pattern at its beginning or end. */
int dfile_trim(char op, bool longest, const char *pattern, const char *value, struct buf *out);
/* ${NAME/PATTERN/TEXT}, or // for all matches. */
int dfile_replace(
	bool all, const char *pattern, const char *with, const char *value, struct buf *out);

/* One character of UTF-8: its length, and in *cp its number. A byte that begins none has length 1
 * and a number that no character has. */
size_t dfile_rune(const char *s, uint32_t *cp);
/* Length of the blank at s (Unicode's White_Space), 0 where none is. s ends with NUL. */
size_t dfile_wide_blank(const char *s);
static inline size_t
dfile_blank(const char *s)
{
	if (*s & 0x80)
		return dfile_wide_blank(s);
	return *s == ' ' || (*s >= '\t' && *s <= '\r');
}
/* A copy with a NUL behind it; the caller frees. */
char *dfile_copy(const char *s, size_t len);
/* Length of the letter, digit or _ at s as names of variables have them, 0 where none is. */
size_t dfile_name_char(const char *s);

#endif
