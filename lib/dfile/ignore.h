/* SPDX-License-Identifier: MIT
 * .dockerignore: which files of a context a build does not see (docs.docker.com/build/concepts/
 * context, "dockerignore files"). Pure. A line is a pattern of paths: * and ? stay within one
 * part of a path, ** is any number of parts, […] a class, \ takes the next character as it is; "!"
 * in front brings back what earlier lines took away; the last line that matches decides. A pattern
 * that matches a directory matches all below it.
 */
#ifndef TACKLE_DFILE_IGNORE_H
#define TACKLE_DFILE_IGNORE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct dfile_ignore;

static inline void auto_dfile_ignore_(struct dfile_ignore **ig);
#define auto_dfile_ignore __attribute__((cleanup(auto_dfile_ignore_)))

/* Parses the text of such a file; `file` names it in messages. No lines (or no text) ignore
 * nothing. Returns a new object, or NULL with `err` set (class invalid, "FILE:LINE: …"). */
struct dfile_ignore *dfile_ignore_parse(const char *file, const char *text, size_t len);
/* From patterns that stand alone, as --exclude of COPY has them: one pattern an entry, no comments.
 */
struct dfile_ignore *dfile_ignore_new(const char *what, const char *const *patterns, size_t n);
void dfile_ignore_free(struct dfile_ignore *ig);

/* Whether the file or directory is ignored. `path` is relative to the context's root, with single
 * slashes, without "." and ".." parts. NULL ignores nothing. */
bool dfile_ignore_match(const struct dfile_ignore *ig, const char *path);
/* Whether something below an ignored directory may have been brought back: false means that one
 * need not look into it. Errs on the side of true. */
bool dfile_ignore_may_include_below(const struct dfile_ignore *ig, const char *dir);

static inline void
auto_dfile_ignore_(struct dfile_ignore **ig)
{
	dfile_ignore_free(*ig);
}

#endif
