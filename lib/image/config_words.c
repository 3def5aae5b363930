/* SPDX-License-Identifier: MIT
 * Changes of a config in the words of a Dockerfile (Dockerfile reference, "Overview").
 */
#include "base/err.h"
#include "base/parse.h"
#include "image/config.h"
#include "image/config_in.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct changing {
	json_t *config;
	bool cmd_set; /* CMD was among the changes */
};

/* ---- words: quotes, backslashes, variables ---- */

static const char *
variable(const json_t *config, const char *name, size_t n)
{
	const json_t *env = json_object_get(config, "Env");
	for (size_t i = json_array_size(env); i-- > 0;) {
		const char *s = json_string_value(json_array_get(env, i));
		if (s && strncmp(s, name, n) == 0 && s[n] == '=')
			return s + n + 1;
	}
	return NULL;
}

/* No program could be given a longer variable (MAX_ARG_STRLEN, execve(2)), and variables that hold
 * each other twice grow fast. */
#define WORD_MAX ((size_t)128 * 1024)

static size_t
name_len(const char *s)
{
	size_t n = 0;
	while (isalpha((unsigned char)s[n]) || s[n] == '_' || (n && isdigit((unsigned char)s[n])))
		n++;
	return n;
}

/* $NAME, ${NAME}, ${NAME:-word}, ${NAME:+word}: p is behind the dollar. Returns where to go on;
 * NULL with `err` set. */
static const char *
expand(const struct changing *c, const char *p, struct buf *out)
{
	bool braces = *p == '{';
	const char *name = p + braces;
	size_t n = name_len(name);
	const char *end = name + n, *value = variable(c->config, name, n), *word = end;
	if (n == 0 && !braces) {
		buf_addc(out, '$');
		return p;
	}
	if (braces) {
		end = strchr(word, '}');
		bool plain = end == word;
		if (!end || n == 0 || (!plain && (word[0] != ':' || !strchr("-+", word[1])))) {
			err_set(ERR_INVALID, p, "'$%s' is no variable", p);
			return NULL;
		}
		bool set = value && *value;
		if (!plain && (word[1] == '+') == set) {
			buf_add(out, word + 2, (size_t)(end - word) - 2);
			return end + 1;
		}
		if (!plain && word[1] == '+')
			value = NULL;
		end++;
	}
	buf_adds(out, value ? value : "");
	return end;
}

/* The next word, up to a blank that is not quoted; with `whole`, all the rest. Returns where it
 * ends; NULL with `err` set. */
static const char *
next_word(const struct changing *c, const char *p, bool whole, struct buf *out)
{
	char quote = 0;
	while (*p && (quote || whole || !isspace((unsigned char)*p))) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? 0 : *p;
			p++;
		} else if (*p == '\\' && quote != '\'' && p[1]) {
			/* Between double quotes a backslash is one, but before these. */
			if (quote && !strchr("\"\\$", p[1]))
				buf_addc(out, '\\');
			buf_addc(out, p[1]);
			p += 2;
		} else if (*p == '$' && quote != '\'') {
			if (!(p = expand(c, p + 1, out)))
				return NULL;
			if (out->len > WORD_MAX) {
				err_set(ERR_INVALID, "a word",
					"with its variables a word is longer than %zu bytes",
					WORD_MAX);
				return NULL;
			}
		} else {
			buf_addc(out, *p++);
		}
	}
	buf_adds(out, "");
	if (!quote)
		return p;
	err_set(ERR_INVALID, p, "a quote %c is not closed", quote);
	return NULL;
}

static const char *
blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static int
each_word(struct changing *c, const char *rest, int (*set)(json_t *, const char *))
{
	if (!*rest)
		return err_set(ERR_INVALID, rest, "something must follow");
	while (*rest) {
		auto_buf struct buf word = BUF_INIT;
		if (!(rest = next_word(c, rest, false, &word)) || set(c->config, word.s) < 0)
			return -1;
		rest = blanks(rest);
	}
	return 0;
}

/* NAME=VALUE …, or, in the old form, NAME and the rest of the line as its value. */
static int
pairs(struct changing *c, const char *rest, int (*set)(json_t *, const char *))
{
	size_t n = strcspn(rest, " \t");
	const char *value = blanks(rest + n);
	if (memchr(rest, '=', n) || !*value)
		return each_word(c, rest, set);
	auto_buf struct buf pair = BUF_INIT;
	buf_add(&pair, rest, n);
	buf_addc(&pair, '=');
	return next_word(c, value, true, &pair) ? set(c->config, pair.s) : -1;
}

/* ---- the instructions ---- */

static int
do_env(struct changing *c, const char *rest)
{
	return pairs(c, rest, config_set_env);
}

static int
do_label(struct changing *c, const char *rest)
{
	return pairs(c, rest, config_set_label);
}

static int
do_expose(struct changing *c, const char *rest)
{
	return each_word(c, rest, config_set_expose);
}

static int
do_volume(struct changing *c, const char *rest)
{
	if (*rest != '[')
		return each_word(c, rest, config_set_volume);
	auto_json json_t *list = config_words_json("VOLUME", rest);
	for (size_t i = 0; list && i < json_array_size(list); i++)
		if (config_set_volume(c->config, json_string_value(json_array_get(list, i))) < 0)
			return -1;
	return list ? 0 : -1;
}

/* A list of words, or a line for the shell that SHELL set. */
static json_t *
command(const struct changing *c, const char *what, const char *rest)
{
	if (*rest == '[')
		return config_words_json(what, rest);
	const json_t *shell = json_object_get(c->config, "Shell");
	json_t *line = config_text(what, rest);
	if (!line)
		return NULL;
	json_t *list = json_array_size(shell) ? json_deep_copy(shell)
					      : json_pack("[s,s]", "/bin/sh", "-c");
	json_array_append_new(list, line);
	return list;
}

static int
do_cmd(struct changing *c, const char *rest)
{
	json_t *list = command(c, "CMD", rest);
	c->cmd_set = true;
	return list ? json_object_set_new(c->config, "Cmd", list) : -1;
}

static int
do_entrypoint(struct changing *c, const char *rest)
{
	json_t *list = command(c, "ENTRYPOINT", rest);
	if (!list)
		return -1;
	/* The inherited command was meant for another program. */
	if (!c->cmd_set)
		json_object_del(c->config, "Cmd");
	return json_object_set_new(c->config, "Entrypoint", list);
}

static int
do_shell(struct changing *c, const char *rest)
{
	json_t *list = config_words_json("SHELL", rest);
	return list ? json_object_set_new(c->config, "Shell", list) : -1;
}

static int
set_text(struct changing *c, const char *key, const char *rest)
{
	auto_buf struct buf word = BUF_INIT;
	if (!*rest || !next_word(c, rest, true, &word))
		return *rest ? -1 : err_set(ERR_INVALID, rest, "something must follow");
	json_t *j = config_text(key, word.s);
	return j ? json_object_set_new(c->config, key, j) : -1;
}

static int
do_user(struct changing *c, const char *rest)
{
	return set_text(c, "User", rest);
}

static int
do_stopsignal(struct changing *c, const char *rest)
{
	return set_text(c, "StopSignal", rest);
}

/* A relative directory stands below the one before. */
static int
do_workdir(struct changing *c, const char *rest)
{
	const char *had = json_string_value(json_object_get(c->config, "WorkingDir"));
	auto_buf struct buf before = BUF_INIT;
	buf_adds(&before, had ? had : "/");
	if (set_text(c, "WorkingDir", rest) < 0)
		return -1;
	const char *now = json_string_value(json_object_get(c->config, "WorkingDir"));
	if (*now == '/')
		return 0;
	buf_addf(&before, "%s%s", before.len && before.s[before.len - 1] == '/' ? "" : "/", now);
	return json_object_set_new(c->config, "WorkingDir", json_string(before.s));
}

static int
do_onbuild(struct changing *c, const char *rest)
{
	static const char *const never[] = {"ONBUILD", "FROM", "MAINTAINER"};
	size_t n = strcspn(rest, " \t");
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (n == strlen(never[i]) && strncasecmp(rest, never[i], n) == 0)
			return err_set(ERR_INVALID, rest, "%s cannot follow", never[i]);
	if (!json_is_array(json_object_get(c->config, "OnBuild")))
		json_object_set_new(c->config, "OnBuild", json_array());
	json_t *line = config_text("ONBUILD", rest);
	return line ? json_array_append_new(json_object_get(c->config, "OnBuild"), line) : -1;
}

/* One of HEALTHCHECK's options: "--interval=30s". */
static int
health_option(json_t *check, const char *word)
{
	static const struct {
		const char *option, *key;
	} times[] = {{"--interval=", "Interval"}, {"--timeout=", "Timeout"},
		{"--start-period=", "StartPeriod"}, {"--start-interval=", "StartInterval"}};
	int64_t n;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		size_t len = strlen(times[i].option);
		if (strncmp(word, times[i].option, len) == 0)
			return parse_duration(word + len, &n) < 0
				? -1
				: json_object_set_new(check, times[i].key, json_integer(n));
	}
	if (strncmp(word, "--retries=", 10) == 0)
		return parse_int(word + 10, 0, 1000000, &n) < 0
			? -1
			: json_object_set_new(check, "Retries", json_integer(n));
	return err_set(ERR_INVALID, word, "'%s' is no option of HEALTHCHECK", word);
}

static int
do_healthcheck(struct changing *c, const char *rest)
{
	json_t *check = json_object(), *test = NULL;
	json_object_set_new(c->config, "Healthcheck", check);
	while (strncmp(rest, "--", 2) == 0) {
		size_t n = strcspn(rest, " \t");
		char *word = fmt_new("%.*s", (int)n, rest);
		int r = health_option(check, word);
		free(word);
		if (r < 0)
			return -1;
		rest = blanks(rest + n);
	}
	if (strcasecmp(rest, "NONE") == 0)
		test = json_pack("[s]", "NONE");
	else if (strncasecmp(rest, "CMD", 3) != 0 || !isspace((unsigned char)rest[3]))
		return err_set(ERR_INVALID, rest, "CMD or NONE must follow");
	else if (*(rest = blanks(rest + 3)) == '[' &&
		(test = config_words_json("HEALTHCHECK", rest)))
		json_array_insert_new(test, 0, json_string("CMD"));
	else {
		/* What is no list, as "[ -f /ready ]", is a line for the shell. */
		err_clear();
		test = json_pack("[s,s]", "CMD-SHELL", rest);
	}
	return test ? json_object_set_new(check, "Test", test) : -1;
}

static int
change(struct changing *c, const char *line)
{
	static const struct {
		const char *word;
		int (*set)(struct changing *c, const char *rest);
	} words[] = {{"CMD", do_cmd}, {"ENTRYPOINT", do_entrypoint}, {"ENV", do_env},
		{"EXPOSE", do_expose}, {"HEALTHCHECK", do_healthcheck}, {"LABEL", do_label},
		{"ONBUILD", do_onbuild}, {"SHELL", do_shell}, {"STOPSIGNAL", do_stopsignal},
		{"USER", do_user}, {"VOLUME", do_volume}, {"WORKDIR", do_workdir}};
	line = blanks(line);
	size_t n = strcspn(line, " \t");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (n == strlen(words[i].word) && strncasecmp(line, words[i].word, n) == 0)
			return words[i].set(c, blanks(line + n));
	err_set(ERR_INVALID, line, "no such change");
	return err_hint("CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL STOPSIGNAL USER "
			"VOLUME WORKDIR");
}

int
config_words(json_t *doc, const struct strlist *changes)
{
	struct changing c = {.config = config_object_in(doc, "config")};
	for (size_t i = 0; i < changes->n; i++)
		if (change(&c, changes->v[i]) < 0)
			return err_prefix("--change '%.100s'", changes->v[i]);
	return 0;
}
