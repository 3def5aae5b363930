/* SPDX-License-Identifier: MIT */
#include "image/config.h"

#include "base/err.h"
#include "base/human.h"
#include "base/parse.h"
#include "image/config_in.h"

#include <stdlib.h>
#include <string.h>

/* The member, made as an empty object where it is missing. Borrowed. */
json_t *
config_object_in(json_t *parent, const char *key)
{
	json_t *j = json_object_get(parent, key);
	if (!json_is_object(j)) {
		j = json_object();
		json_object_set_new(parent, key, j);
	}
	return j;
}

/* A string as JSON. What is not UTF-8 cannot stand in a config. */
json_t *
config_text(const char *option, const char *s)
{
	json_t *j = json_string(s);
	if (!j)
		err_set(ERR_INVALID, s, "%s: the value is not UTF-8", option);
	return j;
}

static int
set_text(json_t *config, const char *key, const char *option, const char *value)
{
	if (!value)
		return 0;
	json_t *j = config_text(option, value);
	return j ? json_object_set_new(config, key, j) : -1;
}

json_t *
config_words_json(const char *option, const char *s)
{
	json_t *list = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
	bool good = json_is_array(list);
	for (size_t i = 0; good && i < json_array_size(list); i++)
		good = json_is_string(json_array_get(list, i));
	if (good)
		return list;
	json_decref(list);
	err_set(ERR_INVALID, s, "%s: '%s' is not a JSON list of words", option, s);
	err_hint("write [\"/bin/app\",\"--flag\"], or a line for the shell without brackets");
	return NULL;
}

/* A command: a JSON list of words, or, as in a Dockerfile, a line for the shell. */
static json_t *
command(const char *option, const char *s)
{
	if (s[strspn(s, " \t")] == '[')
		return config_words_json(option, s);
	json_t *line = config_text(option, s);
	return line ? json_pack("[s,s,o]", "/bin/sh", "-c", line) : NULL;
}

static int
set_command(json_t *config, const char *key, const char *option, const char *value)
{
	if (!value)
		return 0;
	json_t *j = command(option, value);
	return j ? json_object_set_new(config, key, j) : -1;
}

/* Whether the array's item is a setting of that name ("NAME=…"). */
static bool
sets(const json_t *item, const char *name, size_t len)
{
	const char *s = json_string_value(item);
	return s && strncmp(s, name, len) == 0 && s[len] == '=';
}

/* Env keeps its order; a name that is there already gets the new value in its old place. */
int
config_set_env(json_t *config, const char *word)
{
	size_t len = strcspn(word, "=");
	if (len == 0 || word[len] != '=')
		return err_set(ERR_INVALID, word, "--env: '%s' is not NAME=VALUE", word);
	json_t *list = json_object_get(config, "Env"), *j = config_text("--env", word);
	if (!j)
		return -1;
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(config, "Env", list);
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		if (sets(json_array_get(list, i), word, len))
			return json_array_set_new(list, i, j);
	return json_array_append_new(list, j);
}

int
config_set_label(json_t *config, const char *word)
{
	size_t len = strcspn(word, "=");
	if (len == 0 || word[len] != '=')
		return err_set(ERR_INVALID, word, "--label: '%s' is not NAME=VALUE", word);
	json_t *j = config_text("--label", word + len + 1);
	if (!j)
		return -1;
	char *name = fmt_new("%.*s", (int)len, word);
	int r = json_object_set_new(config_object_in(config, "Labels"), name, j);
	free(name);
	return r < 0 ? err_set(ERR_INVALID, word, "--label: the name is not UTF-8") : 0;
}

/* "80", "80/tcp", "53/udp"; ranges "8000-8010" too, which Docker takes apart in the same way. */
int
config_set_expose(json_t *config, const char *word)
{
	char first[8] = "", last[8] = "";
	const char *proto = strchr(word, '/');
	size_t n = proto ? (size_t)(proto - word) : strlen(word), dash = strcspn(word, "-/");
	int64_t from, to;
	proto = proto ? proto + 1 : "tcp";
	if (dash >= sizeof(first) || (dash < n && n - dash - 1 >= sizeof(last)))
		goto bad;
	memcpy(first, word, dash);
	memcpy(last, dash < n ? word + dash + 1 : word, dash < n ? n - dash - 1 : dash);
	if (parse_int(first, 1, 65535, &from) < 0 || parse_int(last, 1, 65535, &to) < 0 ||
		to < from ||
		(strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 &&
			strcmp(proto, "sctp") != 0))
		goto bad;
	for (; from <= to; from++) {
		auto_buf struct buf port = BUF_INIT;
		buf_addf(&port, "%d/%s", (int)from, proto);
		json_object_set_new(
			config_object_in(config, "ExposedPorts"), port.s, json_object());
	}
	return 0;
bad:
	return err_set(
		ERR_INVALID, word, "--expose: '%s' is not a port such as 80 or 53/udp", word);
}

int
config_set_volume(json_t *config, const char *path)
{
	if (path[0] != '/')
		return err_set(ERR_INVALID, path, "--volume: '%s' is not an absolute path", path);
	if (json_object_set_new(config_object_in(config, "Volumes"), path, json_object()) < 0)
		return err_set(ERR_INVALID, path, "--volume: the value is not UTF-8");
	return 0;
}

static int
each(json_t *config, const struct strlist *list, int (*set)(json_t *, const char *))
{
	for (size_t i = 0; i < list->n; i++)
		if (set(config, list->v[i]) < 0)
			return -1;
	return 0;
}

int
config_change(json_t *doc, const struct config_changes *c)
{
	json_t *config = config_object_in(doc, "config");
	if (set_command(config, "Cmd", "--cmd", c->cmd) < 0 ||
		set_command(config, "Entrypoint", "--entrypoint", c->entrypoint) < 0 ||
		set_text(config, "User", "--user", c->user) < 0 ||
		set_text(config, "WorkingDir", "--workdir", c->workdir) < 0 ||
		set_text(config, "StopSignal", "--stop-signal", c->stop_signal) < 0)
		return -1;
	if (each(config, &c->env, config_set_env) < 0 ||
		each(config, &c->label, config_set_label) < 0 ||
		each(config, &c->expose, config_set_expose) < 0)
		return -1;
	return each(config, &c->volume, config_set_volume);
}

json_t *
config_new(const struct platform *p, time_t created, const char *diff_id, const char *comment)
{
	auto_buf struct buf when = BUF_INIT;
	time_rfc3339(created, &when);
	json_t *doc = json_pack("{s:s,s:s,s:s,s:s*,s:{},s:{s:s,s:[s]},s:[{s:s,s:s,s:s*}]}",
		"created", when.s, "architecture", p->arch, "os", p->os, "variant",
		p->variant[0] ? p->variant : NULL, "config", "rootfs", "type", "layers", "diff_ids",
		diff_id, "history", "created", when.s, "created_by", "img-import", "comment",
		comment);
	if (!doc)
		err_set(ERR_INVALID, comment, "the comment '%s' is not UTF-8", comment);
	return doc;
}

int
config_add_step(json_t *doc, const struct config_step *step)
{
	auto_buf struct buf when = BUF_INIT;
	time_rfc3339(step->created, &when);
	json_t *rootfs = config_object_in(doc, "rootfs");
	json_t *row = json_pack("{s:s,s:s*,s:s*,s:s*}", "created", when.s, "created_by",
		step->created_by, "author", step->author, "comment", step->comment);
	if (!row)
		return err_set(
			ERR_INVALID, "history", "the author, message or command is not UTF-8");
	if (!json_is_array(json_object_get(doc, "history")))
		json_object_set_new(doc, "history", json_array());
	if (!json_is_array(json_object_get(rootfs, "diff_ids"))) {
		json_object_set_new(rootfs, "type", json_string("layers"));
		json_object_set_new(rootfs, "diff_ids", json_array());
	}
	if (step->diff_id)
		json_array_append_new(
			json_object_get(rootfs, "diff_ids"), json_string(step->diff_id));
	else
		json_object_set_new(row, "empty_layer", json_true());
	json_array_append_new(json_object_get(doc, "history"), row);
	json_object_set_new(doc, "created", json_string(when.s));
	if (step->author)
		json_object_set_new(doc, "author", json_string(step->author));
	return 0;
}

time_t
config_now(void)
{
	const char *set = getenv("SOURCE_DATE_EPOCH");
	int64_t t;
	struct err before = err;
	if (set && parse_int(set, 0, INT64_C(253402300799), &t) == 0)
		return (time_t)t;
	err = before;
	return time(NULL);
}
