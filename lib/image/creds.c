/* SPDX-License-Identifier: MIT */
#include "image/creds.h"

#include "base/auto.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "door/spawn.h"
#include "door/tell.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CREDS_MAX 65536
/* The name under which `docker login` without a host keeps them. */
#define HUB_KEY "https://index.docker.io/v1/"

void
secret_free(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void
creds_free(struct creds *c)
{
	secret_free(&c->user);
	secret_free(&c->secret);
	secret_free(&c->identity);
	secret_free(&c->token);
}

static void
wipe_buf(struct buf *b)
{
	if (b->s)
		explicit_bzero(b->s, b->cap);
	buf_free(b);
}
#define auto_secret __attribute__((cleanup(wipe_buf)))

static bool
any(const struct creds *c)
{
	return (c->user && c->secret) || c->identity || c->token;
}

/* "user:password". A user name has no colon, a password may (RFC 7617 section 2). */
static int
split(const char *text, size_t len, struct creds *c)
{
	const char *colon = memchr(text, ':', len);
	if (!colon || memchr(text, '\0', len) || memchr(text, '\n', len) || memchr(text, '\r', len))
		return -1;
	c->user = fmt_new("%.*s", (int)(colon - text), text);
	c->secret = fmt_new("%.*s", (int)(text + len - colon - 1), colon + 1);
	return 0;
}

/* A value that is there and not empty. */
static int
get(const struct jat *at, const char *key, char **out)
{
	const char *s = "";
	if (jat_get_str(at, key, &s) < 0)
		return -1;
	*out = *s ? str_new(s) : NULL;
	return 0;
}

static int
read_json(const char *what, const struct buf *text, struct creds *c)
{
	auto_json json_t *doc = json_parse(what, text->s, text->len);
	const struct jat top = jat_top(what, doc);
	if (!doc || get(&top, "username", &c->user) < 0 || get(&top, "password", &c->secret) < 0 ||
		get(&top, "identitytoken", &c->identity) < 0 ||
		get(&top, "registrytoken", &c->token) < 0)
		return -1;
	return any(c) ? 0 : jat_fail(&top, ERR_INVALID, "holds no user name and password");
}

/* All of a descriptor, which is closed. */
static int
read_secret(int fd, const char *option, struct buf *text)
{
	char chunk[4096];
	ssize_t n;
	while (text->len < CREDS_MAX && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno != EINTR)
			return err_sys("read", option, "cannot read descriptor %d", fd);
		buf_add(text, chunk, n > 0 ? (size_t)n : 0);
	}
	explicit_bzero(chunk, sizeof(chunk));
	close(fd);
	while (text->len && (text->s[text->len - 1] == '\n' || text->s[text->len - 1] == '\r'))
		text->s[--text->len] = '\0';
	return 0;
}

int
creds_read_fd(int fd, struct creds *c)
{
	static const char what[] = "what --creds-fd gives";
	auto_secret struct buf text = BUF_INIT;
	if (read_secret(fd, "--creds-fd", &text) < 0)
		return -1;
	if (text.len && text.s[0] == '{')
		return read_json(what, &text, c);
	if (text.len && split(text.s, text.len, c) == 0)
		return 0;
	return err_set(ERR_INVALID, what, "%s is not USER:PASSWORD", what);
}

/* ---- Docker's config.json ---- */

/* The host in a key of "auths": "registry.example", "https://registry.example/v2/". */
static bool
is_key_of(const char *key, const char *host)
{
	const char *s = strstr(key, "://");
	if (strcmp(host, "docker.io") == 0)
		return strcmp(key, HUB_KEY) == 0 || strcmp(key, "docker.io") == 0;
	s = s ? s + 3 : key;
	size_t n = strcspn(s, "/");
	return n == strlen(host) && strncasecmp(s, host, n) == 0;
}

/* An entry of "auths", whatever way its key is written. */
static struct jat
entry_of(const struct jat *auths, const char *host)
{
	const char *key;
	json_t *value;
	json_object_foreach(auths->v, key, value) if (is_key_of(key, host)) return jat_member(
		auths, key);
	return (struct jat){.up = auths, .key = host};
}

static int
read_entry(const struct jat *entry, struct creds *c)
{
	auto_secret struct buf plain = BUF_INIT;
	const char *packed = "";
	if (jat_object(entry) < 0 || jat_get_str(entry, "auth", &packed) < 0 ||
		get(entry, "identitytoken", &c->identity) < 0 ||
		get(entry, "registrytoken", &c->token) < 0)
		return -1;
	if (!*packed) {
		if (get(entry, "username", &c->user) < 0 || get(entry, "password", &c->secret) < 0)
			return -1;
	} else if (base64_decode(packed, &plain) < 0 || split(buf_str(&plain), plain.len, c) < 0) {
		const struct jat at = jat_member(entry, "auth");
		return jat_fail(&at, ERR_INVALID, "is not base64 of USER:PASSWORD");
	}
	return any(c);
}

static const char auths_what[] = "what --auths-fd gives";

json_t *
creds_read_auths(int fd)
{
	auto_secret struct buf text = BUF_INIT;
	if (read_secret(fd, "--auths-fd", &text) < 0)
		return NULL;
	json_t *doc = json_parse(auths_what, buf_str(&text), text.len);
	if (doc && !json_is_object(doc)) {
		json_decref(doc);
		err_set(ERR_INVALID, auths_what, "%s is not a JSON object", auths_what);
		return NULL;
	}
	return doc;
}

static void
put(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_addf(out, "%s\"%s\":", out->len && out->s[out->len - 1] != '{' ? "," : "", key);
	buf_add_json(out, value);
}

int
creds_of_auths(const json_t *auths, const char *host, struct buf *out)
{
	struct creds c = {0};
	const struct jat top = jat_top(auths_what, (json_t *)(uintptr_t)auths);
	const struct jat entry = entry_of(&top, host);
	int r = entry.v ? read_entry(&entry, &c) : 0;
	if (r > 0) {
		buf_addc(out, '{');
		put(out, "username", c.user);
		put(out, "password", c.secret);
		put(out, "identitytoken", c.identity);
		put(out, "registrytoken", c.token);
		buf_addc(out, '}');
	}
	creds_free(&c);
	return r;
}

/* ---- helpers: programs that keep secrets ---- */

static int
read_reply(const char *program, const struct buf *text, struct creds *c)
{
	auto_json json_t *doc = json_parse(program, buf_str(text), text->len);
	const struct jat top = jat_top(program, doc);
	if (!doc || get(&top, "Username", &c->user) < 0 || get(&top, "Secret", &c->secret) < 0)
		return -1;
	/* This user name says that the secret is no password. */
	if (c->user && c->secret && strcmp(c->user, "<token>") == 0) {
		c->identity = take_ptr(&c->secret);
		secret_free(&c->user);
	}
	return any(c);
}

static int
ask_helper(const char *name, const char *host, struct creds *c)
{
	auto_secret struct buf reply = BUF_INIT;
	auto_free char *program = fmt_new("docker-credential-%s", name);
	auto_free char *told = NULL;
	char get_it[] = "get";
	int ends[2];
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return err_set(ERR_INVALID, name,
				"cannot run '%s': a credential helper's name has letters, digits "
				"and -_.",
				program);
	const char *key = strcmp(host, "docker.io") == 0 ? HUB_KEY : host;
	/* A host is shorter than a pipe: the write does not wait for a reader. */
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys("pipe2", program, "cannot make a pipe for %s", program);
	auto_fd int from = ends[0];
	ssize_t n = write(ends[1], key, strlen(key));
	close(ends[1]);
	if (n < 0)
		return err_sys("write", program, "cannot ask %s", program);
	told = fmt_new("# the password comes from %s", program);
	tell_line(told);
	int status = run_capture((char *[]){program, get_it, NULL}, from, CREDS_MAX, &reply);
	if (status < 0)
		return -1;
	if (status == 0)
		return read_reply(program, &reply, c);
	if (reply.s && strstr(reply.s, "not found"))
		return 0;
	return err_set(ERR_DENIED, program, "cannot get a password: %s ends with status %d: %.200s",
		program, status, buf_str(&reply));
}

static int
find(const struct jat *top, const char *host, struct creds *c)
{
	struct jat helpers, auths;
	const char *helper = "", *store = "";
	if (jat_get_object(top, "credHelpers", &helpers) < 0 ||
		jat_get_object(top, "auths", &auths) < 0 ||
		jat_get_str(&helpers, strcmp(host, "docker.io") == 0 ? HUB_KEY : host, &helper) <
			0 ||
		(!*helper && jat_get_str(&helpers, host, &helper) < 0) ||
		jat_get_str(top, "credsStore", &store) < 0)
		return -1;
	if (*helper)
		return ask_helper(helper, host, c);
	int r = *store ? ask_helper(store, host, c) : 0;
	const struct jat entry = entry_of(&auths, host);
	return r == 0 && entry.v ? read_entry(&entry, c) : r;
}

int
creds_find(const char *host, struct creds *c)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
	auto_buf struct buf path = BUF_INIT;
	if (dir && *dir)
		path_join(&path, dir, "config.json");
	else if (home && *home)
		path_join(&path, home, ".docker/config.json");
	if (!path.len || !file_exists(path.s))
		return 0;
	auto_json json_t *doc = json_read(path.s, CREDS_MAX);
	if (!doc)
		return -1;
	const struct jat top = jat_top(path.s, doc);
	int r = find(&top, host, c);
	if (r <= 0)
		creds_free(c);
	return r;
}
