/* SPDX-License-Identifier: MIT */
#include "mech/oci.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "mech/oci_in.h"

#include <stdlib.h>
#include <string.h>

void
oci_option(struct oci_args *a, const char *name, const char *fmt, ...)
{
	auto_buf struct buf value = BUF_INIT;
	a->option = reallocarray(a->option, a->n + 1, sizeof(*a->option));
	if (!a->option)
		abort();
	if (fmt) {
		va_list ap;
		va_start(ap, fmt);
		buf_addv(&value, fmt, ap);
		va_end(ap);
	}
	a->option[a->n++] =
		(struct oci_option){.name = name, .value = fmt ? buf_take(&value) : NULL};
}

void
oci_warn(struct oci_args *a, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	strlist_add(&a->warnings, buf_take(&text));
}

int
oci_check_path(const struct jat *at, const char *path)
{
	if (path[0] != '/')
		return jat_fail(at, ERR_INVALID, "is not an absolute path: '%s'", path);
	if (strchr(path, ':'))
		return jat_fail(at, ERR_UNSUPPORTED,
			"has a colon, which divides the words of ns-exec: '%s'", path);
	return 0;
}

char *
oci_host_path(const struct oci_args *a, const char *path)
{
	struct buf b = BUF_INIT;
	if (path[0] == '/')
		return str_new(path);
	path_join(&b, a->dir, path);
	return buf_take(&b);
}

bool
oci_empty(const json_t *v)
{
	if (json_is_object(v) || json_is_array(v))
		return json_object_size(v) + json_array_size(v) == 0;
	return !v || json_is_false(v) || (json_is_string(v) && json_string_length(v) == 0) ||
		(json_is_integer(v) && json_integer_value(v) == 0);
}

int
oci_refuse(const struct jat *object, const char *key, const char *why)
{
	struct jat at = jat_member(object, key);
	return oci_empty(at.v) ? 0 : jat_fail(&at, ERR_UNSUPPORTED, "cannot be done: %s", why);
}

/* Hooks are programs that others want run at points of the container's life. */
static int
hooks(const struct jat *top)
{
	static const char *const names[] = {"prestart", "createRuntime", "createContainer",
		"startContainer", "poststart", "poststop"};
	struct jat at;
	if (jat_get_object(top, "hooks", &at) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (oci_refuse(&at, names[i], "ns-exec runs no hooks") < 0)
			return -1;
	return 0;
}

static int
version(const struct jat *top)
{
	struct jat at = jat_member(top, "ociVersion");
	const char *text = "";
	if (jat_need(&at) < 0 || jat_str(&at, &text) < 0)
		return -1;
	if (strncmp(text, "1.", 2) != 0)
		return jat_fail(&at, ERR_UNSUPPORTED,
			"is '%s': this is a reader of the specification 1.x", text);
	return 0;
}

static int
root(struct oci_args *a, const struct jat *top)
{
	struct jat at, path_at;
	const char *path = "";
	bool readonly = false;
	if (jat_get_object(top, "root", &at) < 0 || jat_need(&at) < 0)
		return -1;
	path_at = jat_member(&at, "path");
	if (jat_need(&path_at) < 0 || jat_str(&path_at, &path) < 0 ||
		jat_get_bool(&at, "readonly", &readonly) < 0)
		return -1;
	if (!path[0])
		return jat_fail(&path_at, ERR_INVALID, "is empty");
	auto_free char *host = oci_host_path(a, path);
	oci_option(a, "--root", "%s", host);
	if (readonly)
		oci_option(a, "--read-only", NULL);
	return 0;
}

static int
host_name(struct oci_args *a, const struct jat *top, const char *key, const char *option)
{
	struct jat at = jat_member(top, key);
	const char *name = NULL;
	if (jat_str(&at, &name) < 0)
		return -1;
	if (name && name[0])
		oci_option(a, option, "%s", name);
	return 0;
}

int
oci_args_read(const char *dir, json_t *doc, struct oci_args *out)
{
	struct jat top = jat_top("config.json", doc), process, lin;
	*out = (struct oci_args){.dir = dir};
	if (jat_object(&top) < 0 || version(&top) < 0 || hooks(&top) < 0 ||
		jat_get_object(&top, "linux", &lin) < 0 ||
		jat_get_object(&top, "process", &process) < 0 || jat_need(&process) < 0)
		return -1;
	if (oci_namespaces(out, &lin) < 0 || root(out, &top) < 0 || oci_mounts(out, &top) < 0 ||
		oci_linux(out, &lin) < 0 || host_name(out, &top, "hostname", "--hostname") < 0 ||
		host_name(out, &top, "domainname", "--domainname") < 0)
		return -1;
	return oci_process(out, &process);
}

static void
free_strings(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++) {
		/* All of them were allocated here; the list is made for words of argv. */
		void *p = (void *)(uintptr_t)l->v[i];
		free(p);
	}
	free(l->v);
}

void
oci_args_free(struct oci_args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->option[i].value);
	free(a->option);
	free_strings(&a->command);
	free_strings(&a->warnings);
	*a = (struct oci_args){0};
}

void
oci_args_shell(const struct oci_args *a, struct buf *out)
{
	buf_adds(out, "ns-exec");
	for (size_t i = 0; i < a->n; i++) {
		const struct oci_option *o = &a->option[i];
		buf_addf(out, " \\\n\t%s", o->name);
		if (o->value) {
			buf_addc(out, o->joined ? '=' : ' ');
			buf_add_sh(out, o->value);
		}
	}
	buf_adds(out, " \\\n\t--");
	for (size_t i = 0; i < a->command.n; i++) {
		buf_addc(out, ' ');
		buf_add_sh(out, a->command.v[i]);
	}
	buf_addc(out, '\n');
}

static void
add_word(struct buf *out, const char *word)
{
	buf_add(out, word, strlen(word) + 1);
}

void
oci_args_words(const struct oci_args *a, struct buf *out)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct oci_option *o = &a->option[i];
		buf_adds(out, o->name);
		if (o->value)
			buf_add(out, o->joined ? "=" : "", 1);
		add_word(out, o->value ? o->value : "");
	}
	add_word(out, "--");
	for (size_t i = 0; i < a->command.n; i++)
		add_word(out, a->command.v[i]);
}
