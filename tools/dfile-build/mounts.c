/* SPDX-License-Identifier: MIT
 * RUN --mount: what a program sees beside its image, and what is in no layer.
 *
 * Sources are opened below the root of the stage, image, context or cache that they lie in, and
 * bound by their descriptors to places of the build's own; a symlink in them leads nowhere else,
 * however it is changed meanwhile.
 */
#include "mounts.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/step.h"
#include "door/sys.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* ---- what stands in the flag ---- */

static char **
place_of(struct asked_mount *m, const char *key, size_t n)
{
	const struct {
		const char *name;
		char **place;
	} all[] = {{"type", &m->type}, {"target", &m->target}, {"dst", &m->target},
		{"destination", &m->target}, {"source", &m->source}, {"src", &m->source},
		{"from", &m->from}, {"id", &m->id}, {"sharing", &m->sharing}, {"env", &m->env},
		{"size", &m->size}, {"mode", &m->mode}, {"uid", &m->uid}, {"gid", &m->gid}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == n && strncmp(all[i].name, key, n) == 0)
			return all[i].place;
	return NULL;
}

static bool
is_true(const char *value)
{
	return !*value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static int
set_key(struct asked_mount *m, const char *part)
{
	size_t n = strcspn(part, "=");
	const char *value = part[n] ? part + n + 1 : "";
	char **place = place_of(m, part, n);
	if (place) {
		free(*place);
		*place = str_new(value);
		return 0;
	}
	if ((n == 8 && strncmp(part, "readonly", n) == 0) ||
		(n == 2 && strncmp(part, "ro", n) == 0))
		m->ro = is_true(value);
	else if ((n == 9 && strncmp(part, "readwrite", n) == 0) ||
		(n == 2 && strncmp(part, "rw", n) == 0))
		m->rw = is_true(value);
	else if (n == 8 && strncmp(part, "required", n) == 0)
		m->required = is_true(value);
	else
		return err_set(ERR_INVALID, part, "--mount: unexpected key '%.*s'", (int)n, part);
	return 0;
}

static void
free_mount(struct asked_mount *m)
{
	char **all[] = {&m->type, &m->target, &m->source, &m->from, &m->id, &m->sharing, &m->env,
		&m->size, &m->mode, &m->uid, &m->gid};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(*all[i]);
	*m = (struct asked_mount){0};
}

/* A line of CSV: a part in double quotes may hold commas. */
static int
parse(const char *text, struct asked_mount *m)
{
	*m = (struct asked_mount){0};
	while (*text) {
		auto_buf struct buf part = BUF_INIT;
		bool quoted = *text == '"';
		text += quoted;
		for (; *text && (quoted || *text != ','); text++) {
			if (quoted && *text == '"') {
				if (text[1] != '"') {
					text++;
					break;
				}
				text++;
			}
			buf_addc(&part, *text);
		}
		text += *text == ',';
		if (part.len && set_key(m, part.s) < 0)
			return -1;
	}
	return 0;
}

static int
check(const struct task *p, struct asked_mount *m)
{
	static const char *const types[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
	size_t i = 0;
	if (!m->type)
		m->type = str_new("bind");
	while (i < 5 && strcmp(m->type, types[i]) != 0)
		i++;
	if (i == 5)
		return err_set(
			ERR_INVALID, m->type, "--mount: unsupported mount type '%s'", m->type);
	if (m->env && (i != 3 || !*m->env || strchr(m->env, '=')))
		return err_set(
			ERR_INVALID, m->env, "--mount: env=%s is no variable for a secret", m->env);
	m->env_only = m->env && !m->target;
	if (!m->target && i == 3)
		m->target = fmt_new("/run/secrets/%s",
			m->id		    ? m->id
				: m->source ? path_base(m->source)
					    : "secret");
	if (!m->target && i == 4)
		m->target = str_new("/run/buildkit/ssh_agent.0");
	if (!m->target)
		return err_set(ERR_INVALID, m->type, "--mount: type %s needs a target", m->type);
	char *whole = absolute_path(&p->s->st, m->target);
	free(m->target);
	m->target = whole;
	if (strcmp(whole, "/") == 0)
		return err_set(ERR_INVALID, m->target, "--mount: invalid mount target \"/\"");
	if (strchr(whole, ':'))
		return err_set(ERR_INVALID, whole,
			"--mount: a target with a colon cannot be mounted: %s", whole);
	if (m->sharing && strcmp(m->sharing, "shared") != 0 && strcmp(m->sharing, "private") != 0 &&
		strcmp(m->sharing, "locked") != 0)
		return err_set(ERR_INVALID, m->sharing, "--mount: unsupported sharing mode '%s'",
			m->sharing);
	return 0;
}

static int
each_mount(struct task *p, int (*one)(struct task *p, struct asked_mount *m, void *arg), void *arg)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < p->x.n_flags; i++) {
		struct asked_mount m;
		if (strcmp(p->x.flags[i].name, "mount") != 0)
			continue;
		const char *text = p->x.flags[i].value;
		r = parse(text ? text : "", &m);
		if (r == 0)
			r = check(p, &m);
		if (r == 0)
			r = one(p, &m, arg);
		free_mount(&m);
	}
	return r;
}

/* ---- what the record depends on ---- */

/* Of a directory of the context, its files; of a stage or image, its layers. What a cache holds,
 * and what a secret is, does not count. */
static int
key_of(struct task *p, struct asked_mount *m, void *arg)
{
	struct buf *key = arg;
	size_t at = p->seen.len;
	buf_addf(key, "mount %d ", m->rw);
	const char *const words[] = {m->type, m->target, m->source, m->from, m->id, m->env};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		key_word(key, words[i] ? words[i] : "");
	if (m->from && *m->from) {
		struct state st = {0};
		if (state_of(p->b, m->from, &st) < 0)
			return -1;
		buf_addf(key, "%s\n", st.n ? st.layers[st.n - 1].chain : "nothing");
		state_free(&st);
		return 0;
	}
	if (strcmp(m->type, "bind") != 0 || step_dry())
		return 0;
	struct items list = {0};
	const struct source from = {
		.root = p->b->ctx.fd, .shown = "the context", .ignore = p->b->ctx.ignore};
	auto_free char *path = path_clean(m->source ? m->source : "");
	int r = mount_gather(&from, path, !*path, &list);
	if (r == 0)
		r = items_sum(p->b, &list, &p->seen);
	if (r == 0)
		buf_adds(key, p->seen.s + at);
	items_free(&list);
	return r;
}

int
mounts_key(struct task *p, struct buf *key)
{
	return each_mount(p, key_of, key);
}

static int
make_one(struct task *p, struct asked_mount *m, void *arg)
{
	static const struct {
		const char *type;
		int (*make)(struct task *p, struct making *k, struct asked_mount *m);
	} all[] = {{"bind", mount_bind}, {"cache", mount_cache}, {"tmpfs", mount_tmpfs},
		{"secret", mount_secret}, {"ssh", mount_ssh}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].type, m->type) == 0)
			return all[i].make(p, arg, m);
	return 0;
}

int
mounts_make(struct task *p, struct tree *t, struct run_mounts *m)
{
	struct making k = {.t = t, .m = m};
	if (each_mount(p, mount_note, m) < 0 || mounts_lock(m) < 0)
		return -1;
	return each_mount(p, make_one, &k);
}

void
mounts_end(struct run_mounts *m)
{
	for (size_t i = m->places.n; i-- > 0;)
		if (sys_umount("the RUN is over", m->places.v[i], MNT_DETACH) < 0)
			err_clear();
	for (size_t i = 0; i < m->n_trees; i++)
		tree_close(&m->trees[i]);
	for (size_t i = 0; i < m->n_locks; i++) {
		if (m->locks[i].fd >= 0)
			close(m->locks[i].fd);
		free(m->locks[i].dir);
	}
	free(m->trees);
	free(m->locks);
	free(m->words.v);
	free(m->env.v);
}
