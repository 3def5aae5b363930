/* SPDX-License-Identifier: MIT
 * Names and values: ARG, --build-arg, and those that a builder knows by itself (Dockerfile
 * reference, "Predefined ARGs", "Automatic platform ARGs in the global scope").
 */
#include "build.h"

#include <stdlib.h>
#include <string.h>

const char *const proxy_args[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
	"FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", NULL};

static size_t
find(const struct vars *v, const char *name)
{
	size_t i = 0;
	while (i < v->n && strcmp(v->name[i], name) != 0)
		i++;
	return i;
}

void
vars_set(struct vars *v, const char *name, const char *value)
{
	size_t i = find(v, name);
	if (i == v->n) {
		v->name = realloc(v->name, (v->n + 1) * sizeof(*v->name));
		v->value = realloc(v->value, (v->n + 1) * sizeof(*v->value));
		if (!v->name || !v->value)
			abort();
		v->name[v->n] = str_new(name);
		v->value[v->n++] = NULL;
	}
	free(v->value[i]);
	v->value[i] = value ? str_new(value) : NULL;
}

const char *
vars_get(const struct vars *v, const char *name)
{
	size_t i = find(v, name);
	return i < v->n ? v->value[i] : NULL;
}

bool
vars_has(const struct vars *v, const char *name)
{
	return find(v, name) < v->n;
}

/* Which of asked.args were wanted: a NULL in their list of names. */
static bool *used;

static const char *
value_of(const char *pair)
{
	size_t n = strcspn(pair, "=");
	if (pair[n])
		return pair + n + 1;
	/* Only a name: the value is that of our own environment. */
	return getenv(pair);
}

const char *
asked_arg(const char *name)
{
	size_t len = strlen(name);
	const char *value = NULL;
	if (!used && asked.args.n && !(used = calloc(asked.args.n, sizeof(*used))))
		abort();
	for (size_t i = 0; i < asked.args.n; i++)
		if (strcspn(asked.args.v[i], "=") == len &&
			strncmp(asked.args.v[i], name, len) == 0) {
			used[i] = true;
			value = value_of(asked.args.v[i]);
		}
	return value;
}

void
asked_args_unused(void)
{
	auto_buf struct buf names = BUF_INIT;
	for (size_t i = 0; proxy_args[i]; i++)
		asked_arg(proxy_args[i]);
	for (size_t i = 0; i < asked.args.n; i++)
		if (!used || !used[i])
			buf_addf(&names, "%s%.*s", names.len ? " " : "",
				(int)strcspn(asked.args.v[i], "="), asked.args.v[i]);
	if (names.len)
		report_warning("one or more build-args [%s] were not consumed", names.s);
}

const char *
platform_arg(const char *name)
{
	static struct buf text[2];
	static const char *const parts[] = {"PLATFORM", "OS", "ARCH", "VARIANT"};
	bool target = strncmp(name, "TARGET", 6) == 0;
	if (!target && strncmp(name, "BUILD", 5) != 0)
		return NULL;
	const struct platform *p = target ? &asked.wanted : &asked.host;
	struct buf *all = &text[target];
	name += target ? 6 : 5;
	buf_reset(all);
	platform_text(p, all);
	const char *values[] = {buf_str(all), p->os, p->arch, p->variant};
	for (size_t i = 0; i < 4; i++)
		if (strcmp(name, parts[i]) == 0)
			return values[i];
	return NULL;
}
