/* SPDX-License-Identifier: MIT */
#include "image/ref.h"

#include "base/err.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "docker.io"
#define DEFAULT_TAG "latest"
#define OFFICIAL "library/"

/* The callers looked at the length before: nothing is ever cut. */
#define PUT(field, text) snprintf(field, sizeof(field), "%s", text)

static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static int
bad(const char *s, const char *why)
{
	return err_set(ERR_INVALID, s, "'%.300s' is no image reference: %s", s, why);
}

/* One part of a path: lower case letters and digits, with one '.', one or two '_', or any number of
 * '-' between them. Returns its length, 0 where there is none. */
static size_t
path_part(const char *s)
{
	size_t n = strspn(s, alnum), good = n;
	while (n > 0) {
		size_t sep = strspn(s + n, s[n] == '-' ? "-" : s[n] == '_' ? "_" : ".");
		if (sep == 0 || (s[n] == '_' && sep > 2) || (s[n] == '.' && sep > 1))
			break;
		size_t word = strspn(s + n + sep, alnum);
		if (word == 0)
			break;
		n += sep + word;
		good = n;
	}
	return good;
}

static bool
path_ok(const char *s)
{
	for (;;) {
		size_t n = path_part(s);
		if (n == 0)
			return false;
		s += n;
		if (*s == '\0')
			return true;
		if (*s++ != '/')
			return false;
	}
}

/* Labels of letters, digits and inner hyphens with dots between. Returns the length. */
static size_t
domain_len(const char *s)
{
	size_t n = 0;
	for (;;) {
		size_t start = n;
		while (isalnum((unsigned char)s[n]) || s[n] == '-')
			n++;
		if (n == start || s[start] == '-' || s[n - 1] == '-')
			return 0;
		if (s[n] != '.')
			return n;
		n++;
	}
}

/* "registry.example", "localhost:5000", "[::1]:5000". */
static bool
host_ok(const char *s)
{
	size_t n = domain_len(s);
	if (s[0] == '[') {
		n = 1 + strspn(s + 1, "0123456789abcdefABCDEF:");
		n = n > 1 && s[n] == ']' ? n + 1 : 0;
	}
	if (n == 0)
		return false;
	if (s[n] == '\0')
		return true;
	return s[n] == ':' && s[n + 1] && s[n + 1 + strspn(s + n + 1, "0123456789")] == '\0';
}

/* The first part of a name is a host when it could not be the beginning of a path: it has a dot or
 * a port, or is "localhost", or has capital letters. */
static bool
looks_like_host(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
			return true;
	return n == strlen("localhost") && strncmp(s, "localhost", n) == 0;
}

/* Splits "host/path" or "path" (not longer than a name may be), filling in what is left out. */
static int
split_name(const char *s, const char *name, struct ref *r)
{
	const char *slash = strchr(name, '/');
	if (strlen(name) > REF_NAME_MAX)
		return bad(s, "the name is longer than 255 bytes");
	if (slash && looks_like_host(name, (size_t)(slash - name))) {
		memcpy(r->host, name, (size_t)(slash - name));
		r->host[slash - name] = '\0';
		name = slash + 1;
		if (!host_ok(r->host))
			return bad(s, "what stands before the first / is no host");
	}
	if (!r->host[0] || strcmp(r->host, "index.docker.io") == 0)
		PUT(r->host, DEFAULT_HOST);
	bool official = strcmp(r->host, DEFAULT_HOST) == 0 && !strchr(name, '/');
	size_t first = official ? strlen(OFFICIAL) : 0, len = strlen(name);
	if (strlen(r->host) + 1 + first + len > REF_NAME_MAX)
		return bad(s, "the name is longer than 255 bytes");
	memcpy(r->path, OFFICIAL, first);
	memcpy(r->path + first, name, len + 1);
	if (path_ok(r->path))
		return 0;
	for (const char *p = name; *p; p++)
		if (isupper((unsigned char)*p))
			return bad(s, "the repository must be lower case");
	return bad(s, "the repository may have a-z 0-9, and . _ - between them");
}

static bool
tag_ok(const char *s)
{
	size_t n = 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' ||
		(n > 0 && (s[n] == '.' || s[n] == '-')))
		n++;
	return n > 0 && s[n] == '\0';
}

/* The digits, when the text may be an id or its beginning. */
static void
note_id(const char *s, struct ref *r)
{
	if (strncmp(s, DIGEST_PREFIX, DIGEST_PREFIX_LEN) == 0)
		s += DIGEST_PREFIX_LEN;
	if (digest_is_hex(s))
		PUT(r->id, s);
}

/* Cuts "@digest" and ":tag" off the end of name. */
static int
cut_tail(const char *s, char *name, struct ref *r)
{
	char *at = strchr(name, '@');
	if (at) {
		*at = '\0';
		if (digest_check("the part after @", at + 1) < 0)
			return -1;
		PUT(r->digest, at + 1);
	}
	char *slash = strrchr(name, '/'), *colon = strrchr(name, ':');
	if (colon && (!slash || colon > slash)) {
		*colon = '\0';
		if (strlen(colon + 1) > REF_TAG_MAX)
			return bad(s, "the tag is longer than 128 bytes");
		if (!tag_ok(colon + 1))
			return bad(s, "a tag has letters, digits, _ and (after the first) . and -");
		PUT(r->tag, colon + 1);
	}
	if (!r->tag[0] && !r->digest[0])
		PUT(r->tag, DEFAULT_TAG);
	return 0;
}

int
ref_parse(const char *s, struct ref *r)
{
	char name[REF_NAME_MAX + REF_TAG_MAX + DIGEST_SIZE + 4];
	*r = (struct ref){0};
	if (!*s)
		return bad(s, "it is empty");
	if (strlen(s) >= sizeof(name))
		return bad(s, "it is too long");
	note_id(s, r);
	/* A whole id is never a name, so that nobody can plant an image under another one's id. */
	if (strlen(r->id) == DIGEST_HEX)
		return 0;
	PUT(name, s);
	if (cut_tail(s, name, r) < 0)
		return -1;
	if (!*name)
		return bad(s, "the name is missing");
	return split_name(s, name, r);
}

int
ref_parse_name(const char *s, struct ref *r)
{
	if (ref_parse(s, r) < 0)
		return -1;
	return r->host[0] ? 0 : bad(s, "a name is needed here, not an id");
}

static void
add_tail(const struct ref *r, struct buf *out)
{
	if (r->digest[0])
		buf_addf(out, "@%s", r->digest);
	else
		buf_addf(out, ":%s", r->tag);
}

void
ref_full(const struct ref *r, struct buf *out)
{
	buf_addf(out, "%s/%s", r->host, r->path);
	add_tail(r, out);
}

void
ref_familiar_name(const struct ref *r, struct buf *out)
{
	size_t n = strlen(OFFICIAL), first = strcspn(r->path, "/");
	/* Left out, the host must come back when the short form is read again. */
	if (strcmp(r->host, DEFAULT_HOST) != 0 || looks_like_host(r->path, first))
		buf_addf(out, "%s/%s", r->host, r->path);
	else if (strncmp(r->path, OFFICIAL, n) == 0 && !strchr(r->path + n, '/'))
		buf_adds(out, r->path + n);
	else
		buf_adds(out, r->path);
}

void
ref_familiar(const struct ref *r, struct buf *out)
{
	ref_familiar_name(r, out);
	add_tail(r, out);
}

int
ref_given_name(const char *s, struct buf *out)
{
	struct ref r;
	if (!s)
		return 0;
	if (ref_parse_name(s, &r) < 0)
		return -1;
	if (r.digest[0])
		return err_set(ERR_INVALID, s,
			"'%s' names a digest, which only the content itself can give", s);
	ref_full(&r, out);
	return 0;
}
