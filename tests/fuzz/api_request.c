/* SPDX-License-Identifier: MIT
 * Any bytes as a request of the API: no crash, one answer to each, and no word of a client's stands
 * where a tool takes it for an option of its own. What a container is created of becomes a box.
 *
 * The input is "METHOD URL", lines of headers, an empty line, the body: http.c's part is played
 * here, and no tool runs (the linker's --wrap: job_start and what is made of it).
 */
#include "../../tools/apid/apid.h"

#include "../../tools/apid/job.h"
#include "base/auto.h"
#include "base/err.h"
#include "box/bundle.h"
#include "box/merge.h"
#include "box/shape.h"
#include "door/undo.h"
#include "mech/oci.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAIRS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
struct job *__wrap_job_start(const char *why, struct strlist *words, bool input, int extra);
int __wrap_job_run(const char *why, struct strlist *words, const struct buf *text, struct buf *out);
int __wrap_job_reply(struct request *r, const char *why, struct strlist *words, unsigned status);
int __wrap_job_reply_json(struct request *r, const char *why, struct strlist *words,
	const struct buf *text, unsigned status);

struct pair {
	char *name, *value;
};
struct exchange {
	struct pair query[PAIRS_MAX], header[PAIRS_MAX];
	size_t n_query, n_header;
	unsigned answers;
};

struct settings settings;
static char top[] = "/dev/shm/fuzz-api-XXXXXX";

/* ---- instead of http.c ---- */

static const char *
find(const struct pair *p, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(p[i].name, name) == 0)
			return p[i].value;
	return NULL;
}

const char *
request_query(const struct request *r, const char *name)
{
	return find(r->http->query, r->http->n_query, name);
}

void
request_each(const struct request *r, const char *name, void (*fn)(void *self, const char *value),
	void *self)
{
	for (size_t i = 0; i < r->http->n_query; i++)
		if (strcmp(r->http->query[i].name, name) == 0)
			fn(self, r->http->query[i].value ? r->http->query[i].value : "");
}

const char *
request_header(const struct request *r, const char *name)
{
	return find(r->http->header, r->http->n_header, name);
}

int
http_add(struct http_server *s, int fd)
{
	(void)s;
	(void)fd;
	abort();
}

struct pollfd
request_gone(const struct request *r)
{
	(void)r;
	return (struct pollfd){-1, 0, 0};
}

bool
http_stopping(void)
{
	return true;
}

void
reply_header(struct request *r, const char *name, const char *value)
{
	(void)r;
	if (!*name || strpbrk(value, "\r\n"))
		abort();
}

int
reply_bytes(struct request *r, unsigned status, const char *type, const void *p, size_t n)
{
	(void)type;
	(void)p;
	(void)n;
	if (status < 200 || status > 599)
		abort();
	r->http->answers++;
	return 0;
}

int
reply_stream(struct request *r, unsigned status, const char *type, const struct source *s)
{
	s->end(s->self);
	return reply_bytes(r, status, type, NULL, 0);
}

/* Nobody is there who could attach. */
int
reply_upgrade(struct request *r, const char *to, upgrade_fn *fn, void *self)
{
	(void)r;
	(void)to;
	(void)fn;
	(void)self;
	abort();
}

/* ---- instead of tools ---- */

/* Before "--" come options, and no operand. */
static int
check_words(struct strlist *l)
{
	if (l->n == 0 || !strchr(l->v[0], '-') || l->v[0][0] == '-')
		abort();
	for (size_t i = 1; i < l->n && strcmp(l->v[i], "--") != 0; i++)
		if (strncmp(l->v[i], "--", 2) != 0)
			abort();
	words_free(l);
	return err_set(ERR_INTERNAL, NULL, "no tool runs here");
}

struct job *
__wrap_job_start(const char *why, struct strlist *words, bool input, int extra)
{
	(void)why;
	(void)input;
	(void)extra;
	check_words(words);
	return NULL;
}

int
__wrap_job_run(const char *why, struct strlist *words, const struct buf *text, struct buf *out)
{
	(void)why;
	(void)text;
	(void)out;
	return check_words(words);
}

int
__wrap_job_reply(struct request *r, const char *why, struct strlist *words, unsigned status)
{
	(void)r;
	(void)why;
	(void)status;
	return check_words(words);
}

int
__wrap_job_reply_json(struct request *r, const char *why, struct strlist *words,
	const struct buf *text, unsigned status)
{
	(void)text;
	return __wrap_job_reply(r, why, words, status);
}

/* ---- a request out of bytes ---- */

/* As http.c has it done: a space is written "+". */
static void
unescape(char *s)
{
	for (char *p = s; (p = strchr(p, '+'));)
		*p = ' ';
	url_unescape(s);
}

static void
take_query(struct exchange *x, char *text)
{
	for (char *save, *p = strtok_r(text, "&", &save); p && x->n_query < PAIRS_MAX;
		p = strtok_r(NULL, "&", &save)) {
		struct pair *q = &x->query[x->n_query++];
		q->name = p;
		q->value = strchr(p, '=');
		if (q->value) {
			*q->value++ = '\0';
			unescape(q->value);
		}
		unescape(p);
	}
}

/* The line at *s, which is moved behind it. */
static char *
take_line(char **s)
{
	char *line = *s, *end = strchr(line, '\n');
	*s = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

/* Returns the URL. */
static const char *
take_request(struct request *r, char *text, char *body)
{
	struct exchange *x = r->http;
	char *url = take_line(&text);
	r->method = url;
	url += strcspn(url, " ");
	if (*url)
		*url++ = '\0';
	char *query = strchr(url, '?');
	if (query) {
		*query++ = '\0';
		take_query(x, query);
	}
	unescape(url);
	while (text < body && x->n_header < PAIRS_MAX) {
		char *line = take_line(&text), *value = strchr(line, ':');
		if (!value)
			continue;
		*value++ = '\0';
		x->header[x->n_header++] = (struct pair){line, value + strspn(value, " ")};
	}
	return url;
}

/* ---- what becomes of it ---- */

/* What box_create() does before it writes. */
static void
create(json_t *asked)
{
	static const char *const places[] = {"Binds", "Mounts", "VolumesFrom"};
	static char id[] =
		"sha256:0123456789012345678901234567890123456789012345678901234567890123";
	struct image img = {.config = json_pack("{s:{s:[s]}}", "config", "Env", "A=b")};
	struct box b;
	const struct jat at = jat_top("create", asked);
	memcpy(img.id, id, sizeof(id));
	if (box_of(id + 7, &b) < 0)
		abort();
	shape_check_known(&at, shape_create());
	err_clear();
	auto_json json_t *doc = box_merge(asked, &img, &b);
	/* Nothing of the host, and no volume: these would be made. */
	for (size_t i = 0; i < 3; i++)
		json_object_del(json_object_get(doc, "HostConfig"), places[i]);
	json_object_del(json_object_get(doc, "Config"), "Volumes");
	auto_json json_t *config = doc && box_add_mounts(doc, NULL, &img) == 0
		? bundle_make(doc, &b, NULL, &img)
		: NULL;
	struct oci_args words = {0};
	if ((!config || oci_args_read(b.dir, config, &words) < 0) && !err.message[0])
		abort();
	oci_args_free(&words);
	json_decref(img.config);
}

static void
answer(struct request *r)
{
	err_clear();
	if (r->route->begin && r->route->begin(r) < 0)
		return;
	/* Events go on for ever. */
	if (r->route->handle == system_events)
		return;
	int done = r->route->handle(r);
	if (done < 0 ? !err.message[0] : r->http->answers != 1)
		abort();
}

static void
remove_top(void)
{
	undo_remove_tree(top, NULL);
}

static void
set_up(void)
{
	static char root[64], run[64];
	if (root[0])
		return;
	if (!mkdtemp(top))
		abort();
	atexit(remove_top);
	snprintf(root, sizeof(root), "%s/root", top);
	snprintf(run, sizeof(run), "%s/run", top);
	setenv("TACKLEBOX_ROOT", root, 1);
	setenv("TACKLEBOX_RUN", run, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange x = {0};
	struct request r = {.http = &x};
	const struct listener at = {.tcp = true, .name = "127.0.0.1:2375"};
	set_up();
	char *text = fmt_new("%.*s", (int)size, (const char *)data), *body = strstr(text, "\n\n");
	if (body)
		buf_adds(&r.body, body + 2);
	const char *url = take_request(&r, text, body ? body + 1 : text + strlen(text));
	/* With --read-only no tool is begun for what changes: that is done below. */
	settings.read_only = true;
	if (request_begin(&r, url, &at) < 0 && !err.message[0])
		abort();
	if (r.route && r.route->handle == containers_create) {
		auto_json json_t *asked = body_json(&r, false);
		if (asked)
			create(asked);
	}
	if (r.route)
		answer(&r);
	route_free(&r);
	buf_free(&r.body);
	free(text);
	return 0;
}
