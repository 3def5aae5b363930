/* SPDX-License-Identifier: MIT */
#include "image/registry.h"

#include "base/err.h"
#include "base/json.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/challenge.h"
#include "image/registry_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIDE_BY_SIDE_MAX 4

/* The first pause before another try; each is twice as long as the one before. */
#define PAUSE_MS 250U
#define PAUSE_MAX_MS 30000U
/* A try that brought this much more was worth it: the count of tries begins anew. */
#define WORTH_IT (1 << 20)

struct fetcher *
registry_fetcher(struct registry *g)
{
	return g->fetcher;
}

void
registry_url(const struct registry *g, const char *tail, struct buf *out)
{
	buf_addf(out, "%s://%s%s/v2/%s%s%s", g->scheme, g->host, g->prefix, g->path,
		g->path[0] ? "/" : "", tail);
}

bool
registry_allows_url(const struct registry *g, const char *url)
{
	char host[256];
	return url_host(url, host, sizeof(host)) &&
		(strncmp(url, "https:", 6) == 0 || g->o->insecure ||
			(g->plain_allowed && host_is_loopback(host)));
}

const char *
registry_tell_auth(const struct registry *g)
{
	return g->token	   ? " -H \"Authorization: Bearer $token\""
		: g->basic ? " -u \"$user:$password\""
			   : "";
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

int
registry_refused(const struct registry *g, const char *what, const struct fetch *r)
{
	auto_buf struct buf reason = BUF_INIT;
	enum err_class class = r->status == 404	       ? ERR_NOT_FOUND
		: r->status == 401 || r->status == 403 ? ERR_DENIED
						       : ERR_INTERNAL;
	add_reason(&r->refusal, &reason);
	err_set(class, what, "cannot %s %s: %s answers %ld%s", r->method ? "send" : "fetch", what,
		g->host, r->status, buf_str(&reason));
	if (r->status == 404)
		return err_hint("is the name right, and the tag?");
	if ((r->status == 401 || r->status == 403) && (g->basic || g->known))
		return err_hint("are user name and password right, and may they do this?");
	if (r->status == 401 || r->status == 403)
		return err_hint("there is no such image, or it is not public");
	if (r->status == 413)
		return err_hint("too much at once for a server on the way: --chunk sends it in "
				"pieces");
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

/* Whether a URL is the registry's own: only there it is known who we are. */
static bool
is_ours(const struct registry *g, const char *url)
{
	char host[REF_NAME_MAX + 1];
	size_t n = strlen(g->scheme);
	return strncmp(url, g->scheme, n) == 0 && url[n] == ':' &&
		url_host(url, host, sizeof(host)) && strcmp(host, g->host) == 0;
}

static int
begin(struct registry *g, struct fetch *r, unsigned ms)
{
	struct buf url = BUF_INIT;
	if (r->tail) {
		registry_url(g, r->tail, &url);
		free(r->made_url);
		r->made_url = buf_take(&url);
	}
	bool ours = is_ours(g, r->made_url);
	r->url = r->made_url;
	r->bearer = ours ? g->token : NULL;
	r->basic = ours ? g->basic : NULL;
	r->certs = &g->certs;
	r->may_sign = ours;
	r->auth_age = g->auth_age;
	return fetch_start(g->fetcher, r, ms);
}

int
registry_start(struct registry *g, const char *tail, struct fetch *r)
{
	free(r->tail);
	r->tail = str_new(tail);
	r->tries = 0;
	r->renewed = false;
	return begin(g, r, 0);
}

int
registry_start_at(struct registry *g, const char *url, unsigned ms, struct fetch *r)
{
	char *copy = str_new(url);
	free(r->tail);
	free(r->made_url);
	r->tail = NULL;
	r->made_url = copy;
	r->tries = 0;
	r->renewed = false;
	return begin(g, r, ms);
}

void
registry_end(struct registry *g, struct fetch *r)
{
	fetch_free(g->fetcher, r);
	free(r->made_url);
	free(r->tail);
	r->tail = r->made_url = NULL;
	r->url = NULL;
}

/* Begins a transfer again, behind what it brought if its taker keeps that. */
static int
again(struct registry *g, struct fetch *r, unsigned ms)
{
	fetch_free(g->fetcher, r);
	r->from = r->resumes ? r->got : 0;
	return begin(g, r, ms);
}

unsigned
registry_pause(const struct fetch *r, unsigned tries)
{
	unsigned ms = tries < 7 ? PAUSE_MS << tries : PAUSE_MAX_MS;
	if (r->ok && r->head.retry_after * 1000U > ms)
		ms = r->head.retry_after * 1000U;
	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

/* What another try may mend: a connection that broke, a server that is at a loss or wants us to
 * wait (RFC 9110 section 15.6). A host that never answered at all is more likely the wrong one. */
static bool
worth_another(struct registry *g, struct fetch *r)
{
	long s = r->status;
	bool passing = r->ok ? s == 408 || s == 429 || s == 500 || s == 502 || s == 503 || s == 504
			     : r->passing && g->settled;
	if (r->got - r->got_before >= WORTH_IT)
		r->tries = 0;
	r->got_before = r->got;
	return passing && !r->once && r->tries < (unsigned)g->o->retries;
}

static int
try_again(struct registry *g, const char *what, struct fetch *r)
{
	unsigned ms = registry_pause(r, r->tries++);
	if (g->o->retrying)
		g->o->retrying(g->o->self, what, ms);
	return again(g, r, ms);
}

int
registry_settle(struct registry *g, const char *what, struct fetch *r)
{
	if (other_scheme(g, r))
		return again(g, r, 0);
	if (worth_another(g, r))
		return try_again(g, what, r);
	if (!r->ok) {
		/* Neither was understood: what the first try met is nearer to the truth. */
		err = g->switched && r->spoke_tls ? g->first : r->why;
		return -1;
	}
	g->settled = true;
	g->switched = false;
	/* Not known yet, or no longer; but who is refused with a fresh token is refused. */
	if (r->status != 401 || !r->head.challenge[0] || r->renewed || !is_ours(g, r->url))
		return 1;
	r->renewed = true;
	if (r->auth_age == g->auth_age && registry_authorize(g, what, r->head.challenge) < 0)
		return -1;
	return again(g, r, 0);
}

int
registry_check(struct registry *g, const char *what, struct fetch *r)
{
	int ok = registry_settle(g, what, r);
	if (ok <= 0 || r->status == 200 || (r->status == 206 && r->from > 0))
		return ok;
	return registry_refused(g, what, r);
}

int
registry_place(const struct registry *g, const char *what, const struct fetch *r, struct buf *url)
{
	const char *to = r->head.location;
	if (!to || !*to)
		return err_set(ERR_INVALID, what, "cannot send %s: %s does not say where to", what,
			g->host);
	if (to[0] == '/' && to[1] != '/')
		buf_addf(url, "%s://%s%s", g->scheme, g->host, to);
	else
		buf_adds(url, to);
	if (registry_allows_url(g, url->s))
		return 0;
	return err_set(ERR_DENIED, what,
		"cannot send %s: %s sends us to '%.100s', which is not https", what, g->host, to);
}

/* ---- small documents ---- */

static int
wait_for(struct registry *g, const char *what, struct fetch *r, struct buf *body)
{
	size_t before = body ? body->len : 0;
	for (;;) {
		while (!r->done)
			if (fetcher_poll(g->fetcher, 1000) < 0)
				return -1;
		int ok = registry_settle(g, what, r);
		if (ok)
			return ok < 0 ? -1 : 0;
		/* What a broken try brought is not kept. */
		if (body && body->s)
			body->s[body->len = before] = '\0';
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
	buf_addf(&st->shell, "%s %s", registry_tell_auth(g), tell_sh(url.s));
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
		failed = registry_start(g, tail, &r) < 0 || wait_for(g, what, &r, body) < 0 ||
			(r.status != 200 && registry_refused(g, what, &r) < 0);
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

int
registry_ping(struct registry *g, const char *why)
{
	auto_buf struct buf body = BUF_INIT;
	char type[128];
	return registry_get(g, why, g->host, "", NULL, (int64_t)1 << 20, &body, type);
}

static int
put(struct registry *g, const char *what, const char *tail, const char *digest, struct fetch *r)
{
	if (registry_start(g, tail, r) < 0 || wait_for(g, what, r, NULL) < 0)
		return -1;
	if (r->status < 200 || r->status > 299)
		return registry_refused(g, what, r);
	if (!r->head.digest[0] || strcmp(r->head.digest, digest) == 0)
		return 0;
	return err_set(ERR_INVALID, what, "cannot send %s: %s took it for %s, not %s", what,
		g->host, r->head.digest, digest);
}

int
registry_put(struct registry *g, const char *why, const char *what, const char *tail,
	const char *type, const char *digest, const char *text, size_t len)
{
	auto_buf struct buf kind = BUF_INIT, url = BUF_INIT;
	buf_addf(&kind, "Content-Type: %s", type);
	struct fetch r = {.method = "PUT",
		.headers = (const char *const[]){kind.s, NULL},
		.body = text,
		.body_len = (int64_t)len};
	struct step st;
	bool failed = false;
	if (step_open(&st, "send", why)) {
		failed = put(g, what, tail, digest, &r) < 0;
		registry_end(g, &r);
		errno = err.no ? err.no : EPROTO;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st)) {
		registry_url(g, tail, &url);
		step_call(&st, "PUT %s", url.s);
		step_shell(&st, "printf %%s %s |\n\tcurl -fsS -X PUT%s -H %s --data-binary @- %s",
			tell_sh(text), registry_tell_auth(g), tell_sh(kind.s), tell_sh(url.s));
	}
	if (step_close(&st) < 0 && !failed)
		return err_sys("send", what, "cannot send %s", what);
	return failed ? -1 : 0;
}

unsigned
registry_side_by_side(unsigned wanted)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (tell_on() || getenv("TACKLEBOX_FAIL"))
		return 1;
	if (wanted)
		return wanted;
	return cpus < 2 ? 2 : cpus > SIDE_BY_SIDE_MAX ? SIDE_BY_SIDE_MAX : (unsigned)cpus;
}
