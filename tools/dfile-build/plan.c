/* SPDX-License-Identifier: MIT
 * What the stages are, what they need of each other, and which of them the target needs.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/parse.h"
#include "image/image.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What stands in FROM knows the ARGs before the first stage, and those of the platform. */
static const char *
global(void *ctx, const char *name)
{
	const struct build *b = ctx;
	const char *value = vars_get(&b->global, name);
	return value ? value : platform_arg(name);
}

static int
global_arg(struct build *b, const struct dfile_inst *in)
{
	struct dfile_inst x;
	if (dfile_expand(b->ctx.name, in, b->d.escape, global, b, &x) < 0)
		return -1;
	for (size_t i = 0; i < x.n_args; i++) {
		char *sign = strchr(x.args[i], '=');
		const char *given;
		if (sign)
			*sign = '\0';
		given = asked_arg(x.args[i]);
		if (!given && !sign)
			given = platform_arg(x.args[i]);
		vars_set(&b->global, x.args[i], given ? given : sign ? sign + 1 : NULL);
	}
	dfile_inst_free(&x);
	return 0;
}

int
plan_find(const struct build *b, const char *name)
{
	int64_t number;
	struct err before = err;
	for (size_t i = b->n; i-- > 0;)
		if (b->stages[i].name && strcasecmp(b->stages[i].name, name) == 0)
			return (int)i;
	bool there = is_digits(name) && parse_int(name, 0, (int64_t)b->n - 1, &number) == 0;
	err = before;
	return there ? (int)number : -1;
}

static int
fail_at(const struct build *b, const struct dfile_inst *in)
{
	return err_prefix("%s:%u", b->ctx.name, in->first);
}

/* A name that stands before it; a number would be an image (BuildKit, too, has it so). */
static int
base_of(const struct build *b, unsigned before, const char *image)
{
	for (unsigned i = before; i-- > 0;)
		if (b->stages[i].name && strcasecmp(b->stages[i].name, image) == 0)
			return (int)i;
	return -1;
}

static int
begin_stage(struct build *b, size_t at)
{
	const struct dfile_inst *in = &b->d.inst[at];
	struct dfile_inst x;
	unsigned number = (unsigned)b->n;
	b->stages = realloc(b->stages, (b->n + 1) * sizeof(*b->stages));
	if (!b->stages)
		abort();
	struct stage *s = &b->stages[b->n++];
	*s = (struct stage){.number = number, .first = at, .n = 1, .base = -1};
	if (dfile_expand(b->ctx.name, in, b->d.escape, global, b, &x) < 0)
		return -1;
	s->image = str_new(x.n_args ? x.args[0] : "");
	const char *platform = dfile_flag(&x, "platform");
	s->platform = platform && *platform ? str_new(platform) : NULL;
	if (x.n_args == 3) {
		s->name = str_new(x.args[2]);
		for (char *p = s->name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	}
	dfile_inst_free(&x);
	if (!*s->image) {
		err_set(ERR_INVALID, in->original, "base name (%s) should not be blank",
			in->args[0]);
		return fail_at(b, in);
	}
	s->base = base_of(b, number, s->image);
	return 0;
}

static void
need(struct build *b, struct stage *s, const char *from)
{
	int other = from && *from ? plan_find(b, from) : -1;
	if (other >= 0)
		s->needs[other] = true;
}

/* "type=bind,from=build,…": what stands behind from=. */
static void
need_mount(struct build *b, struct stage *s, const char *mount)
{
	for (const char *p = mount; p && *p;) {
		size_t n = strcspn(p, ",");
		if (strncmp(p, "from=", 5) == 0) {
			char *from = fmt_new("%.*s", (int)n - 5, p + 5);
			need(b, s, from);
			free(from);
		}
		p += n + (p[n] == ',');
	}
}

static void
needs_of(struct build *b, struct stage *s, const struct dfile_inst *in)
{
	for (size_t k = 0; k < in->n_flags; k++) {
		if (strcmp(in->flags[k].name, "from") == 0)
			need(b, s, in->flags[k].value);
		if (strcmp(in->flags[k].name, "mount") == 0)
			need_mount(b, s, in->flags[k].value);
	}
}

/* What ONBUILD of the image below does may take files of stages, too. Of an image that is not here
 * yet nobody knows. */
static void
needs_of_image(struct build *b, struct stage *s)
{
	auto_image struct image img = {0};
	struct err before = err;
	json_t *item;
	size_t i;
	if (image_find(b->store, s->image, &img) == 0) {
		json_array_foreach(
			json_object_get(json_object_get(img.config, "config"), "OnBuild"), i, item)
		{
			auto_dfile struct dfile d = {0};
			const char *line = json_string_value(item);
			if (line && dfile_parse("ONBUILD", line, strlen(line), &d) == 0)
				for (size_t k = 0; k < d.n; k++)
					needs_of(b, s, &d.inst[k]);
		}
	}
	err = before;
}

static void
find_needs(struct build *b, struct stage *s)
{
	s->needs = calloc(b->n, sizeof(*s->needs));
	if (!s->needs)
		abort();
	for (size_t i = s->first + 1; i < s->first + s->n; i++)
		needs_of(b, s, &b->d.inst[i]);
	if (s->base < 0) {
		if (b->n > 1 && strcmp(s->image, "scratch") != 0)
			needs_of_image(b, s);
		return;
	}
	const struct stage *base = &b->stages[s->base];
	s->needs[s->base] = true;
	for (size_t i = base->first + 1; i < base->first + base->n; i++)
		if (b->d.inst[i].trigger)
			needs_of(b, s, b->d.inst[i].trigger);
}

/* Marks a stage and all that it needs, without recursion: there may be thousands in a row. A stage
 * that needs itself by way of others would wait for ever. */
static int
mark(struct build *b, unsigned target)
{
	unsigned *stack = calloc(b->n + 1, sizeof(*stack)), depth = 0;
	size_t *next = calloc(b->n + 1, sizeof(*next));
	bool *open = calloc(b->n + 1, sizeof(*open));
	int r = 0;
	if (!stack || !next || !open)
		abort();
	stack[depth++] = target;
	open[target] = b->stages[target].needed = true;
	while (depth && r == 0) {
		struct stage *s = &b->stages[stack[depth - 1]];
		size_t i = next[s->number]++;
		if (i == b->n) {
			open[s->number] = false;
			depth--;
		} else if (s->needs[i] && open[i]) {
			r = err_set(ERR_INVALID, s->name,
				"circular dependency detected on stage: %s",
				s->name ? s->name : s->image);
			fail_at(b, &b->d.inst[s->first]);
		} else if (s->needs[i] && !b->stages[i].needed) {
			open[i] = b->stages[i].needed = true;
			stack[depth++] = (unsigned)i;
		}
	}
	free(stack);
	free(next);
	free(open);
	return r;
}

static int
choose_target(struct build *b)
{
	int at = asked.target ? plan_find(b, asked.target) : (int)b->n - 1;
	if (at < 0)
		return err_set(ERR_INVALID, asked.target,
			"target stage \"%s\" could not be found in %s", asked.target, b->ctx.name);
	b->target = (unsigned)at;
	return 0;
}

static int
find_stages(struct build *b)
{
	for (size_t i = 0; i < b->d.n; i++) {
		const struct dfile_inst *in = &b->d.inst[i];
		if (strcmp(in->name, "FROM") == 0) {
			if (begin_stage(b, i) < 0)
				return -1;
		} else if (b->n) {
			b->stages[b->n - 1].n++;
		} else if (strcmp(in->name, "ARG") == 0 && global_arg(b, in) < 0) {
			return -1;
		}
	}
	return b->n ? 0
		    : err_set(ERR_INVALID, b->ctx.name, "%s has no FROM: there is nothing to build",
			      b->ctx.name);
}

int
plan_make(struct build *b)
{
	if (dfile_check(b->ctx.name, &b->d) < 0 || find_stages(b) < 0 || choose_target(b) < 0)
		return -1;
	for (size_t i = 0; i < b->n; i++)
		find_needs(b, &b->stages[i]);
	if (mark(b, b->target) < 0)
		return -1;
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; b->stages[i].needed && k < b->n; k++)
			b->stages[k].users += b->stages[i].needs[k];
	b->stages[b->target].users++;
	/* ARG before the first FROM is a step, too. */
	b->steps = (unsigned)b->stages[0].first;
	for (size_t i = 0; i < b->n; i++) {
		b->stages[i].step = b->steps + 1;
		b->steps += b->stages[i].needed ? (unsigned)b->stages[i].n : 0;
	}
	b->steps += asked.labels.n > 0;
	return 0;
}
