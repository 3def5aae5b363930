/* SPDX-License-Identifier: MIT
 * The patterns of ${NAME#…}, ${NAME%…} and ${NAME/…}: * and ? as in sh(1), without […].
 *
 * A pattern is pieces of fixed length between stars. Each piece is looked for once, from left to
 * right, as early as it can stand (the last one as late as it can for the longest match): that
 * finds the match where there is one, in time of value times pattern, whatever both hold.
 */
#include "base/auto.h"
#include "dfile/dfile_in.h"

#define ANY UINT32_MAX /* ? */
#define STAR (UINT32_MAX - 1)

/* Characters, so that ? is one and that a text can be read from behind. */
struct runes {
	uint32_t *v;
	size_t n;
};

static struct runes
runes_of(const char *s)
{
	struct runes r = {.v = calloc(strlen(s) + 1, sizeof(*r.v))};
	if (!r.v)
		abort();
	while (*s)
		s += dfile_rune(s, &r.v[r.n++]);
	return r;
}

/* Stars and escapes: \* \? \\ mean the character; \} and \/ are how } and / get into ${…}. */
static int
pattern_of(const char *s, struct runes *out)
{
	struct runes in = runes_of(s);
	*out = (struct runes){.v = in.v};
	for (size_t i = 0; i < in.n; i++) {
		uint32_t c = in.v[i];
		if (c == '\\') {
			c = i + 1 < in.n ? in.v[++i] : 0;
			if (!c || !strchr("*?\\}/", c < 0x80 ? (int)c : 'x')) {
				free(in.v);
				return err_set(ERR_INVALID, s,
					"in the pattern '%s' a backslash stands before something other than * ? \\ } /",
					s);
			}
		} else if (c == '*') {
			c = STAR;
		} else if (c == '?') {
			c = ANY;
		}
		in.v[out->n++] = c;
	}
	return 0;
}

static void
reverse(struct runes *r)
{
	for (size_t i = 0; i < r->n / 2; i++) {
		uint32_t c = r->v[i];
		r->v[i] = r->v[r->n - 1 - i];
		r->v[r->n - 1 - i] = c;
	}
}

static bool
piece_at(const uint32_t *piece, size_t n, const struct runes *value, size_t at)
{
	if (n > value->n - at)
		return false;
	for (size_t i = 0; i < n; i++)
		if (piece[i] != ANY && piece[i] != value->v[at + i])
			return false;
	return true;
}

/* Whether the pattern matches from `at`; *end is where the match ends. *stuck: nor does it anywhere
 * behind. */
static bool
match_from(const struct runes *pattern, const struct runes *value, size_t at, bool longest,
	size_t *end, bool *stuck)
{
	size_t p = 0, pos = at;
	*stuck = false;
	for (bool first = true;; first = false) {
		const uint32_t *piece = pattern->v + p;
		size_t n = 0;
		while (p + n < pattern->n && pattern->v[p + n] != STAR)
			n++;
		bool last = p + n == pattern->n;
		if (n > value->n - pos) {
			*stuck = true;
			return false;
		}
		if (first) {
			if (!piece_at(piece, n, value, pos))
				return false;
		} else if (last && longest) {
			size_t low = pos;
			for (pos = value->n - n; !piece_at(piece, n, value, pos); pos--)
				if (pos == low) {
					*stuck = true;
					return false;
				}
		} else {
			while (!piece_at(piece, n, value, pos))
				if (n > value->n - ++pos) {
					*stuck = true;
					return false;
				}
		}
		pos += n;
		if (last) {
			*end = pos;
			return true;
		}
		p += n + 1;
	}
}

/* Byte at which the character stands. */
static size_t
offset_of(const char *s, size_t rune)
{
	const char *begin = s;
	uint32_t c;
	while (rune--)
		s += dfile_rune(s, &c);
	return (size_t)(s - begin);
}

int
dfile_trim(char op, bool longest, const char *pattern, const char *value, struct buf *out)
{
	struct runes p;
	size_t end;
	bool stuck;
	if (pattern_of(pattern, &p) < 0)
		return -1;
	struct runes v = runes_of(value);
	if (op == '%') {
		reverse(&p);
		reverse(&v);
	}
	if (!match_from(&p, &v, 0, longest, &end, &stuck))
		buf_adds(out, value);
	else if (op == '#')
		buf_adds(out, value + offset_of(value, end));
	else
		buf_add(out, value, offset_of(value, v.n - end));
	free(p.v);
	free(v.v);
	return 0;
}

static void
add_runes(struct buf *out, const char **s, size_t n)
{
	size_t bytes = offset_of(*s, n);
	buf_add(out, *s, bytes);
	*s += bytes;
}

/* All matches from the left, each as long as it can be. A match of nothing counts, but not right
 * behind another. */
static int
replace_all(const struct runes *p, const struct runes *v, bool all, const char *with,
	const char *value, struct buf *out)
{
	size_t begin = out->len, end, at = 0, behind = SIZE_MAX;
	bool stuck = false;
	while (at <= v->n && !stuck) {
		bool found = match_from(p, v, at, true, &end, &stuck);
		if (found && (end > at || at != behind)) {
			buf_adds(out, with);
			value += offset_of(value, end - at);
			behind = end;
			if (!all)
				break;
		}
		if (!found || end == at)
			add_runes(out, &value, at < v->n);
		at = found && end > at ? end : at + 1;
		if (out->len - begin > DFILE_EXPANSION_MAX)
			return err_set(ERR_INVALID, NULL, "replacing makes more than %zu bytes",
				DFILE_EXPANSION_MAX);
	}
	buf_adds(out, value);
	return 0;
}

int
dfile_replace(bool all, const char *pattern, const char *with, const char *value, struct buf *out)
{
	struct runes p;
	if (pattern_of(pattern, &p) < 0)
		return -1;
	struct runes v = runes_of(value);
	int r = replace_all(&p, &v, all, with, value, out);
	free(p.v);
	free(v.v);
	return r;
}
