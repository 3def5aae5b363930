/* SPDX-License-Identifier: MIT
 * The instructions there are: docs.docker.com/reference/dockerfile.
 */
#include "dfile/dfile_in.h"

#include <stdio.h>
#include <strings.h>

static const struct dfile_flag_kind no_flags[] = {{0}};

static const struct dfile_flag_kind add_flags[] = {
	{"chown", FLAG_TEXT, true},
	{"chmod", FLAG_TEXT, true},
	{"checksum", FLAG_TEXT, true},
	{"exclude", FLAG_LIST, true},
	{"link", FLAG_BOOL, false},
	{"keep-git-dir", FLAG_BOOL, false},
	{"unpack", FLAG_BOOL, false},
	{0},
};

static const struct dfile_flag_kind copy_flags[] = {
	{"from", FLAG_TEXT, false},
	{"chown", FLAG_TEXT, true},
	{"chmod", FLAG_TEXT, true},
	{"exclude", FLAG_LIST, true},
	{"link", FLAG_BOOL, false},
	{"parents", FLAG_BOOL, false},
	{0},
};

static const struct dfile_flag_kind from_flags[] = {{"platform", FLAG_TEXT, true}, {0}};

static const struct dfile_flag_kind health_flags[] = {
	{"interval", FLAG_DURATION, false},
	{"timeout", FLAG_DURATION, false},
	{"start-period", FLAG_DURATION, false},
	{"start-interval", FLAG_DURATION, false},
	{"retries", FLAG_NUMBER, false},
	{0},
};

static const struct dfile_flag_kind run_flags[] = {
	{"mount", FLAG_LIST, true},
	{"network", FLAG_TEXT, false},
	{"security", FLAG_TEXT, false},
	{0},
};

static const struct dfile_kind kinds[] = {
	{"ADD", SHAPE_JSON_WORDS, EXPAND_ARGS, 2, 0, true, add_flags},
	{"ARG", SHAPE_QUOTED, EXPAND_NAMES, 1, 0, false, no_flags},
	{"CMD", SHAPE_JSON, EXPAND_NOTHING, 0, 0, false, no_flags},
	{"COPY", SHAPE_JSON_WORDS, EXPAND_ARGS, 2, 0, true, copy_flags},
	{"ENTRYPOINT", SHAPE_JSON, EXPAND_NOTHING, 0, 0, false, no_flags},
	{"ENV", SHAPE_PAIRS, EXPAND_ARGS, 2, 0, false, no_flags},
	{"EXPOSE", SHAPE_WORDS, EXPAND_SPLIT, 1, 0, false, no_flags},
	{"FROM", SHAPE_WORDS, EXPAND_FIRST, 1, 3, false, from_flags},
	{"HEALTHCHECK", SHAPE_HEALTH, EXPAND_NOTHING, 1, 0, false, health_flags},
	{"LABEL", SHAPE_PAIRS, EXPAND_ARGS, 2, 0, false, no_flags},
	{"MAINTAINER", SHAPE_STRING, EXPAND_NOTHING, 1, 1, false, no_flags},
	{"ONBUILD", SHAPE_SUB, EXPAND_NOTHING, 0, 0, false, no_flags},
	{"RUN", SHAPE_JSON, EXPAND_NOTHING, 0, 0, true, run_flags},
	{"SHELL", SHAPE_JSON, EXPAND_NOTHING, 1, 0, false, no_flags},
	{"STOPSIGNAL", SHAPE_STRING, EXPAND_ARGS, 1, 1, false, no_flags},
	{"USER", SHAPE_STRING, EXPAND_ARGS, 1, 1, false, no_flags},
	{"VOLUME", SHAPE_JSON_WORDS, EXPAND_ARGS, 1, 0, false, no_flags},
	{"WORKDIR", SHAPE_STRING, EXPAND_ARGS, 1, 1, false, no_flags},
	{0},
};

const struct dfile_kind *
dfile_kinds(void)
{
	return kinds;
}

const struct dfile_kind *
dfile_kind(const char *name, size_t len)
{
	for (const struct dfile_kind *k = kinds; k->name; k++)
		if ((k->name[0] | 32) == (*name | 32) && strncasecmp(k->name, name, len) == 0 &&
			!k->name[len])
			return k;
	return NULL;
}

int
dfile_fail(const char *file, unsigned line, const char *fmt, ...)
{
	char what[sizeof(err.message)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(ERR_INVALID, file, "%s:%u: %s", file, line, what);
}
