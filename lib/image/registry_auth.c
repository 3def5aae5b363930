/* SPDX-License-Identifier: MIT
 * Tokens and passwords (distribution-spec; the token scheme is that of the distribution project:
 * "Token Authentication Specification", "OAuth2 Token Authentication").
 */
#include "base/err.h"
#include "base/json.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/challenge.h"
#include "image/registry_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_REPLY_MAX (1 << 20)

void
registry_forget(struct registry *g)
{
	creds_free(&g->found);
	secret_free(&g->token);
	secret_free(&g->basic);
}

/* What the caller gave is for the registry itself: a mirror is another's server, spoken to in plain
 * HTTP perhaps. It gets only what `docker login` keeps under its own name. */
static const struct creds *
given(const struct registry *g)
{
	return g->origin_host ? NULL : g->o->creds;
}

/* Whose the password is, once a run; many registries never ask. */
static int
look_up(struct registry *g)
{
	if (g->looked)
		return 0;
	int r = given(g) ? 1 : creds_find(g->name, &g->found);
	g->looked = r >= 0;
	g->known = r > 0;
	return r < 0 ? -1 : 0;
}

static const struct creds *
creds_of(const struct registry *g)
{
	return !g->known ? NULL : given(g) ? given(g) : &g->found;
}

/* Appends "key=value" to a query, the value percent-encoded (RFC 3986 section 2.1). */
static void
add_query(struct buf *query, const char *key, const char *value, size_t len)
{
	buf_addf(query, "%s%s=", query->len ? "&" : "", key);
	buf_add_percent(query, value, len);
}

static void
add_query_str(struct buf *query, const char *key, const char *value)
{
	if (*value)
		add_query(query, key, value, strlen(value));
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
use_token(struct registry *g, const char *url, const char *token)
{
	if (!token || !token_ok(token))
		return err_set(
			ERR_INVALID, url, "cannot use the answer of %s: it holds no token", url);
	secret_free(&g->token);
	g->token = str_new(token);
	g->auth_age++;
	return 0;
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
	return use_token(g, url, token);
}

int
buf_take_bytes(void *self, const void *data, size_t len)
{
	buf_add(self, data, len);
	return 1;
}

static void
tell_token(struct step *st, const struct fetch *r, const char *url)
{
	const char *how = r->basic ? " -u \"$user:$password\"" : r->method ? " -d \"$form\"" : "";
	step_call(st, "%s %s", r->method ? r->method : "GET", url);
	step_shell(
		st, "token=$(curl -fsS%s %s | jq -r '.token // .access_token')", how, tell_sh(url));
}

/* Sends the request for a token. `url` is what people see of it. */
static int
ask(struct registry *g, const struct fetch *how, const char *url)
{
	struct buf body = BUF_INIT;
	struct fetch request = *how, *r = &request;
	struct step st;
	bool failed = false;
	request.max = TOKEN_REPLY_MAX;
	request.write = buf_take_bytes;
	request.certs = &g->certs;
	request.self = &body;
	if (step_open(&st, "fetch", "ask the server that the registry named for a token")) {
		failed = fetch_now(g->fetcher, r) < 0;
		errno = err.no ? err.no : EPROTO;
		step_result(&st, failed ? -1 : 0);
	}
	if (step_told(&st))
		tell_token(&st, r, url);
	int result = -1;
	if (step_close(&st) < 0 && !failed) {
		err_sys("fetch", url, "cannot fetch %s", url);
	} else if (!failed && r->status != 200) {
		err_set(ERR_DENIED, url, "cannot get a token: %s answers %ld", url, r->status);
		if (r->basic || r->method)
			err_hint("are the user name and the password right?");
	} else if (!failed) {
		result = read_token(g, url, &body);
	}
	fetch_free(g->fetcher, r);
	if (body.s)
		explicit_bzero(body.s, body.cap);
	buf_free(&body);
	return result;
}

/* Each of the scopes, which a challenge separates by spaces, in a parameter of its own. */
static void
add_scopes(struct buf *query, const char *scope)
{
	for (size_t n; *scope; scope += n + strspn(scope + n, " ")) {
		n = strcspn(scope, " ");
		if (n)
			add_query(query, "scope", scope, n);
	}
}

/* RFC 6749 section 6: a token that stands for the password goes in the body, where no log has it.
 */
static int
refresh(struct registry *g, const struct challenge *c, const struct creds *who)
{
	auto_buf struct buf form = BUF_INIT;
	struct fetch r = {.url = c->realm, .method = "POST"};
	add_query_str(&form, "grant_type", "refresh_token");
	add_query_str(&form, "service", c->service);
	add_query_str(&form, "scope", c->scope);
	add_query_str(&form, "client_id", "tacklebox");
	add_query_str(&form, "refresh_token", who->identity);
	r.body = form.s;
	r.body_len = (int64_t)form.len;
	int result = ask(g, &r, c->realm);
	explicit_bzero(form.s, form.cap);
	return result;
}

static int
get_token(struct registry *g, const struct challenge *c, const struct creds *who)
{
	auto_buf struct buf url = BUF_INIT, query = BUF_INIT;
	char *basic = NULL;
	if (who && who->identity)
		return refresh(g, c, who);
	if (who)
		basic = fmt_new("%s:%s", who->user, who->secret);
	add_query_str(&query, "service", c->service);
	add_scopes(&query, c->scope);
	buf_adds(&url, c->realm);
	if (query.len)
		buf_addf(&url, "%c%s", strchr(c->realm, '?') ? '&' : '?', query.s);
	struct fetch r = {.url = url.s, .basic = basic};
	int result = ask(g, &r, url.s);
	secret_free(&basic);
	return result;
}

/* Without leave to send the password we ask as anybody; a private image is then refused. */
static int
use_bearer(struct registry *g, const char *what, const struct challenge *c)
{
	char host[256];
	const struct creds *who = creds_of(g);
	bool https = strncmp(c->realm, "https://", 8) == 0;
	if (!url_host(c->realm, host, sizeof(host)) ||
		(!https && !g->o->insecure && !(g->plain_allowed && host_is_loopback(host))))
		return err_set(ERR_DENIED, c->realm,
			"cannot use %s: the registry names '%s' to get a token from, which is not "
			"https",
			what, c->realm);
	if (who && who->token)
		return use_token(g, "registrytoken", who->token);
	bool may = host_may_authorize(g->host, host, g->origin_host ? NULL : g->o->realm);
	if (get_token(g, c, may ? who : NULL) == 0)
		return 0;
	return who && !may ? err_hint("the password was not sent to %s, which is not the registry: "
				      "--realm %s allows it",
				     host, host)
			   : -1;
}

int
registry_authorize(struct registry *g, const char *what, const char *header)
{
	struct challenge c;
	challenge_parse(header, &c);
	if (look_up(g) < 0)
		return -1;
	const struct creds *who = creds_of(g);
	if (c.bearer && c.realm[0])
		return use_bearer(g, what, &c);
	if (c.basic && who && who->user) {
		secret_free(&g->basic);
		g->basic = fmt_new("%s:%s", who->user, who->secret);
		g->auth_age++;
		return 0;
	}
	err_set(ERR_DENIED, what, "cannot use %s: the registry wants %s", what,
		c.basic ? "a user name and a password" : "to know who asks");
	return err_hint(
		"`docker login %s` keeps them for us, or give them with --creds-fd", g->name);
}
