/* SPDX-License-Identifier: MIT
 * One stage, from its FROM to its end: step after step, each done or found in the cache.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/human.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/config.h"
#include "image/creds.h"
#include "image/image.h"
#include "image/ref.h"
#include "image/sha256.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- variables ---- */

/* ENV comes before an ARG of the same name. */
static const char *
lookup(void *ctx, const char *name)
{
	const struct stage *s = ctx;
	const char *value = state_env(&s->st, name);
	return value ? value : vars_get(&s->args, name);
}

/* ---- images ---- */

/* Whether it is here; then *is gets what it runs on. */
static bool
is_there(const struct build *b, const char *name, struct platform *is)
{
	auto_image struct image img = {0};
	struct err before = err;
	bool found = image_find(b->store, name, &img) == 0;
	*is = img.platform;
	err = before;
	return found;
}

/* Who we are to the registry of an image goes by a pipe, which holds it all: *fd is its end to read
 * from, -1 when nothing is known. */
static int
open_creds(const char *name, int *fd)
{
	struct ref ref;
	int ends[2], known = 0;
	auto_buf struct buf text = BUF_INIT;
	*fd = -1;
	if (!asked.auths || ref_parse_name(name, &ref) < 0)
		return 0;
	if ((known = creds_of_auths(asked.auths, ref.host, &text)) <= 0)
		return known;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys("pipe2", name, "cannot make a pipe for img-pull");
	ssize_t n = write(ends[1], text.s, text.len);
	explicit_bzero(text.s, text.len);
	close(ends[1]);
	*fd = ends[0];
	return n == (ssize_t)text.len
		? 0
		: err_set(ERR_INVALID, ref.host, "the password for %s is too long", ref.host);
}

static int
pull(const char *name, const char *platform)
{
	struct strlist l = {0};
	auto_fd int creds = -1;
	if (open_creds(name, &creds) < 0)
		return -1;
	strlist_add(&l, "img-pull");
	if (asked.progress != PROGRESS_PLAIN)
		strlist_add(&l, "-q");
	if (creds >= 0)
		strlist_add(&l, "--creds-fd=0");
	if (platform) {
		strlist_add(&l, "--platform");
		strlist_add(&l, platform);
	}
	strlist_add(&l, name);
	strlist_add(&l, NULL);
	int r = run_tool_fed("the image, which is not here", l.v, creds, NULL);
	free(l.v);
	return r < 0 ? err_set(ERR_NOT_FOUND, name, "cannot get image %s", name) : 0;
}

static bool
fits(const struct platform *wanted, const struct platform *is)
{
	return !*is->arch || platform_rank(wanted, is) > 0;
}

static void
warn_platform(const char *name, const struct platform *wanted, const struct platform *is)
{
	auto_buf struct buf want = BUF_INIT, has = BUF_INIT;
	platform_text(wanted, &want);
	platform_text(is, &has);
	report_warning("%s is for %s, not for %s", name, has.s, want.s);
}

int
image_get(struct build *b, const char *name, const char *platform, struct state *st)
{
	struct platform wanted, is;
	if (platform && platform_parse(platform, &wanted) < 0)
		return -1;
	bool there = is_there(b, name, &is), fit = there && (!platform || fits(&wanted, &is));
	if ((asked.pull || !fit) && pull(name, platform) < 0) {
		/* It may be one that no registry has. */
		if (asked.pull || !there)
			return -1;
		err_clear();
	}
	if (!fit) {
		there = is_there(b, name, &is);
		if (there && platform && !step_dry() && !fits(&wanted, &is))
			warn_platform(name, &wanted, &is);
	}
	if (step_dry() && !there) {
		state_scratch(platform ? &wanted : &asked.wanted, st);
		return 0;
	}
	return state_from_image(b->store, name, st);
}

int
state_of(struct build *b, const char *from, struct state *st)
{
	int other = plan_find(b, from);
	if (other >= 0 && !b->stages[other].st.config) {
		err_set(ERR_CONFLICT, from, "stage %s was not built before it is needed", from);
		return err_hint("ONBUILD of an image names it: pull that image first, so that it "
				"is known what its triggers need");
	}
	if (other >= 0) {
		state_copy(&b->stages[other].st, st);
		return 0;
	}
	return image_get(b, from, NULL, st);
}

/* ---- one step ---- */

void
task_free(struct task *p)
{
	copying_free(p->copying);
	dfile_inst_free(&p->x);
	buf_free(&p->key);
	buf_free(&p->by);
	buf_free(&p->seen);
	buf_free(&p->shown);
}

static bool
is_copy(const struct task *p)
{
	return strcmp(p->raw->name, "COPY") == 0 || strcmp(p->raw->name, "ADD") == 0;
}

static bool
is_run(const struct task *p)
{
	return strcmp(p->raw->name, "RUN") == 0;
}

static int
prepare(struct task *p)
{
	if (is_run(p))
		return run_prepare(p);
	if (is_copy(p))
		return copy_prepare(p);
	settings_by(p, &p->by);
	settings_key(p, &p->key);
	return 0;
}

static int
make(struct task *p, struct build_record *r)
{
	if (is_run(p))
		return run_make(p, r);
	if (is_copy(p))
		return copy_make(p, r);
	return strcmp(p->raw->name, "WORKDIR") == 0 ? workdir_make(p, r) : 0;
}

void
build_epoch_key(const struct build *b, struct buf *key)
{
	if (b->clamp)
		buf_addf(key, "epoch %lld\n", (long long)b->now);
}

static void
key_of(const struct task *p, char key[DIGEST_SIZE])
{
	auto_buf struct buf text = BUF_INIT;
	buf_addf(&text, "%s\n%s\n", p->s->st.id, p->raw->name);
	build_epoch_key(p->b, &text);
	buf_add(&text, buf_str(&p->key), p->key.len);
	sha256_of(text.s, text.len, key);
}

static bool
find_record(const struct task *p, const char *key, struct build_record *r)
{
	struct err before = err;
	bool found = false;
	if (asked.no_cache)
		return false;
	found = build_cache_get(p->b->store, key, r) == 1;
	/* What is copied is not in the history: that is looked at when it was. */
	if (!found && !is_copy(p))
		found = cache_from_text(p, r);
	err = before;
	return found;
}

/* Whether what it makes is the image. */
static bool
is_last(const struct task *p)
{
	const struct stage *s = p->s;
	return s->number == p->b->target && !asked.labels.n &&
		p->raw == &p->b->d.inst[s->first + s->n - 1];
}

/* Not what came of files that were changed between their sum and their copy. That may lack what the
 * place of the copy cannot have, such as an attribute: then it is looked whether they are as they
 * were. */
static int
record(struct task *p, const char *key, const struct build_record *r)
{
	auto_buf struct buf before = BUF_INIT, again = BUF_INIT;
	if (step_dry())
		return 0;
	if (strcmp(buf_str(&p->seen), buf_str(&p->shown)) != 0) {
		buf_adds(&before, buf_str(&p->seen));
		if (mounts_key(p, &again) < 0)
			err_clear();
		if (strcmp(buf_str(&p->seen) + before.len, before.s) != 0)
			return 0;
	}
	return build_cache_put(key, r);
}

static int
do_step(struct task *p)
{
	struct build_record r = {.created = p->b->now};
	char key[DIGEST_SIZE];
	if (dfile_expand(p->b->ctx.name, p->raw, p->b->d.escape, lookup, p->s, &p->x) < 0)
		return -1;
	if (prepare(p) < 0)
		return err_prefix("%s:%u", p->b->ctx.name, p->raw->first);
	key_of(p, key);
	if (find_record(p, key, &r)) {
		report_cached();
		if (p->b->clamp)
			r.created = p->b->now;
	} else if (make(p, &r) < 0 || record(p, key, &r) < 0) {
		return err_prefix("%s:%u", p->b->ctx.name, p->raw->first);
	}
	/* What it would make has no name yet. */
	if (step_dry() && r.has_layer && !*r.layer.chain) {
		tell_line(": # its layer joins those below");
		r.has_layer = false;
	}
	/* What RUN and COPY have done is their layer, whichever way they came to it. */
	if (settings_change(p) < 0 ||
		state_add(&p->s->st, r.created, p->by.s,
			is_run(p) || is_copy(p) ? "" : buf_str(&p->key),
			r.has_layer ? &r.layer : NULL) < 0)
		return err_prefix("%s:%u", p->b->ctx.name, p->raw->first);
	if (is_last(p))
		state_identify(&p->s->st);
	report_id(digest_hex(p->s->st.id));
	return 0;
}

static int
run_step(struct build *b, struct stage *s, const struct dfile_inst *in)
{
	struct task p = {.b = b, .s = s, .raw = in};
	if (step_dry())
		tell_line(fmt_new("# %s", in->original));
	int r = do_step(&p);
	task_free(&p);
	return r;
}

/* ---- FROM, and what the image of it wants to be done ---- */

static int
begin(struct build *b, struct stage *s)
{
	const char *platform = s->platform ? s->platform : asked.platform;
	struct platform p = asked.wanted;
	if (s->platform && platform_parse(s->platform, &p) < 0)
		return -1;
	if (s->base >= 0) {
		state_copy(&b->stages[s->base].st, &s->st);
		s->st.n_base = s->st.n;
	} else if (strcmp(s->image, "scratch") == 0) {
		state_scratch(&p, &s->st);
	} else if (image_get(b, s->image, platform, &s->st) < 0) {
		return -1;
	}
	report_id(strcmp(s->image, "scratch") == 0 && s->base < 0 ? "" : digest_hex(s->st.id));
	return 0;
}

/* Where programs are is known to every image, so that ENV PATH=/x:$PATH adds to it (BuildKit,
 * dockerfile2llb, "DefaultPathEnv"). */
static int
set_path(struct stage *s)
{
	static const char *const path[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
	const struct config_changes c = {.env = {.v = (const char **)(uintptr_t)path, .n = 1}};
	if (state_env(&s->st, "PATH"))
		return 0;
	if (config_change(s->st.config, &c) < 0)
		return -1;
	state_identify(&s->st);
	return 0;
}

static int
trigger(struct build *b, struct stage *s, const char *line)
{
	auto_dfile struct dfile d = {0};
	if (dfile_parse("ONBUILD", line, strlen(line), &d) < 0)
		return -1;
	for (size_t i = 0; i < d.n; i++)
		if (dfile_check_inst("ONBUILD", &d.inst[i]) < 0 || run_step(b, s, &d.inst[i]) < 0)
			return -1;
	return 0;
}

static int
triggers(struct build *b, struct stage *s)
{
	json_t *c = state_settings(&s->st), *item;
	auto_json json_t *list = json_incref(json_object_get(c, "OnBuild"));
	size_t i, n = json_array_size(list);
	if (!n)
		return 0;
	json_object_del(c, "OnBuild");
	state_identify(&s->st);
	report_line("# Executing %zu build trigger%s", n, n == 1 ? "" : "s");
	json_array_foreach(list, i, item) if (trigger(b, s, json_string_value(item)) < 0) return -1;
	return 0;
}

/* --label, as if it stood at the end of the Dockerfile. */
static int
add_labels(struct build *b, struct stage *s)
{
	struct config_changes c = {.label = asked.labels};
	auto_buf struct buf by = BUF_INIT;
	buf_adds(&by, "LABEL");
	for (size_t i = 0; i < asked.labels.n; i++)
		buf_addf(&by, " %s", asked.labels.v[i]);
	report_step(b->steps, b->steps, by.s);
	/* The same labels give the same image as long as the image before is the same. */
	const char *created = json_string_value(json_object_get(s->st.config, "created"));
	time_t when = (time_t)b->now;
	if (created && parse_rfc3339(created, &when) < 0)
		return -1;
	if (config_change(s->st.config, &c) < 0 || state_add(&s->st, when, by.s, "", NULL) < 0)
		return -1;
	state_identify(&s->st);
	report_id(digest_hex(s->st.id));
	return 0;
}

int
stage_run(struct build *b, struct stage *s)
{
	const struct dfile_inst *from = &b->d.inst[s->first];
	report_step(s->step, b->steps, from->original);
	if (begin(b, s) < 0)
		return err_prefix("%s:%u", b->ctx.name, from->first);
	if (set_path(s) < 0 || triggers(b, s) < 0)
		return -1;
	for (size_t i = 1; i < s->n; i++) {
		const struct dfile_inst *in = &b->d.inst[s->first + i];
		report_step(s->step + (unsigned)i, b->steps, in->original);
		if (run_step(b, s, in) < 0)
			return -1;
	}
	return s->number == b->target && asked.labels.n ? add_labels(b, s) : 0;
}
