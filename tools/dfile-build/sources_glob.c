/* SPDX-License-Identifier: MIT
 * Words of COPY and ADD with wildcards: which files they mean.
 */
#include "sources_in.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "dfile/pattern.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 2048

static bool
has_wildcard(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("*?[\\", s[i]))
			return true;
	return false;
}

struct glob {
	const struct gather *g;
	size_t pivot; /* parts before the one that --parents keeps first */
	size_t found;
};

static int
found(struct glob *w, const char *path)
{
	const char *p = path;
	w->found++;
	for (size_t i = 0; i < w->pivot && *p; i++) {
		p += strcspn(p, "/");
		p += *p == '/';
	}
	return gather_named(w->g, path, p);
}

static int match(struct glob *w, const char *done, const char *rest, unsigned depth);

/* All names in the directory `done` that the part matches, each with what is behind it. */
static int
match_names(struct glob *w, const char *done, const char *part, const char *rest, unsigned depth)
{
	char real[PATH_MAX];
	char **names;
	size_t count;
	int r = 0;
	if (real_path(w->g->from->root, done, O_PATH | O_DIRECTORY, NULL, real) < 0 ||
		read_names(w->g->from->root, real, &names, &count) < 0)
		return 0;
	struct pattern *p = pattern_new(part, false);
	for (size_t i = 0; i < count; i++) {
		auto_free char *next = joined(done, names[i]);
		if (r == 0 && p && pattern_matches(p, names[i]) &&
			!(gather_left_out(w->g, next, "") &&
				!gather_may_look_below(w->g, next, "")))
			r = match(w, next, rest, depth + 1);
		free(names[i]);
	}
	free(names);
	if (!p)
		return -1;
	pattern_free(p);
	return r;
}

/* filepath.Match of Go, part by part: it knows no leading dot. "**" is any number of parts. */
static int
match(struct glob *w, const char *done, const char *rest, unsigned depth)
{
	size_t n = strcspn(rest, "/");
	const char *more = rest + n + (rest[n] == '/');
	if (!*rest)
		return found(w, done);
	if (depth > DEPTH_MAX)
		return 0;
	auto_free char *part = fmt_new("%.*s", (int)n, rest);
	if (!has_wildcard(part, n)) {
		auto_free char *next = joined(done, part);
		auto_fd int fd = open_in_root(w->g->from->root, next, O_PATH, 0);
		return fd < 0 ? 0 : match(w, next, more, depth + 1);
	}
	bool any = strcmp(part, "**") == 0;
	if (any && *more && match(w, done, more, depth + 1) < 0)
		return -1;
	return match_names(w, done, part, any && *more ? rest : more, depth);
}

int
gather(const struct gather *g, const char *word)
{
	auto_free char *path = path_clean(word);
	struct glob w = {.g = g};
	/* "a/./b/c" with --parents keeps b/c. */
	const char *pivot = strstr(word, "/./");
	if (pivot) {
		auto_free char *before = fmt_new("%.*s", (int)(pivot - word), word);
		auto_free char *clean = path_clean(before);
		for (const char *p = clean; *p; w.pivot++) {
			p += strcspn(p, "/");
			p += *p == '/';
		}
	}
	if (!has_wildcard(path, strlen(path)))
		return found(&w, path);
	if (match(&w, "", path, 0) < 0)
		return -1;
	return w.found
		? 0
		: err_set(ERR_NOT_FOUND, word, "no file in %s is called %s", g->from->shown, word);
}
