/* SPDX-License-Identifier: MIT
 * The instructions that change no file but what the image says of itself.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "box/box.h"
#include "image/config.h"

#include <string.h>

/* ---- each of them ---- */

static json_t *
text(const char *s)
{
	json_t *j = json_string(s);
	return j ? j : json_string("");
}

/* The list of words, or the shell that SHELL names and a line for it. */
static json_t *
command(const struct task *p, char *const *words, size_t n)
{
	const json_t *shell = json_object_get(state_settings(&p->s->st), "Shell");
	json_t *list = json_array();
	if (!p->x.json && n) {
		if (json_array_size(shell)) {
			json_array_extend(list, (json_t *)(uintptr_t)shell);
		} else {
			json_array_append_new(list, json_string("/bin/sh"));
			json_array_append_new(list, json_string("-c"));
		}
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, text(words[i]));
	return list;
}

static int
pairs(struct task *p, struct strlist *out)
{
	for (size_t i = 0; i + 1 < p->x.n_args; i += 2)
		strlist_add(out, fmt_new("%s=%s", p->x.args[i], p->x.args[i + 1]));
	return 0;
}

static int
do_env(struct task *p)
{
	struct config_changes c = {0};
	pairs(p, &c.env);
	return config_change(p->s->st.config, &c);
}

static int
do_label(struct task *p)
{
	struct config_changes c = {0};
	pairs(p, &c.label);
	return config_change(p->s->st.config, &c);
}

static int
do_expose(struct task *p)
{
	struct config_changes c = {0};
	for (size_t i = 0; i < p->x.n_args; i++)
		strlist_add(&c.expose, p->x.args[i]);
	return config_change(p->s->st.config, &c);
}

static int
do_volume(struct task *p)
{
	for (size_t i = 0; i < p->x.n_args; i++) {
		json_t *c = state_settings(&p->s->st), *v = json_object_get(c, "Volumes");
		if (!*p->x.args[i])
			return err_set(ERR_INVALID, "VOLUME", "VOLUME: a path is empty");
		if (!json_is_object(v))
			json_object_set_new(c, "Volumes", v = json_object());
		json_object_set_new(v, p->x.args[i], json_object());
	}
	return 0;
}

static int
do_user(struct task *p)
{
	struct config_changes c = {.user = p->x.args[0]};
	return config_change(p->s->st.config, &c);
}

static int
do_workdir(struct task *p)
{
	auto_free char *path = absolute_path(&p->s->st, p->x.args[0]);
	struct config_changes c = {.workdir = path};
	return config_change(p->s->st.config, &c);
}

static int
do_stopsignal(struct task *p)
{
	struct config_changes c = {.stop_signal = p->x.args[0]};
	if (box_signal(p->x.args[0]) < 0)
		return -1;
	return config_change(p->s->st.config, &c);
}

static int
do_maintainer(struct task *p)
{
	return json_object_set_new(p->s->st.config, "author", text(p->x.args[0]));
}

static int
do_cmd(struct task *p)
{
	p->s->cmd_set = true;
	return json_object_set_new(
		state_settings(&p->s->st), "Cmd", command(p, p->x.args, p->x.n_args));
}

/* A command that was inherited was meant for another program. */
static int
do_entrypoint(struct task *p)
{
	json_t *c = state_settings(&p->s->st);
	if (!p->s->cmd_set)
		json_object_del(c, "Cmd");
	return json_object_set_new(c, "Entrypoint", command(p, p->x.args, p->x.n_args));
}

static int
do_shell(struct task *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->x.n_args; i++)
		json_array_append_new(list, text(p->x.args[i]));
	return json_object_set_new(state_settings(&p->s->st), "Shell", list);
}

static int
duration(struct task *p, const char *flag, json_t *check, const char *key)
{
	const char *value = dfile_flag(&p->x, flag);
	int64_t ns;
	if (!value)
		return 0;
	if (parse_duration(value, &ns) < 0)
		return err_prefix("--%s", flag);
	if (ns)
		json_object_set_new(check, key, json_integer(ns));
	return 0;
}

static int
do_healthcheck(struct task *p)
{
	json_t *check = json_object(), *test;
	const char *retries = dfile_flag(&p->x, "retries");
	int64_t n;
	json_object_set_new(state_settings(&p->s->st), "Healthcheck", check);
	if (strcasecmp(p->x.args[0], "NONE") == 0)
		return json_object_set_new(check, "Test", json_pack("[s]", "NONE"));
	test = json_array();
	json_array_append_new(test, json_string(p->x.json ? "CMD" : "CMD-SHELL"));
	for (size_t i = 1; i < p->x.n_args; i++)
		json_array_append_new(test, text(p->x.args[i]));
	json_object_set_new(check, "Test", test);
	if (duration(p, "interval", check, "Interval") < 0 ||
		duration(p, "timeout", check, "Timeout") < 0 ||
		duration(p, "start-period", check, "StartPeriod") < 0 ||
		duration(p, "start-interval", check, "StartInterval") < 0)
		return -1;
	if (!retries)
		return 0;
	if (parse_int(retries, 0, INT32_MAX, &n) < 0)
		return err_prefix("--retries");
	return n ? json_object_set_new(check, "Retries", json_integer(n)) : 0;
}

/* The instruction behind ONBUILD, with its here-documents. */
static void
trigger_text(const struct task *p, struct buf *out)
{
	const char *line = p->raw->original + strcspn(p->raw->original, " \t");
	buf_adds(out, line + strspn(line, " \t"));
	for (size_t i = 0; p->raw->trigger && i < p->raw->trigger->n_heredocs; i++) {
		const struct dfile_heredoc *h = &p->raw->trigger->heredocs[i];
		buf_addf(out, "\n%s%s", h->content, h->name);
	}
}

static int
do_onbuild(struct task *p)
{
	json_t *c = state_settings(&p->s->st), *list = json_object_get(c, "OnBuild");
	auto_buf struct buf whole = BUF_INIT;
	trigger_text(p, &whole);
	if (!json_is_array(list))
		json_object_set_new(c, "OnBuild", list = json_array());
	return json_array_append_new(list, text(whole.s));
}

/* Declared, with the value that --build-arg gives, or that of the same ARG before the first FROM,
 * or its own. */
static int
do_arg(struct task *p)
{
	for (size_t i = 0; i < p->x.n_args; i++) {
		auto_free char *name = str_new(p->x.args[i]);
		char *own = strchr(name, '=');
		if (own)
			*own++ = '\0';
		const char *value = asked_arg(name);
		if (!value)
			value = own;
		if (!value && vars_has(&p->b->global, name))
			value = vars_get(&p->b->global, name);
		if (!value)
			value = platform_arg(name);
		vars_set(&p->s->args, name, value);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*change)(struct task *p);
} all[] = {
	{"ARG", do_arg},
	{"CMD", do_cmd},
	{"ENTRYPOINT", do_entrypoint},
	{"ENV", do_env},
	{"EXPOSE", do_expose},
	{"HEALTHCHECK", do_healthcheck},
	{"LABEL", do_label},
	{"MAINTAINER", do_maintainer},
	{"ONBUILD", do_onbuild},
	{"SHELL", do_shell},
	{"STOPSIGNAL", do_stopsignal},
	{"USER", do_user},
	{"VOLUME", do_volume},
	{"WORKDIR", do_workdir},
};

int
settings_change(struct task *p)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].name, p->raw->name) == 0)
			return all[i].change(p);
	return 0;
}

/* ---- what the history says ---- */

void
settings_by(const struct task *p, struct buf *out)
{
	const struct dfile_inst *x = &p->x;
	bool pairs_of = strcmp(x->name, "ENV") == 0 || strcmp(x->name, "LABEL") == 0;
	buf_adds(out, x->name);
	for (size_t i = 0; i < x->n_flags; i++)
		buf_addf(out, x->flags[i].value ? " --%s=%s" : " --%s", x->flags[i].name,
			x->flags[i].value);
	if (strcmp(x->name, "ONBUILD") == 0)
		buf_adds(out, p->raw->original + strcspn(p->raw->original, " \t"));
	if (strcmp(x->name, "CMD") == 0 || strcmp(x->name, "ENTRYPOINT") == 0 ||
		strcmp(x->name, "SHELL") == 0) {
		auto_json json_t *list = strcmp(x->name, "SHELL") == 0
			? json_array()
			: command(p, x->args, x->n_args);
		for (size_t i = 0; !json_array_size(list) && i < x->n_args; i++)
			json_array_append_new(list, text(x->args[i]));
		buf_addc(out, ' ');
		json_visible(list, JSON_COMPACT, out);
		return;
	}
	for (size_t i = 0; i < x->n_args; i++)
		buf_addf(out, "%s%s", i % 2 && pairs_of ? "=" : " ", x->args[i]);
}

/* ---- what tells it from others ---- */

void
key_word(struct buf *key, const char *word)
{
	buf_addf(key, "%zu:%s ", strlen(word), word);
}

void
settings_key(const struct task *p, struct buf *out)
{
	const struct dfile_inst *x = &p->x;
	auto_buf struct buf trigger = BUF_INIT;
	buf_addf(out, "%s %zu ", x->json ? "list" : "line", x->n_flags);
	for (size_t i = 0; i < x->n_flags; i++) {
		key_word(out, x->flags[i].name);
		key_word(out, x->flags[i].value ? x->flags[i].value : "");
	}
	for (size_t i = 0; i < x->n_args; i++)
		key_word(out, x->args[i]);
	if (strcmp(x->name, "ONBUILD") != 0)
		return;
	trigger_text(p, &trigger);
	key_word(out, buf_str(&trigger));
}
