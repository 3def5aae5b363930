/* SPDX-License-Identifier: MIT
 * dfile-build: builds an image as a Dockerfile says.
 *
 * A Dockerfile is a list of steps, and each step makes an image of the one before it: RUN runs a
 * program in it, COPY puts files into it, ENV and its like only change its settings. What a step
 * changed is the upper directory of an overlay, and that becomes the next layer. So each RUN is
 *
 *	ufs-mount -u UP -w WORK ROOT LAYER...		the image so far, and a place for changes
 *	ns-exec --all --root ROOT -- /bin/sh -c '...'	the chain of programs that a box is, too
 *	ufs-diff UP | img-commit --parent IMAGE		its changes are a layer
 *
 * of which the last line is done by a rename (image/adopt.h), for an upper is what a layer looks
 * like in the store. -x prints what is run.
 *
 * Whether a step must be done at all is asked first. Its key is the hash of the image before it,
 * of its text after expansion, and of all that it copies, mounts and uses; a record under that key
 * says which layer came of it (image/buildcache.h). The text of the whole is: plan.c finds the
 * stages that the target needs, stages.c runs them side by side, stage.c goes through one of them,
 * and run.c, copy.c and settings.c know the instructions.
 *
 * Nothing is left behind, whatever ends a build. This process only waits (wait_for_it()); the work
 * is done by a child in a mount namespace of its own, so that all mounts end with it. What else it
 * makes lies in one directory, in one control group and one network namespace named after the
 * build, and this process takes them away when the child has ended, however that came. Should this
 * process be killed too, the next build, img-gc and tb-ledger find them: nobody holds their lock.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "door/hint.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/sys_cred.h"
#include "door/sys_ns.h"
#include "door/tell.h"
#include "door/tool.h"
#include "door/undo.h"
#include "image/config.h"
#include "image/creds.h"
#include "image/ref.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct asked asked = {.network = "default",
	.max_context = INT64_C(16) << 30,
	.shm_size = 64 << 20,
	.auths_fd = -1,
	.limits = {.pids = 4096}};

static const struct opt options[] = {
	{'t', "tag", "NAME", opt_list, &asked.tags, "name of the image (repeatable)", false},
	{'f', "file", "FILE", opt_str, &asked.file,
		"the Dockerfile (default: CONTEXT/Dockerfile); - is standard input", false},
	{0, "build-arg", "NAME=VALUE", opt_list, &asked.args,
		"value of an ARG; NAME alone takes it from the environment (repeatable)", false},
	{0, "target", "STAGE", opt_str, &asked.target, "build up to this stage (default: the last)",
		false},
	{0, "no-cache", NULL, opt_flag, &asked.no_cache, "do every step, whatever is known of it",
		false},
	{0, "pull", NULL, opt_flag, &asked.pull, "get images of FROM even if they are here", false},
	{0, "label", "NAME=VALUE", opt_list, &asked.labels, "a label of the image (repeatable)",
		false},
	{0, "network", "MODE", opt_str, &asked.network,
		"network of RUN: default (the bridge of boxes), none, host, or the name of one",
		false},
	{0, "squash", NULL, opt_flag, &asked.squash, "the new layers become one", false},
	{0, "platform", "OS/ARCH", opt_str, &asked.platform, "what it runs on", false},
	{0, "auths-fd", "N", opt_int, &asked.auths_fd,
		"read from this descriptor who we are to which registry, as JSON", false},
	{0, "secret", "id=ID,src=FILE", opt_list, &asked.secrets,
		"a file (or env=NAME) for RUN --mount=type=secret (repeatable)", false},
	{0, "ssh", "ID[=SOCKET]", opt_list, &asked.ssh,
		"an agent for RUN --mount=type=ssh: default is $SSH_AUTH_SOCK (repeatable)", false},
	{0, "allow", "WHAT", opt_list, &asked.allow,
		"security.insecure or network.host: what RUN --security and --network may ask for",
		false},
	{0, "cache-from", "IMAGE", opt_list, &asked.cache_from,
		"its layers are taken where its history fits (repeatable)", false},
	{0, "iidfile", "FILE", opt_str, &asked.iidfile, "write the image's id to it", false},
	{'q', "quiet", NULL, opt_flag, &asked.quiet, "say nothing unless it fails", false},
	{0, "progress", "HOW", opt_str, &asked.progress_word,
		"plain, tty (a line a step) or json (Docker's objects, on standard output)", false},
	{0, "add-host", "NAME:ADDRESS", opt_list, &asked.hosts,
		"a line of /etc/hosts for RUN (repeatable)", false},
	{0, "ulimit", "NAME=SOFT[:HARD]", opt_list, &asked.ulimits,
		"a resource limit for RUN (repeatable)", false},
	{0, "shm-size", "SIZE", opt_size, &asked.shm_size, "size of /dev/shm for RUN (default 64m)",
		false},
	{0, "max-context", "SIZE", opt_size, &asked.max_context,
		"a larger context, or archive in it, is refused (default 16g)", false},
	{'m', "memory", "SIZE", opt_size, &asked.limits.memory, "memory of all RUNs together",
		false},
	{0, "memory-swap", "SIZE", opt_size, &asked.limits.swap, "memory and swap together", false},
	{'c', "cpu-shares", "N", opt_int, &asked.limits.shares, "share of busy processors (1024)",
		false},
	{0, "cpu-period", "US", opt_int, &asked.limits.period, "length of a period, microseconds",
		false},
	{0, "cpu-quota", "US", opt_int, &asked.limits.quota, "processor time in a period", false},
	{0, "cpuset-cpus", "LIST", opt_str, &asked.limits.cpus, "processors to run on, 0-1", false},
	{0, "cpuset-mems", "LIST", opt_str, &asked.limits.mems, "memory nodes to use, 0", false},
	{0, "pids-limit", "N", opt_int, &asked.limits.pids,
		"processes and threads of all RUNs (default 4096; 0: no limit)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "dfile-build",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... DIRECTORY|URL|-",
	.summary = "Builds an image as a Dockerfile says, and prints its id.",
	.options = options,
	.rights = RIGHTS_ROOT,
	.example = "printf 'FROM example\\nRUN echo hello >/file\\n' >Dockerfile; "
		   "dfile-build -q --network none -t mine .",
};

/* ---- the work ---- */

/* docker build hands on the one of its caller as an argument. */
static int
take_epoch(void)
{
	const char *epoch = asked_arg("SOURCE_DATE_EPOCH");
	return epoch && *epoch ? sys_setenv("as the argument says", "SOURCE_DATE_EPOCH", epoch) : 0;
}

static int
open_build(struct build *b, int *lock)
{
	char place[PATH_MAX], path[PATH_MAX], id[17];
	uint64_t r = 0;
	static const char why[] = "the place of builds";
	if (take_epoch() < 0 || !(b->store = store_open()) || store_prepare(b->store) < 0 ||
		build_place("cache", place) < 0 || sys_keep_dir(why, place, 0700) < 0 ||
		build_place("mounts", place) < 0 || sys_keep_dir(why, place, 0700) < 0 ||
		build_place("run", place) < 0 || sys_keep_dir(why, place, 0700) < 0 ||
		build_sweep(place) < 0)
		return -1;
	if (getrandom(&r, sizeof(r), 0) < 0)
		return err_sys("getrandom", NULL, "cannot get random bytes");
	snprintf(id, sizeof(id), "%016" PRIx64, r);
	build_name_it(b, id, place);
	b->now = config_now();
	b->began = time(NULL);
	b->clamp = getenv("SOURCE_DATE_EPOCH") != NULL;
	snprintf(path, sizeof(path), "%.*s/lock", PATH_MAX - 8, b->dir);
	if (sys_mkdir("this build's own place", b->dir, 0700) < 0)
		return -1;
	auto_free char *shell = fmt_new("rm -rf %s", tell_sh(b->dir));
	undo_push(undo_remove_tree, b->dir, NULL, shell);
	return sys_lock("held as long as the build is at work", path, true, lock);
}

/* The id of what img-load made of it; false: nothing, as in a dry run. */
static int
squash_layers(const struct state *st, char id[DIGEST_SIZE])
{
	auto_buf struct buf line = BUF_INIT, out = BUF_INIT;
	const char *from = st->n_base ? st->layers[st->n_base - 1].diff_id : "0";
	char save[PATH_MAX], merge[PATH_MAX], load[PATH_MAX];
	if (own_tool("img-save", save) < 0 || own_tool("squash", merge) < 0 ||
		own_tool("img-load", load) < 0)
		return -1;
	buf_addf(&line, "%s %s | %s -q --from %s | %s --json", tell_sh(save), st->id,
		tell_sh(merge), from, tell_sh(load));
	if (run_tool("the new layers become one", (const char *[]){"sh", "-c", line.s, NULL},
		    &out) < 0)
		return -1;
	auto_json json_t *doc = out.len ? json_parse("img-load", out.s, out.len) : NULL;
	const char *made = json_string_value(json_object_get(doc, "id"));
	if (!made)
		return step_dry() ? 0 : err_set(ERR_INTERNAL, NULL, "cannot tell what squash made");
	snprintf(id, DIGEST_SIZE, "%s", made);
	return 0;
}

/* The image goes through squash(1) and comes back as another one, which gets the names. An image
 * that the user has already may be the same as the one that is squashed: that stays. */
static int
squash(struct store *s, struct state *st)
{
	struct passing p;
	char id[DIGEST_SIZE] = "";
	if (state_pass(s, st, &p) < 0)
		return -1;
	int r = squash_layers(st, id);
	struct err why = err;
	if (state_leave(s, &p) < 0 && r == 0)
		return -1;
	err = why;
	if (r < 0 || !*id)
		return r;
	memcpy(st->id, id, DIGEST_SIZE);
	for (size_t i = 0; i < asked.tags.n; i++)
		if (run_tool("its name", (const char *[]){"img-tag", st->id, asked.tags.v[i], NULL},
			    NULL) < 0)
			return -1;
	return 0;
}

static int
finish(struct build *b)
{
	struct state *st = &b->stages[b->target].st;
	bool several = st->n - st->n_base > 1;
	if ((asked.squash && several ? squash(b->store, st) : state_enter(b->store, st)) < 0)
		return -1;
	asked_args_unused();
	if (asked.iidfile &&
		sys_replace("the image's id", asked.iidfile, st->id, strlen(st->id), 0644) < 0)
		return -1;
	report_done(st->id, &asked.tags);
	if (asked.progress != PROGRESS_JSON)
		tool_result("%s", st->id);
	return 0;
}

static int
work(struct build *b)
{
	if (sys_mount("nobody else sees our mounts", NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) <
		0)
		return -1;
	if (context_open(b) < 0 || plan_make(b) < 0 || stages_run(b) < 0)
		return -1;
	return finish(b);
}

/* While its mounts are still there; the message comes last. */
static void
take_away_first(struct build *b)
{
	hint_for_err();
	struct err why = err;
	build_take_away(b);
	err = why;
}

/* The child. Whatever it made is its parent's to take away, too. */
static int
worker(void *arg)
{
	sigset_t none;
	undo_forget();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (sys_death_signal("who builds ends with who waits for it") < 0 || work(arg) < 0) {
		auto_buf struct buf text = BUF_INIT;
		err_text(&err, &text);
		report_failed(buf_str(&text), err.status);
		err.status = 0;
		take_away_first(arg);
		tool_die();
	}
	build_end(arg);
	return tool_finish();
}

/* Waits for its end, and brings it about when we are asked to end ourselves. */
static int
wait_for_it(pid_t pid, const sigset_t *mask)
{
	int status, wanted = 0;
	siginfo_t si;
	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			break;
		if (sigwaitinfo(mask, &si) < 0 || si.si_signo == SIGCHLD)
			continue;
		wanted = si.si_signo;
		if (sys_kill("stop it", &pid, 1, SIGKILL) < 0)
			err_clear();
	}
	if (wanted)
		return EXIT_SIGNAL_BASE + wanted;
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	err_set(ERR_INTERNAL, NULL, "the build was killed by signal %d", WTERMSIG(status));
	tool_complain();
	return EXIT_COULD_NOT;
}

/* From before there is anything to be taken away: who is asked to end meanwhile does that first. */
static void
hold_signals(sigset_t *mask)
{
	sigemptyset(mask);
	for (const int *s = (const int[]){SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0}; *s; s++)
		sigaddset(mask, *s);
	sigprocmask(SIG_BLOCK, mask, NULL);
}

static int
run(struct build *b, const sigset_t *mask)
{
	struct sys_clone how = {.flags = CLONE_NEWNS,
		.run = worker,
		.arg = b,
		.script = "unshare --mount --propagation private",
		.cgroup = -1};
	if (sys_subreaper("what a build that is killed leaves at work is ours to end") < 0)
		return -1;
	fflush(stdout);
	pid_t pid = sys_clone("mounts of its own, which end with it", &how);
	if (pid < 0)
		return -1;
	if (!pid) {
		int r = work(b);
		tell_unnest(NULL);
		return r;
	}
	close(how.pidfd);
	/* Nobody may hear us any more: what is there is taken away all the same. */
	signal(SIGPIPE, SIG_IGN);
	auto_free char *mounts = fmt_new("/proc/%d/ns/mnt", pid);
	b->mounts = open(mounts, O_RDONLY | O_CLOEXEC);
	int status = wait_for_it(pid, mask);
	if (dir_exists(b->dir)) {
		build_end_strays();
		build_take_away(b);
	}
	undo_forget();
	return status;
}

static int
parse_progress(void)
{
	static const char *const words[] = {"plain", "tty", "json"};
	const char *w = asked.progress_word;
	asked.progress = asked.quiet ? PROGRESS_QUIET : PROGRESS_PLAIN;
	if (!w || strcmp(w, "auto") == 0 || strcmp(w, "rawjson") == 0)
		w = w && *w == 'r' ? "json" : NULL;
	for (unsigned i = 0; w && i < 3; i++)
		if (strcmp(w, words[i]) == 0) {
			if (!asked.quiet || i == PROGRESS_JSON)
				asked.progress = i;
			return 0;
		}
	return w ? err_set(ERR_INVALID, w, "--progress %s: write plain, tty or json", w) : 0;
}

static int
check_words(void)
{
	size_t i;
	struct ref tag;
	platform_host(&asked.host);
	asked.wanted = asked.host;
	if (parse_progress() < 0 ||
		(asked.platform && platform_parse(asked.platform, &asked.wanted) < 0))
		return -1;
	for (i = 0; i < asked.labels.n; i++)
		if (!strchr(asked.labels.v[i], '=') || *asked.labels.v[i] == '=')
			return err_set(ERR_INVALID, asked.labels.v[i],
				"--label: '%s' is not NAME=VALUE", asked.labels.v[i]);
	for (i = 0; i < asked.tags.n; i++)
		if (ref_parse_name(asked.tags.v[i], &tag) < 0)
			return -1;
	return 0;
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	static struct build b = {.mounts = -1};
	auto_fd int lock = -1;
	sigset_t mask;
	if (a.n != 1)
		tool_usage(a.n ? "one context is enough"
			       : "no context given: write . for this directory");
	asked.context = a.operand[0];
	if (check_words() < 0)
		tool_usage_err();
	if (asked.auths_fd >= 0 && !(asked.auths = creds_read_auths((int)asked.auths_fd)))
		tool_die();
	hold_signals(&mask);
	if (report_start() < 0 || open_build(&b, &lock) < 0)
		tool_die();
	int status = run(&b, &mask);
	if (status < 0)
		tool_die();
	int r = tool_finish();
	return r ? r : status;
}
