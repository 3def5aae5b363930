/* SPDX-License-Identifier: MIT
 * tb-doctor: what this host can do for the caller, and how to mend each "no".
 *
 * A kernel may know a thing and still refuse it to this user: so it is tried, in a child in
 * namespaces of its own, wherever trying leaves nothing behind.
 *
 *	tb-doctor --require overlay,cg-memory
 */
#include "doctor.h"

#include "base/err.h"
#include "base/table.h"
#include "door/step.h"
#include "door/tool.h"
#include "mech/cgroup.h"
#include "mech/ct.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	bool json;
	struct strlist require;
} opts;

static int
opt_words(void *to, const char *value)
{
	char *save = NULL, *copy = str_new(value); /* the list keeps its words */
	for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save))
		strlist_add(to, word);
	return 0;
}

static const struct opt options[] = {
	{0, "json", NULL, opt_flag, &opts.json, "one JSON object a line", false},
	{0, "require", "WORD[,WORD]...", opt_words, &opts.require,
		"only these; exit status 1 if one is a no", false},
	OPT_END,
};

static const struct tool me = {
	.name = "tb-doctor",
	.kind = TOOL_SHOWS,
	.usage = "[OPTION]...",
	.summary = "Shows what this host can do for the caller, and how to mend each \"no\".",
	.options = options,
	.example = "tb-doctor --json | head -n 1\n"
		   "tb-doctor --require kernel",
};

static const struct question questions[] = {
	{"kernel", "a kernel new enough for all of this", ask_kernel, 0},
	{"userns", "user namespaces for ordinary users", ask_userns, 0},
	{"mountns", "mount namespaces", ask_namespace, CT_MOUNT},
	{"pidns", "process number namespaces", ask_namespace, CT_PID},
	{"netns", "network namespaces", ask_namespace, CT_NET},
	{"utsns", "host name namespaces", ask_namespace, CT_UTS},
	{"ipcns", "IPC namespaces", ask_namespace, CT_IPC},
	{"cgroupns", "control group namespaces", ask_namespace, CT_CGROUP},
	{"timens", "time namespaces", ask_namespace, CT_TIME},
	{"seccomp", "system call filters", ask_seccomp, 0},
	{"overlay", "layers joined by the kernel", ask_overlay, 0},
	{"overlay-user", "the same for ordinary users", ask_overlay_user, 0},
	{"overlay-api", "layers one by one, so names of any length", ask_overlay_api, 0},
	{"fuse-overlayfs", "layers joined by a program", ask_fuse_overlayfs, 0},
	{"cgroup", "control groups", ask_cgroup, 0},
	{"cg-memory", "memory limits", ask_controller, CG_MEMORY},
	{"cg-swap", "swap counted by group", ask_cg_swap, 0},
	{"cg-cpu", "processor time limits", ask_controller, CG_CPU},
	{"cg-cpuset", "processors by group", ask_controller, CG_CPUSET},
	{"cg-pids", "limits on the number of processes", ask_controller, CG_PIDS},
	{"cg-io", "disk limits", ask_controller, CG_IO},
	{"cg-freezer", "freezing groups", ask_controller, CG_FREEZER},
	{"cg-kill", "ending a group at one blow", ask_cg_kill, 0},
	{"cg-make", "groups that the caller may make", ask_delegated, 0},
	{"cg-user", "limits of an ordinary user's boxes", ask_user_groups, 0},
	{"bridge", "bridges, and cables to them", ask_cable, 0},
	{"nft", "packet rules", ask_nft, 0},
	{"forward", "packets passed on between links", ask_forward, 0},
	{"br-netfilter", "packet rules between ports of a bridge", ask_br_netfilter, 0},
	{"ids", "ranges of ids in user namespaces", ask_ids, 0},
	{"net-user", "a network without root", ask_net_user, 0},
	{"tun", "the device that a network without root goes by", ask_tun, 0},
	{"loop", "layers of a given size: a file as a disk", ask_loop, 0},
	{"mkfs", "layers of a given size: a file system for it", ask_mkfs, 0},
	{"projects", "layers of a given size: quotas of the file system", ask_projects, 0},
	{"idmap", "boxes with user ids of their own", ask_idmap, 0},
};
#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

/* Without --require everything is asked. */
static bool
wanted(const char *word)
{
	for (size_t i = 0; i < opts.require.n; i++)
		if (strcmp(opts.require.v[i], word) == 0)
			return true;
	return opts.require.n == 0;
}

static void
check_words(void)
{
	for (size_t i = 0; i < opts.require.n; i++) {
		bool known = false;
		for (size_t k = 0; k < N_QUESTIONS; k++)
			known |= strcmp(opts.require.v[i], questions[k].word) == 0;
		if (!known)
			tool_usage("--require: '%s' is none of the words that tb-doctor lists",
				opts.require.v[i]);
	}
}

/* For whom the answers hold. */
static void
add_speaker(struct buf *b)
{
	const struct passwd *me_too = getpwuid(geteuid());
	if (doctor_is_root())
		buf_adds(b, "root");
	else if (geteuid() == 0)
		buf_adds(b, "root of a user namespace");
	else if (me_too)
		buf_addf(b, "%s (uid %u)", me_too->pw_name, geteuid());
	else
		buf_addf(b, "uid %u", geteuid());
}

static void
add_field(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, ",\"%s\":", key);
	buf_add_json(b, value);
}

static void
show_json(const struct question *q, const struct answer *a, const char *speaker)
{
	auto_buf struct buf b = BUF_INIT;
	buf_addf(&b, "{\"word\":\"%s\",\"yes\":%s", q->word, a->yes ? "true" : "false");
	add_field(&b, "what", q->what);
	add_field(&b, "detail", buf_str(&a->detail));
	add_field(&b, "mend", buf_str(&a->mend));
	add_field(&b, "for", speaker);
	buf_addc(&b, '}');
	tool_result("%s", b.s);
}

static void
add_row(struct table *t, const struct question *q, const struct answer *a)
{
	auto_buf struct buf text = BUF_INIT;
	buf_adds(&text, q->what);
	if (a->detail.len)
		buf_addf(&text, ": %s", a->detail.s);
	if (a->mend.len)
		buf_addf(&text, " — %s", a->mend.s);
	table_row(t, (const char *const[]){a->yes ? "yes" : "no", q->word, text.s});
}

static void
complain(const struct question *q, const struct answer *a, const char *speaker)
{
	err_set(ERR_UNSUPPORTED, q->word, "%s is a no for %s: %s%s%s", q->word, speaker, q->what,
		a->detail.len ? ": " : "", buf_str(&a->detail));
	err_hint("%s", buf_str(&a->mend));
	tool_complain();
}

int
main(int argc, char **argv)
{
	struct args args = tool_start(&me, argc, argv);
	if (args.n)
		tool_usage("what is '%s'? --require takes the words", args.operand[0]);
	bool well = true;
	struct table t = {.columns = 3};
	auto_buf struct buf speaker = BUF_INIT, text = BUF_INIT;
	check_words();
	add_speaker(&speaker);
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		const struct question *q = &questions[i];
		struct answer a = {0};
		if (!wanted(q->word))
			continue;
		q->ask(q, &a);
		if (opts.json)
			show_json(q, &a, speaker.s);
		else if (opts.require.n == 0)
			add_row(&t, q, &a);
		if (opts.require.n && !a.yes) {
			complain(q, &a, speaker.s);
			well = false;
		}
		buf_free(&a.detail);
		buf_free(&a.mend);
	}
	table_write(&t, &text);
	table_free(&t);
	if (text.len)
		tool_result("For %s:\n%.*s", speaker.s, (int)text.len - 1, text.s);
	int status = tool_finish();
	return status || !well ? EXIT_COULD_NOT : EXIT_DONE;
}
