/* SPDX-License-Identifier: MIT
 * A pattern is a row of tokens; a path is read once, with the set of places in the row where one
 * may be by then (the states of an automaton): time is path times pattern, whatever stars there
 * are. What they mean is what moby's patternmatcher makes of them, and Go's path.Match for […].
 */
#include "dfile/pattern.h"

#include "base/auto.h"
#include "dfile/dfile_in.h"

struct range {
	uint32_t first, last;
};

struct token {
	enum {
		TOKEN_CHAR,
		TOKEN_ONE, /* ?: any but / */
		TOKEN_CLASS,
		TOKEN_STAR, /* any number of any but / */
		TOKEN_ALL, /* any number of any */
		TOKEN_DIRS, /* nothing, or go into TOKEN_IN, which stands next */
		TOKEN_IN, /* any number of any, then / */
	} kind;
	uint32_t c;
	struct range *ranges;
	size_t n_ranges;
	bool negated;
};

struct pattern {
	bool brings_back;
	struct token *v;
	size_t n;
	unsigned char *room, *now, *next; /* twice n + 1 states, for match() */
};

static int
bad(const char *text, const char *what)
{
	return err_set(ERR_INVALID, text, "the pattern '%s': %s", text, what);
}

static struct token *
add(struct pattern *p, int kind)
{
	struct token *t = &p->v[p->n++];
	*t = (struct token){0};
	t->kind = kind;
	return t;
}

/* One character of […], with its escape. */
static const char *
class_char(const char *s, uint32_t *c)
{
	if (*s == '\\')
		s++;
	return *s ? s + dfile_rune(s, c) : NULL;
}

/* s stands behind '['. Returns what is behind ']', NULL where the class is none. */
static const char *
add_class(struct pattern *p, const char *s)
{
	struct token *t = add(p, TOKEN_CLASS);
	t->negated = *s == '^';
	s += t->negated;
	t->ranges = calloc(strlen(s) + 1, sizeof(*t->ranges));
	if (!t->ranges)
		abort();
	do {
		struct range *r = &t->ranges[t->n_ranges++];
		if (*s == '-' || *s == ']')
			return NULL;
		s = class_char(s, &r->first);
		r->last = r->first;
		if (s && *s == '-')
			s = s[1] == '-' || s[1] == ']' ? NULL : class_char(s + 1, &r->last);
		if (!s)
			return NULL;
	} while (*s != ']');
	return s + 1;
}

/* s stands behind "**". A slash behind it belongs to it. */
static const char *
add_dirs(struct pattern *p, const char *s)
{
	bool slash = *s == '/', first = p->n == 0;
	/* moby takes **.c, where nothing else is special, for "ends with .c". */
	bool ending = first && !slash && !strpbrk(s, "*?[]\\");
	s += slash;
	if (!*s || ending) {
		add(p, TOKEN_ALL);
	} else {
		add(p, TOKEN_DIRS);
		add(p, TOKEN_IN);
	}
	return s;
}

static int
add_all(struct pattern *p, const char *text)
{
	for (const char *s = text; *s;) {
		if (s[0] == '*' && s[1] == '*') {
			s = add_dirs(p, s + 2);
		} else if (*s == '[') {
			s = add_class(p, s + 1);
			if (!s)
				return bad(text, "its […] is none");
		} else if (*s == '*' || *s == '?') {
			add(p, *s++ == '*' ? TOKEN_STAR : TOKEN_ONE);
		} else {
			s += *s == '\\';
			if (!*s)
				return bad(text, "nothing stands behind its last \\");
			struct token *t = add(p, TOKEN_CHAR);
			s += dfile_rune(s, &t->c);
		}
	}
	return 0;
}

struct pattern *
pattern_new(const char *text, bool brings_back)
{
	struct pattern *p = calloc(1, sizeof(*p));
	size_t most = strlen(text) + 2;
	if (!p)
		abort();
	p->brings_back = brings_back;
	p->v = calloc(most, sizeof(*p->v));
	p->room = calloc(2, most + 1);
	if (!p->v || !p->room)
		abort();
	p->now = p->room;
	p->next = p->room + most + 1;
	if (add_all(p, text) == 0)
		return p;
	pattern_free(p);
	return NULL;
}

void
pattern_free(struct pattern *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].ranges);
	free(p->v);
	free(p->room);
	free(p);
}

bool
pattern_brings_back(const struct pattern *p)
{
	return p->brings_back;
}

static bool
in_class(const struct token *t, uint32_t c)
{
	bool in = false;
	for (size_t i = 0; i < t->n_ranges && !in; i++)
		in = c >= t->ranges[i].first && c <= t->ranges[i].last;
	return in != t->negated;
}

/* Places that are reached from i without reading: what may be nothing is passed over. */
static void
enter(const struct pattern *p, unsigned char *states, size_t i)
{
	for (;;) {
		if (states[i])
			return;
		states[i] = 1;
		if (i == p->n)
			return;
		switch ((int)p->v[i].kind) {
		case TOKEN_STAR:
		case TOKEN_ALL:
			i++;
			break;
		case TOKEN_DIRS:
			states[i + 1] = 1;
			i += 2;
			break;
		default:
			return;
		}
	}
}

/* Reads one character at place i. */
static void
step(const struct pattern *p, size_t i, uint32_t c)
{
	const struct token *t = &p->v[i];
	switch ((int)t->kind) {
	case TOKEN_CHAR:
		if (c == t->c)
			enter(p, p->next, i + 1);
		break;
	case TOKEN_ONE:
		if (c != '/')
			enter(p, p->next, i + 1);
		break;
	case TOKEN_CLASS:
		if (c != '/' && in_class(t, c))
			enter(p, p->next, i + 1);
		break;
	case TOKEN_STAR:
		if (c != '/')
			enter(p, p->next, i);
		break;
	case TOKEN_ALL:
		enter(p, p->next, i);
		break;
	case TOKEN_IN:
		p->next[i] = 1;
		if (c == '/')
			enter(p, p->next, i + 1);
		break;
	default:
		break;
	}
}

/* Reads a path, and a slash behind it where `below`. Returns whether a part of it up to a slash, or
 * all of it, was matched; or, where `below`, whether what follows may still be. */
static bool
match(struct pattern *p, const char *path, bool below)
{
	memset(p->now, 0, p->n + 1);
	enter(p, p->now, 0);
	for (bool more = true; more;) {
		uint32_t c = '/';
		bool any = false;
		if (!below && p->now[p->n] && (!*path || *path == '/'))
			return true;
		more = *path;
		if (more)
			path += dfile_rune(path, &c);
		else if (!below)
			return false;
		memset(p->next, 0, p->n + 1);
		for (size_t i = 0; i < p->n; i++)
			if (p->now[i])
				step(p, i, c);
		unsigned char *swap = p->now;
		p->now = p->next;
		p->next = swap;
		for (size_t i = 0; i <= p->n && !any; i++)
			any = p->now[i];
		if (!any)
			return false;
	}
	return true;
}

bool
pattern_matches(struct pattern *p, const char *path)
{
	return match(p, path, false);
}

bool
pattern_may_match_below(struct pattern *p, const char *dir)
{
	return match(p, dir, true);
}
