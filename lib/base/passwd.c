/* SPDX-License-Identifier: MIT */
#include "base/passwd.h"

#include <string.h>

/* One line cut at its colons. */
#define MAX_FIELDS 7
struct fields {
	const char *s[MAX_FIELDS];
	size_t len[MAX_FIELDS];
	unsigned n;
};

/* Cuts the line at *text and moves on to the next one; false at the end. */
static bool
next_line(const char **text, struct fields *f)
{
	const char *p = *text;
	if (!*p)
		return false;
	size_t left = strcspn(p, "\n");
	*text = p + left + (p[left] == '\n');
	for (f->n = 0; f->n < MAX_FIELDS; f->n++) {
		const char *colon = memchr(p, ':', left);
		size_t n = colon ? (size_t)(colon - p) : left;
		f->s[f->n] = p;
		f->len[f->n] = n;
		if (!colon) {
			f->n++;
			break;
		}
		p += n + 1;
		left -= n + 1;
	}
	return true;
}

static bool
is(const struct fields *f, unsigned i, const char *word)
{
	return strlen(word) == f->len[i] && memcmp(f->s[i], word, f->len[i]) == 0;
}

static bool
number(const struct fields *f, unsigned i, uint32_t *out)
{
	uint64_t n = 0;
	if (f->len[i] == 0 || f->len[i] > 10)
		return false;
	for (size_t k = 0; k < f->len[i]; k++) {
		if (f->s[i][k] < '0' || f->s[i][k] > '9')
			return false;
		n = n * 10 + (uint64_t)(f->s[i][k] - '0');
	}
	*out = (uint32_t)n;
	return n < UINT32_MAX; /* -1 is no id: it says "leave it" to setresuid(2) */
}

static void
copy(const struct fields *f, unsigned i, char *out, size_t size)
{
	size_t n = f->len[i] < size ? f->len[i] : size - 1;
	memcpy(out, f->s[i], n);
	out[n] = '\0';
}

bool
passwd_find(const char *text, const char *name, uint32_t uid, struct passwd_entry *out)
{
	struct fields f;
	uint32_t id, gid;
	while (next_line(&text, &f)) {
		if (f.n < 6 || !number(&f, 2, &id) || !number(&f, 3, &gid))
			continue;
		if (name ? !is(&f, 0, name) : id != uid)
			continue;
		out->uid = id;
		out->gid = gid;
		copy(&f, 0, out->name, sizeof(out->name));
		copy(&f, 5, out->home, sizeof(out->home));
		return true;
	}
	return false;
}

bool
group_find(const char *text, const char *name, uint32_t *gid)
{
	struct fields f;
	uint32_t n;
	while (next_line(&text, &f))
		if (f.n >= 3 && is(&f, 0, name) && number(&f, 2, &n)) {
			*gid = n;
			return true;
		}
	return false;
}

/* Whether the comma-separated members hold the user. */
static bool
has_member(const struct fields *f, const char *user)
{
	const char *p = f->s[3], *end = p + f->len[3];
	size_t want = strlen(user);
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t n = comma ? (size_t)(comma - p) : (size_t)(end - p);
		if (n == want && memcmp(p, user, n) == 0)
			return true;
		p += n + 1;
	}
	return false;
}

static bool
seen(const uint32_t *gids, size_t n, uint32_t gid)
{
	for (size_t i = 0; i < n; i++)
		if (gids[i] == gid)
			return true;
	return false;
}

size_t
group_list(const char *text, const char *user, uint32_t *gids, size_t max)
{
	struct fields f;
	uint32_t gid;
	size_t n = 0;
	while (n < max && next_line(&text, &f))
		if (f.n >= 4 && number(&f, 2, &gid) && has_member(&f, user) && !seen(gids, n, gid))
			gids[n++] = gid;
	return n;
}
