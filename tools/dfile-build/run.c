/* SPDX-License-Identifier: MIT
 * RUN: a program runs in the image so far, and what it changed is the next layer.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/spawn.h"
#include "door/sys.h"
#include "mech/netns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_PLACE "/dev/pipes"

/* ---- what it is, in words ---- */

const char *
run_network(const struct task *p)
{
	const char *own = dfile_flag(&p->x, "network");
	return own && *own ? own : asked.network;
}

static bool
allowed(const char *what)
{
	for (size_t i = 0; i < asked.allow.n; i++)
		if (strcmp(asked.allow.v[i], what) == 0)
			return true;
	return false;
}

static int
check_flags(const struct task *p)
{
	const char *net = dfile_flag(&p->x, "network"), *security = dfile_flag(&p->x, "security");
	if (net && strcmp(net, "default") != 0 && strcmp(net, "none") != 0 &&
		strcmp(net, "host") != 0)
		return err_set(
			ERR_INVALID, net, "RUN --network=%s: write default, none or host", net);
	if (net && strcmp(net, "host") == 0 && strcmp(asked.network, "host") != 0 &&
		!allowed("network.host")) {
		err_set(ERR_DENIED, net, "RUN --network=host is not allowed");
		return err_hint(
			"--allow network.host allows it: the program sees the host's network");
	}
	if (!security || strcmp(security, "sandbox") == 0)
		return 0;
	if (strcmp(security, "insecure") != 0)
		return err_set(ERR_INVALID, security,
			"RUN --security=%s: write sandbox or insecure", security);
	if (allowed("security.insecure"))
		return 0;
	err_set(ERR_DENIED, security, "RUN --security=insecure is not allowed");
	return err_hint("--allow security.insecure allows it: the program is root on this host");
}

/* The value that a RUN sees of an ARG; ENV comes first. */
static const char *
arg_value(const struct task *p, size_t i)
{
	const struct vars *v = &p->s->args;
	return state_env(&p->s->st, v->name[i]) ? NULL : v->value[i];
}

/* The shell and a line for it, or the words alone. */
static int
command(struct task *p, struct strlist *out)
{
	const json_t *shell = json_object_get(state_settings(&p->s->st), "Shell");
	auto_buf struct buf text = BUF_INIT;
	size_t i;
	json_t *item;
	if (p->x.json) {
		for (i = 0; i < p->x.n_args; i++)
			strlist_add(out, p->x.args[i]);
		return p->x.n_args ? 0 : err_set(ERR_INVALID, "RUN", "RUN has nothing to run");
	}
	dfile_run_text(&p->x, &text);
	if (dfile_run_is_heredoc(&p->x) && strncmp(buf_str(&text), "#!", 2) == 0) {
		strlist_add(out, fmt_new("%s/%s", SCRIPT_PLACE, p->x.heredocs[0].name));
		return 0;
	}
	json_array_foreach(shell, i, item) strlist_add(out, json_string_value(item));
	if (!out->n) {
		strlist_add(out, "/bin/sh");
		strlist_add(out, "-c");
	}
	strlist_add(out, buf_take(&text));
	return 0;
}

static void
write_by(struct task *p, const struct strlist *words)
{
	size_t n = 0;
	auto_buf struct buf args = BUF_INIT, exact = BUF_INIT;
	for (size_t i = 0; i < p->s->args.n; i++)
		if (arg_value(p, i)) {
			buf_addf(&args, "%s=%s ", p->s->args.name[i], arg_value(p, i));
			key_word(&exact, p->s->args.name[i]);
			key_word(&exact, arg_value(p, i));
			n++;
		}
	buf_adds(&p->by, "RUN ");
	if (n)
		buf_addf(&p->by, "|%zu %s", n, args.s);
	for (size_t i = 0; i < words->n; i++)
		buf_addf(&p->by, "%s%s", i ? " " : "", words->v[i]);
	for (size_t i = 0; i < p->x.n_flags; i++)
		if (strcmp(p->x.flags[i].name, "mount") != 0)
			buf_addf(&p->key, "--%s=%s\n", p->x.flags[i].name,
				p->x.flags[i].value ? p->x.flags[i].value : "");
	for (size_t i = 0; i < words->n; i++)
		buf_addf(&p->key, "%zu:%s\n", strlen(words->v[i]), words->v[i]);
	for (size_t i = 0; i < p->x.n_heredocs; i++)
		key_word(&p->key, p->x.heredocs[i].content);
	buf_addf(&p->key, "args %s\n", buf_str(&exact));
}

int
run_prepare(struct task *p)
{
	struct strlist words = {0};
	if (check_flags(p) < 0 || command(p, &words) < 0)
		return -1;
	write_by(p, &words);
	free(words.v);
	return mounts_key(p, &p->key);
}

static int
add_script(struct task *p, struct tree *t, const char *place, struct strlist *l)
{
	auto_buf struct buf text = BUF_INIT;
	char path[PATH_MAX];
	if (p->x.json || strncmp(place, SCRIPT_PLACE "/", sizeof(SCRIPT_PLACE)) != 0 ||
		!dfile_run_is_heredoc(&p->x))
		return 0;
	dfile_run_text(&p->x, &text);
	snprintf(path, sizeof(path), "%.*s/script", PATH_MAX - 16, t->dir);
	strlist_add(l, "--bind");
	strlist_add(l, fmt_new("%s:%s:ro,rprivate", path, place));
	return sys_write_new("the program that the here-document is", path, text.s, text.len, 0755);
}

static void
add_env(struct task *p, const struct run_mounts *m, struct strlist *l)
{
	const json_t *env = json_object_get(state_settings(&p->s->st), "Env");
	json_t *item;
	size_t i;
	strlist_add(l, "--clear-env");
	for (i = 0; proxy_args[i]; i++)
		if (asked_arg(proxy_args[i])) {
			strlist_add(l, "--env");
			strlist_add(l, fmt_new("%s=%s", proxy_args[i], asked_arg(proxy_args[i])));
		}
	for (i = 0; i < p->s->args.n; i++)
		if (arg_value(p, i)) {
			strlist_add(l, "--env");
			strlist_add(l, fmt_new("%s=%s", p->s->args.name[i], arg_value(p, i)));
		}
	json_array_foreach(env, i, item)
	{
		strlist_add(l, "--env");
		strlist_add(l, json_string_value(item));
	}
	for (i = 0; i < m->env.n; i++) {
		strlist_add(l, "--env");
		strlist_add(l, m->env.v[i]);
	}
}

static void
add_confinement(const struct task *p, struct strlist *l)
{
	const char *security = dfile_flag(&p->x, "security"), *mode = run_network(p);
	char dir[PATH_MAX];
	const char *user = json_string_value(json_object_get(state_settings(&p->s->st), "User"));
	for (const char **w = (const char *[]){"--mount", "--pid", "--ipc", "--uts", "--cgroup",
		     "--hostname", "build", "--as", user && *user ? user : "0", "--seccomp",
		     "default", NULL};
		*w; w++)
		strlist_add(l,
			strcmp(*w, "default") == 0 && security && strcmp(security, "insecure") == 0
				? "none"
				: *w);
	if (security && strcmp(security, "insecure") == 0)
		strlist_add(l, "--privileged");
	if (strcmp(mode, "none") == 0)
		strlist_add(l, "--net");
	else if (strcmp(mode, "host") != 0 && netns_dir(dir) == 0)
		strlist_add(l, fmt_new("--net=%s/%s", dir, p->s->net));
	for (size_t i = 0; i < asked.ulimits.n; i++) {
		strlist_add(l, "--rlimit");
		strlist_add(l, asked.ulimits.v[i]);
	}
	strlist_add(l, "--shm-size");
	strlist_add(l, fmt_new("%lld", (long long)asked.shm_size));
}

static int
chain(struct task *p, struct tree *t, struct run_mounts *m, struct strlist *l)
{
	static const char *const places[] = {"/proc", "/dev", "/sys"};
	const char *cwd =
		json_string_value(json_object_get(state_settings(&p->s->st), "WorkingDir"));
	struct strlist words = {0};
	strlist_add(l, "ns-exec");
	if (*p->s->group) {
		strlist_add(l, "--join-cgroup");
		strlist_add(l, p->s->group);
	}
	strlist_add(l, "--root");
	strlist_add(l, t->root);
	for (size_t i = 0; i < 3; i++)
		if (tree_stub(t, places[i], true) < 0)
			return -1;
	add_confinement(p, l);
	if (run_etc(p, t, l) < 0 || mounts_make(p, t, m) < 0 || command(p, &words) < 0 ||
		add_script(p, t, words.v[0], l) < 0)
		return -1;
	for (size_t i = 0; i < m->words.n; i++)
		strlist_add(l, m->words.v[i]);
	add_env(p, m, l);
	strlist_add(l, "--cwd");
	strlist_add(l, cwd && *cwd ? cwd : "/");
	strlist_add(l, "--");
	for (size_t i = 0; i < words.n; i++)
		strlist_add(l, words.v[i]);
	strlist_add(l, NULL);
	free(words.v);
	return 0;
}

/* ---- it runs ---- */

static int
failed_with(struct task *p, int status)
{
	struct strlist words = {0};
	auto_buf struct buf line = BUF_INIT;
	if (command(p, &words) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++)
		buf_addf(&line, "%s%s", i ? " " : "", words.v[i]);
	free(words.v);
	err_set(ERR_INTERNAL, p->raw->original, "The command '%.300s' returned a non-zero code: %d",
		line.s, status);
	err.status = status;
	return -1;
}

static int
run_chain(struct task *p, const struct strlist *l)
{
	int reader, out = report_output(&reader);
	if (out < 0)
		return -1;
	struct run r = {.argv = (char *const *)(uintptr_t)l->v,
		.fd = {-1, out, out},
		.status_fd = -1,
		.session = true,
		.tied = true};
	/* A session of its own: kill(2) of process 0 goes to all of a process group, and that knows
	 * no bounds of pid namespaces. */
	pid_t pid = run_start("the program, in the image so far", &r);
	close(out);
	if (pid <= 0) {
		close(reader);
		return (int)pid;
	}
	report_relay(reader);
	int status = run_end(pid);
	return status == 0 ? 0 : failed_with(p, status);
}

static int
run_in(struct task *p, struct tree *t)
{
	struct strlist l = {0};
	struct run_mounts m = {0};
	int r = chain(p, t, &m, &l);
	if (r == 0) {
		report_line(" ---> Running in %.6s%u.%u", p->b->id, p->s->number, p->s->count);
		r = run_chain(p, &l);
	}
	free(l.v);
	struct err why = err;
	if (tree_unmount(t) < 0 && r == 0) {
		why = err;
		r = -1;
	}
	mounts_end(&m);
	err = why;
	if (r == 0)
		report_line("Removing intermediate container %.6s%u.%u", p->b->id, p->s->number,
			p->s->count);
	return r;
}

int
run_make(struct task *p, struct build_record *r)
{
	struct tree t;
	if (run_group(p) < 0 || run_net(p) < 0 || tree_open(p->b, p->s, &p->s->st, false, &t) < 0)
		return -1;
	int ok = run_in(p, &t);
	if (ok == 0)
		ok = tree_adopt(p->b, &p->s->st, &t, &r->layer);
	r->has_layer = ok == 0;
	if (tree_close(&t) < 0 && ok == 0)
		ok = -1;
	return ok;
}
