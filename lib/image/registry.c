/* SPDX-License-Identifier: MIT */
#include "image/registry.h"

#include "base/err.h"
#include "base/json.h"
#include "door/step.h"
#include "door/tell.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_REPLY_MAX (1 << 20)

struct registry {
	const struct registry_options *o;
	struct fetch_options fetch_options;
	struct fetcher *fetcher;
	const char *scheme; /* the one to try, or that worked */
	bool settled; /* somebody answered in it, or it is the second that was tried */
	bool switched; /* the other one was tried before, and gave this: */
	struct err first;
	bool plain_allowed;
	char *host, *path;
	char *token; /* NULL: none yet */
	unsigned token_age; /* counts tokens: how old the one of a request is */
};

bool
host_is_loopback(const char *host)
{
	if (host[0] == '[')
		return strncmp(host, "[::1]", 5) == 0 && (host[5] == '\0' || host[5] == ':');
	size_t n = strcspn(host, ":");
	if (n == strlen("localhost") && strncmp(host, "localhost", n) == 0)
		return true;
	/* 127.0.0.0/8, and nothing like 127.0.0.1.example. */
	int dots = 0;
	for (size_t i = 0; i < n; i++) {
		if (host[i] == '.')
			dots++;
		else if (!isdigit((unsigned char)host[i]))
			return false;
	}
	return dots == 3 && strncmp(host, "127.", 4) == 0;
}

struct registry *
registry_open(const struct ref *r, const struct registry_options *o)
{
	struct registry *g = calloc(1, sizeof(*g));
	bool local = host_is_loopback(r->host);
	if (!g)
		abort();
	g->o = o;
	g->fetch_options = (struct fetch_options){
		.cacert = o->cacert, .insecure = o->insecure, .patience = o->patience};
	g->plain_allowed = (local && !o->cacert) || o->insecure;
	/* On this machine plain HTTP is the rule, and costs nothing to try first. */
	g->scheme = local && !o->cacert ? "http" : "https";
	/* The images that need no host in their name have their API at another one than in
	 * their full name. */
	g->host = str_new(strcmp(r->host, "docker.io") == 0 ? "registry-1.docker.io" : r->host);
	g->path = str_new(r->path);
	if (!step_dry() && !(g->fetcher = fetcher_new(&g->fetch_options))) {
		registry_close(g);
		return NULL;
	}
	return g;
}

void
registry_close(struct registry *g)
{
	if (!g)
		return;
	fetcher_free(g->fetcher);
	free(g->host);
	free(g->path);
	free(g->token);
	free(g);
}

struct fetcher *
registry_fetcher(struct registry *g)
{
	return g->fetcher;
}

void
registry_url(const struct registry *g, const char *tail, struct buf *out)
{
	buf_addf(out, "%s://%s/v2/%s/%s", g->scheme, g->host, g->path, tail);
}

/* ---- tokens ---- */

/* One parameter's value, quoted or not. Returns where it ends. */
static const char *
read_value(const char *s, char *out, size_t size)
{
	bool quoted = *s == '"';
	size_t n = 0;
	for (s += quoted; *s && (quoted ? *s != '"' : !strchr(", \t", *s)); s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		if (++n < size)
			out[n - 1] = *s;
	}
	out[n < size ? n : 0] = '\0';
	return s + (quoted && *s);
}

void
challenge_parse(const char *header, struct challenge *c)
{
	char other[8];
	const char *s = header + strcspn(header, " \t");
	*c = (struct challenge){0};
	c->basic = strncasecmp(header, "basic", 5) == 0;
	if (s - header != 6 || strncasecmp(header, "bearer", 6) != 0)
		return;
	while (*(s += strspn(s, " \t,"))) {
		size_t n = strcspn(s, "= \t,");
		const char *name = s;
		if (s[n] != '=')
			break;
		s += n + 1;
		if (n == 5 && strncasecmp(name, "realm", n) == 0)
			s = read_value(s, c->realm, sizeof(c->realm));
		else if (n == 7 && strncasecmp(name, "service", n) == 0)
			s = read_value(s, c->service, sizeof(c->service));
		else if (n == 5 && strncasecmp(name, "scope", n) == 0)
			s = read_value(s, c->scope, sizeof(c->scope));
		else
			s = read_value(s, other, sizeof(other));
	}
}

/* Appends "key=value" to a URL's query, the value percent-encoded (RFC 3986 section 2.1). */
static void
add_query(struct buf *url, const char *key, const char *value)
{
	if (!*value)
		return;
	buf_addf(url, "%c%s=", strchr(buf_str(url), '?') ? '&' : '?', key);
	for (const unsigned char *p = (const unsigned char *)value; *p; p++)
		if (isalnum(*p) || strchr("-._~", *p))
			buf_addc(url, (char)*p);
		else
			buf_addf(url, "%%%02X", *p);
}

/* The token goes into a header: what could end the header there is no token. */
static bool
token_ok(const char *s)
{
	size_t n = 0;
	for (; s[n]; n++)
		if (s[n] <= ' ' || s[n] > '~')
			return false;
	return n > 0 && n < 65536;
}

static int
read_token(struct registry *g, const char *url, const struct buf *body)
{
	auto_json json_t *doc = json_parse("the token server's answer", buf_str(body), body->len);
	const struct jat top = jat_top("the token server's answer", doc);
	const char *token = NULL;
	if (!doc || jat_get_str(&top, "access_token", &token) < 0 ||
		jat_get_str(&top, "token", &token) < 0)
		return -1;
	if (!token || !token_ok(token))
		return err_set(
			ERR_INVALID, url, "cannot use the answer of %s: it holds no token", url);
	free(g->token);
	g->token = str_new(token);
	g->token_age++;
	return 0;
}

static int
buf_take_bytes(void *self, const void *data, size_t len)
{
	buf_add(self, data, len);
	return 1;
}

static int
ask_for_token(struct registry *g, const char *url)
{
	auto_buf struct buf body = BUF_INIT;
	struct fetch r = {
		.url = url, .max = TOKEN_REPLY_MAX, .write = buf_take_bytes, .self = &body};
	struct step st;
	bool failed = false;
	if (step_open(&st, "fetch", "ask the server that the registry named for a token")) {
		failed = fetch_now(g->fetcher, &r) < 0;
		errno = err.no ? err.no : EPROTO;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "GET %s", url);
		step_shell(&st, "token=$(curl -fsS %s | jq -r '.token // .access_token')",
			tell_sh(url));
	}
	int result = -1;
	if (step_close(&st) < 0 && !failed)
		err_sys("fetch", url, "cannot fetch %s", url);
	else if (!failed && r.status != 200)
		err_set(ERR_DENIED, url, "cannot get a token: %s answers %ld", url, r.status);
	else if (!failed)
		result = read_token(g, url, &body);
	fetch_free(g->fetcher, &r);
	return result;
}

/* Gets the token that a refusal asks for. */
static int
authorize(struct registry *g, const char *what, const char *header)
{
	struct challenge c;
	auto_buf struct buf url = BUF_INIT;
	challenge_parse(header, &c);
	if (!c.realm[0]) {
		err_set(ERR_DENIED, what, "cannot fetch %s: the registry wants %s", what,
			c.basic ? "a user name and a password" : "to know who asks");
		return err_hint("only public images can be pulled");
	}
	if (strncmp(c.realm, "https://", 8) != 0 &&
		(strncmp(c.realm, "http://", 7) != 0 || !g->plain_allowed))
		return err_set(ERR_DENIED, c.realm,
			"cannot fetch %s: the registry names '%s' to get a token from, which is not https",
			what, c.realm);
	buf_adds(&url, c.realm);
	add_query(&url, "service", c.service);
	add_query(&url, "scope", c.scope);
	return ask_for_token(g, url.s);
}

/* ---- answers ---- */

/* The registry's own words: {"errors":[{"code":…,"message":…}]}. */
static void
add_reason(const struct buf *refusal, struct buf *out)
{
	struct err before = err;
	const char *message = NULL;
	auto_json json_t *doc = json_parse("answer", buf_str(refusal), refusal->len);
	const struct jat top = jat_top("answer", doc), list = jat_member(&top, "errors");
	const struct jat first = jat_item(&list, 0);
	if (doc && jat_get_str(&first, "message", &message) == 0 && message && *message)
		buf_addf(out, ": %.200s", message);
	err = before;
}

static int
refused(const struct registry *g, const char *what, const struct fetch *r)
{
	auto_buf struct buf reason = BUF_INIT;
	enum err_class class = r->status == 404	       ? ERR_NOT_FOUND
		: r->status == 401 || r->status == 403 ? ERR_DENIED
						       : ERR_INTERNAL;
	add_reason(&r->refusal, &reason);
	err_set(class, what, "cannot fetch %s: %s answers %ld%s", what, g->host, r->status,
		buf_str(&reason));
	if (r->status == 404)
		return err_hint("is the name right, and the tag?");
	if (r->status == 401 || r->status == 403)
		return err_hint("there is no such image, or it is not public");
	if (r->status == 429)
		return err_hint("too many requests: wait, and try again");
	return -1;
}

/* Another try in the other of http and https, where both are allowed. */
static bool
other_scheme(struct registry *g, const struct fetch *r)
{
	if (g->settled || !r->spoke_tls || !g->plain_allowed)
		return false;
	g->settled = true;
	g->switched = !r->ok;
	g->first = r->why;
	g->scheme = strcmp(g->scheme, "http") == 0 ? "https" : "http";
	return true;
}

/* ---- transfers ---- */

/* The tail of r's URL, to build it anew: behind "://host/v2/path/". */
static const char *
tail_of(const struct registry *g, const struct fetch *r)
{
	return strstr(r->url, "://") + 3 + strlen(g->host) + strlen("/v2/") + strlen(g->path) + 1;
}

int
registry_start(struct registry *g, const char *tail, struct fetch *r)
{
	struct buf url = BUF_INIT;
	registry_url(g, tail, &url);
	free(r->made_url);
	r->url = r->made_url = buf_take(&url);
	r->bearer = g->token;
	r->token_age = g->token_age;
	return fetch_start(g->fetcher, r);
}

void
registry_end(struct registry *g, struct fetch *r)
{
	fetch_free(g->fetcher, r);
	free(r->made_url);
	r->url = r->made_url = NULL;
}

/* Begins a transfer again whose first answer was no body. */
static int
again(struct registry *g, struct fetch *r)
{
	auto_buf struct buf tail = BUF_INIT;
	buf_adds(&tail, tail_of(g, r));
	fetch_free(g->fetcher, r);
	return registry_start(g, tail.s, r);
}

int
registry_check(struct registry *g, const char *what, struct fetch *r)
{
	if (other_scheme(g, r))
		return again(g, r);
	if (!r->ok) {
		/* Neither was understood: what the first try met is nearer to the truth. */
		err = g->switched && r->spoke_tls ? g->first : r->why;
		return -1;
	}
	g->settled = true;
	g->switched = false;
	if (r->status == 200)
		return 1;
	/* No token, or one that has run out; but who is refused with a fresh one is refused. */
	if (r->status == 401 && r->challenge[0] && !r->renewed) {
		r->renewed = true;
		if (r->token_age == g->token_age && authorize(g, what, r->challenge) < 0)
			return -1;
		return again(g, r);
	}
	return refused(g, what, r);
}

static int
get_all(struct registry *g, const char *what, const char *tail, struct fetch *r)
{
	if (registry_start(g, tail, r) < 0)
		return -1;
	for (;;) {
		while (!r->done)
			if (fetcher_poll(g->fetcher, 1000) < 0)
				return -1;
		int ok = registry_check(g, what, r);
		if (ok)
			return ok < 0 ? -1 : 0;
	}
}

static void
tell_get(const struct registry *g, struct step *st, const char *tail, const char *const *accept)
{
	auto_buf struct buf url = BUF_INIT;
	registry_url(g, tail, &url);
	step_call(st, "GET %s", url.s);
	buf_adds(&st->shell, "curl -fsSL");
	for (size_t i = 0; accept && accept[i]; i++)
		buf_addf(&st->shell, " -H %s", tell_sh(accept[i]));
	if (g->token)
		buf_adds(&st->shell, " -H \"Authorization: Bearer $token\"");
	buf_addf(&st->shell, " %s", tell_sh(url.s));
}

int
registry_get(struct registry *g, const char *why, const char *what, const char *tail,
	const char *const *accept, int64_t max, struct buf *body, char content_type[128])
{
	struct fetch r = {.headers = accept, .max = max, .write = buf_take_bytes, .self = body};
	struct step st;
	bool failed = false;
	content_type[0] = '\0';
	if (step_open(&st, "fetch", why)) {
		failed = get_all(g, what, tail, &r) < 0;
		memcpy(content_type, r.content_type, 128);
		registry_end(g, &r);
		errno = err.no ? err.no : EPROTO;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st))
		tell_get(g, &st, tail, accept);
	if (step_close(&st) < 0 && !failed)
		return err_sys("fetch", what, "cannot fetch %s", what);
	return failed ? -1 : 0;
}
