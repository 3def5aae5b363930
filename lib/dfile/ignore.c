/* SPDX-License-Identifier: MIT
 * The list of patterns; how one of them matches is pattern.c's.
 */
#include "dfile/ignore.h"

#include "base/auto.h"
#include "dfile/dfile_in.h"
#include "dfile/pattern.h"

struct dfile_ignore {
	struct pattern **v;
	size_t n;
	bool back; /* one of them brings back */
};

/* A path as Go's path.Clean makes it: no empty, "." or needless ".." parts. */
static void
clean(const char *path, struct buf *out)
{
	bool rooted = *path == '/';
	size_t depth = 0; /* parts that a ".." can take away */
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.' && (depth || rooted)) {
			while (depth && out->s[--out->len] != '/' && out->len)
				;
			depth -= depth > 0;
			if (out->s)
				out->s[out->len] = '\0';
		} else if (n && !(n == 1 && *path == '.')) {
			if (out->len)
				buf_addc(out, '/');
			buf_add(out, path, n);
			depth += !(n == 2 && path[0] == '.' && path[1] == '.');
		}
		path += n + (path[n] == '/');
	}
	if (!out->len)
		buf_adds(out, rooted ? "/" : ".");
}

static const char *
skip(const char *s)
{
	for (size_t n; (n = dfile_blank(s)) != 0;)
		s += n;
	return s;
}

/* Without blanks at its end. */
static void
cut_blanks(char *s)
{
	char *end = s;
	while (*s) {
		size_t n = dfile_blank(s);
		s += n ? n : 1;
		if (!n)
			end = s;
	}
	*end = '\0';
}

/* A pattern that says nothing is none. Returns 0, or -1 with `err` set (no FILE:LINE). */
static int
add(struct dfile_ignore *ig, char *text)
{
	auto_buf struct buf path = BUF_INIT;
	const char *s = skip(text);
	bool back = *s == '!';
	cut_blanks(text);
	if (*s == '\0')
		return 0;
	s = back ? skip(s + 1) : s;
	if (!*s)
		return err_set(ERR_INVALID, text, "a ! stands alone");
	clean(s, &path);
	struct pattern *p = pattern_new(path.s + (path.s[0] == '/' && path.s[1]), back);
	if (!p)
		return -1;
	if ((ig->n & (ig->n - 1)) == 0) {
		ig->v = reallocarray(ig->v, ig->n ? 2 * ig->n : 1, sizeof(struct pattern *));
		if (!ig->v)
			abort();
	}
	ig->v[ig->n++] = p;
	ig->back |= back;
	return 0;
}

static struct dfile_ignore *
make(void)
{
	struct dfile_ignore *ig = calloc(1, sizeof(*ig));
	if (!ig)
		abort();
	return ig;
}

struct dfile_ignore *
dfile_ignore_parse(const char *file, const char *text, size_t len)
{
	struct dfile_ignore *ig = make();
	const char *end = text + len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (unsigned line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		auto_free char *pattern = strndup(text, n);
		if (!pattern)
			abort();
		int r = memchr(text, '\0', n)
			? err_set(ERR_INVALID, file, "a NUL byte: this is no text")
			: *pattern == '#' ? 0
					  : add(ig, pattern);
		if (r < 0) {
			err_prefix("%s:%u", file, line);
			dfile_ignore_free(ig);
			return NULL;
		}
		text += n + 1;
	}
	return ig;
}

struct dfile_ignore *
dfile_ignore_new(const char *what, const char *const *patterns, size_t n)
{
	struct dfile_ignore *ig = make();
	for (size_t i = 0; i < n; i++) {
		auto_free char *pattern = str_new(patterns[i]);
		if (add(ig, pattern) == 0)
			continue;
		err_prefix("%s", what);
		dfile_ignore_free(ig);
		return NULL;
	}
	return ig;
}

void
dfile_ignore_free(struct dfile_ignore *ig)
{
	if (!ig)
		return;
	for (size_t i = 0; i < ig->n; i++)
		pattern_free(ig->v[i]);
	free(ig->v);
	free(ig);
}

/* Place behind the last pattern that matches; 0: none does. */
static size_t
last_match(const struct dfile_ignore *ig, const char *path)
{
	size_t i = ig ? ig->n : 0;
	while (i && !pattern_matches(ig->v[i - 1], path))
		i--;
	return i;
}

bool
dfile_ignore_match(const struct dfile_ignore *ig, const char *path)
{
	size_t i = last_match(ig, path);
	return i && !pattern_brings_back(ig->v[i - 1]);
}

bool
dfile_ignore_may_include_below(const struct dfile_ignore *ig, const char *dir)
{
	if (!ig || !ig->back)
		return !dfile_ignore_match(ig, dir);
	/* What matches the directory matches all below it: only later patterns can say otherwise.
	 */
	size_t i = last_match(ig, dir);
	if (!i || pattern_brings_back(ig->v[i - 1]))
		return true;
	for (; i < ig->n; i++)
		if (pattern_brings_back(ig->v[i]) && pattern_may_match_below(ig->v[i], dir))
			return true;
	return false;
}
