/* SPDX-License-Identifier: MIT
 * What can be said against an instruction before anything is built.
 */
#include "base/auto.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "dfile/dfile_in.h"

#include <strings.h>

const char *
dfile_flag(const struct dfile_inst *in, const char *name)
{
	for (size_t i = 0; i < in->n_flags; i++)
		if (strcmp(in->flags[i].name, name) == 0)
			return in->flags[i].value ? in->flags[i].value : "";
	return NULL;
}

bool
dfile_flag_on(const struct dfile_inst *in, const char *name)
{
	const char *value = dfile_flag(in, name);
	return value && (!*value || strcasecmp(value, "true") == 0);
}

static int
unknown_flag(
	const char *file, const struct dfile_inst *in, const struct dfile_kind *k, const char *name)
{
	struct nearest near = NEAREST(name, strlen(name));
	for (const struct dfile_flag_kind *f = k->flags; f->name; f++)
		nearest_offer(&near, f->name);
	dfile_fail(file, in->first, "%s has no flag --%.80s", in->name, name);
	return near.best ? err_hint("did you mean --%s?", near.best) : -1;
}

/* As Go's time.ParseDuration takes it: 0 or with units. */
static bool
is_duration(const char *value)
{
	int64_t ns;
	if (is_digits(value))
		return strspn(value, "0") == strlen(value);
	return parse_duration(value, &ns) == 0 && (ns == 0 || ns >= 1000000);
}

static int
check_flag_value(const char *file, const struct dfile_inst *in, const struct dfile_flag_kind *k,
	const char *value)
{
	int64_t n;
	if (k->value == FLAG_BOOL) {
		if (!value || !*value || strcasecmp(value, "true") == 0 ||
			strcasecmp(value, "false") == 0)
			return 0;
		return dfile_fail(file, in->first, "%s --%s is true or false, not '%.80s'",
			in->name, k->name, value);
	}
	if (!value)
		return dfile_fail(file, in->first, "%s --%s needs a value (--%s=…)", in->name,
			k->name, k->name);
	if (k->value == FLAG_DURATION && !is_duration(value))
		return dfile_fail(file, in->first,
			"%s --%s is a time such as 30s or 1m30s, not '%.80s'", in->name, k->name,
			value);
	if (k->value == FLAG_NUMBER && parse_int(value, 0, INT32_MAX, &n) < 0)
		return dfile_fail(file, in->first, "%s --%s is a number, not '%.80s'", in->name,
			k->name, value);
	return 0;
}

static bool
flag_again(const struct dfile_inst *in, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(in->flags[j].name, in->flags[i].name) == 0)
			return true;
	return false;
}

static int
check_flags(const char *file, const struct dfile_inst *in, const struct dfile_kind *k)
{
	for (size_t i = 0; i < in->n_flags; i++) {
		const char *name = in->flags[i].name;
		const struct dfile_flag_kind *f = k->flags;
		while (f->name && strcmp(f->name, name) != 0)
			f++;
		if (!f->name)
			return unknown_flag(file, in, k, name);
		if (f->value != FLAG_LIST && flag_again(in, i))
			return dfile_fail(
				file, in->first, "%s --%s stands here twice", in->name, name);
		if (check_flag_value(file, in, f, in->flags[i].value) < 0)
			return -1;
	}
	return 0;
}

/* Numbers of arguments that say something else than "too few". */
static int
check_count(const char *file, const struct dfile_inst *in, const struct dfile_kind *k)
{
	size_t n = in->n_args;
	if (k->shape == SHAPE_JSON_WORDS && k->min == 2 && n < 2)
		return dfile_fail(file, in->first, "%s needs a source and a destination", in->name);
	if (n < k->min)
		return dfile_fail(file, in->first, "%s needs an argument", in->name);
	if (k->max && n > k->max)
		return dfile_fail(file, in->first, "%s takes at most %u arguments, not %zu",
			in->name, k->max, n);
	for (size_t i = 0; i < n; i++)
		if (strlen(in->args[i]) != in->lens[i])
			return dfile_fail(file, in->first,
				"an argument of %s holds a NUL character", in->name);
	return 0;
}

static int
check_from(const char *file, const struct dfile_inst *in)
{
	if (in->n_args == 1)
		return 0;
	if (in->n_args != 3 || strcasecmp(in->args[1], "AS") != 0)
		return dfile_fail(file, in->first, "FROM is followed by IMAGE or by IMAGE AS NAME");
	const char *name = in->args[2];
	bool ok = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	if (!ok || name[n])
		return dfile_fail(file, in->first,
			"'%.80s' is no name of a stage: a letter, then letters, digits, - _ and .",
			name);
	return 0;
}

static int
check_names(const char *file, const struct dfile_inst *in, size_t step)
{
	for (size_t i = 0; i < in->n_args; i += step)
		if (!in->args[i][0] || in->args[i][0] == '=')
			return dfile_fail(file, in->first, "%s: a name is empty", in->name);
	return 0;
}

static int
check_health(const char *file, const struct dfile_inst *in)
{
	const char *type = in->args[0];
	if (strcasecmp(type, "NONE") == 0)
		return in->n_args == 1
			? 0
			: dfile_fail(file, in->first, "HEALTHCHECK NONE takes no arguments");
	if (strcasecmp(type, "CMD") != 0)
		return dfile_fail(file, in->first,
			"HEALTHCHECK is followed by CMD or NONE, not by '%.80s'", type);
	if (in->n_args == 1)
		return dfile_fail(file, in->first, "HEALTHCHECK CMD needs a command");
	return 0;
}

static int
check_files(const char *file, const struct dfile_inst *in)
{
	const char *to = in->args[in->n_args - 1];
	if (dfile_heredoc_of(in, to))
		return dfile_fail(file, in->first, "%s: a here-document is no destination (%.80s)",
			in->name, to);
	return 0;
}

static int
check_volume(const char *file, const struct dfile_inst *in)
{
	for (size_t i = 0; i < in->n_args; i++)
		if (in->args[i][strspn(in->args[i], " \t\n\v\f\r")] == '\0')
			return dfile_fail(file, in->first, "VOLUME: a path is empty");
	return 0;
}

static int
check_trigger(const char *file, const struct dfile_inst *in)
{
	if (!in->trigger)
		return dfile_fail(file, in->first, "ONBUILD needs an instruction");
	const char *name = in->trigger->name;
	if (strcmp(name, "FROM") == 0 || strcmp(name, "MAINTAINER") == 0)
		return dfile_fail(file, in->first, "%s cannot stand within ONBUILD", name);
	return dfile_check_inst(file, in->trigger);
}

static bool
is(const struct dfile_inst *in, const char *name)
{
	return strcmp(in->name, name) == 0;
}

static int
check_own(const char *file, const struct dfile_inst *in)
{
	if (is(in, "FROM"))
		return check_from(file, in);
	if (is(in, "ENV") || is(in, "LABEL"))
		return check_names(file, in, 2);
	if (is(in, "ARG"))
		return check_names(file, in, 1);
	if (is(in, "HEALTHCHECK"))
		return check_health(file, in);
	if (is(in, "ADD") || is(in, "COPY"))
		return check_files(file, in);
	if (is(in, "VOLUME"))
		return check_volume(file, in);
	if (is(in, "ONBUILD"))
		return check_trigger(file, in);
	if (is(in, "RUN") && (in->n_args == 0 || (in->json && !in->args[0][0])))
		return dfile_fail(file, in->first, "RUN needs a command");
	if (is(in, "SHELL") && !in->json)
		return dfile_fail(
			file, in->first, "SHELL is a JSON array: SHELL [\"/bin/sh\", \"-c\"]");
	return 0;
}

int
dfile_check_inst(const char *file, const struct dfile_inst *in)
{
	const struct dfile_kind *k = dfile_kind(in->name, strlen(in->name));
	if (check_flags(file, in, k) < 0 || check_count(file, in, k) < 0)
		return -1;
	return check_own(file, in);
}

int
dfile_check_next(const char *file, size_t *stages, const struct dfile_inst *in)
{
	if (is(in, "FROM"))
		++*stages;
	if (*stages == 0 && !is(in, "ARG"))
		return dfile_fail(
			file, in->first, "%s stands before the first FROM: only ARG may", in->name);
	return dfile_check_inst(file, in);
}

int
dfile_check(const char *file, const struct dfile *d)
{
	size_t stages = 0;
	for (size_t i = 0; i < d->n; i++)
		if (dfile_check_next(file, &stages, &d->inst[i]) < 0)
			return -1;
	if (!stages)
		return err_set(ERR_INVALID, file, "%s: there is no FROM in it", file);
	return 0;
}
