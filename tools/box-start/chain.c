/* SPDX-License-Identifier: MIT
 * The chain of programs that each change themselves and become the next, and box-mon, its parent.
 */
#include "start.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/spawn.h"
#include "door/status.h"
#include "door/tool.h"
#include "mech/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool
start_own_filter(const struct start *s)
{
	json_t *item;
	size_t i;
	json_array_foreach(box_value(s->doc, "HostConfig.SecurityOpt"), i,
		item) if (strncmp(json_string_value(item), "seccomp", 7) == 0) return true;
	return false;
}

static void
add_pair(struct strlist *l, const char *name, const char *value)
{
	strlist_add(l, name);
	strlist_add(l, value);
}

static void
add_mon(struct strlist *l, struct start *s, int lock, int sock)
{
	const json_t *log = box_value(s->doc, "HostConfig.LogConfig");
	const char *size = box_text(log, "Config.max-size"),
		   *files = box_text(log, "Config.max-file");
	char run[PATH_MAX];
	strlist_add(l, "box-mon");
	if (lock >= 0)
		add_pair(l, "--lock-fd", fmt_new("%d", lock));
	if (sock >= 0)
		add_pair(l, "--client", fmt_new("%d", sock));
	if (box_run_dir(&s->b, run) == 0)
		add_pair(l, "--socket", fmt_new("%s/attach.sock", run));
	if (box_flag(s->doc, "Config.Tty"))
		add_pair(l, "--tty", "--console");
	if (box_flag(s->doc, "Config.OpenStdin"))
		strlist_add(l, "--interactive");
	if (box_flag(s->doc, "Config.StdinOnce"))
		strlist_add(l, "--once");
	if (*size)
		add_pair(l, "--log-size", str_new(size));
	if (*files)
		add_pair(l, "--log-files", str_new(files));
	if (strcmp(box_text(log, "Type"), "none") == 0)
		strlist_add(l, "--no-log");
	for (size_t i = 0; i < s->hold.n; i++)
		add_pair(l, "--hold", str_new(s->hold.v[i]));
	for (const char **w = (const char *[]){"--then", "box-end", s->b.dir, "--", NULL}; *w; w++)
		strlist_add(l, *w);
}

/* ns-exec …: config.json says the rest. */
static void
add_chain(struct strlist *l, struct start *s, struct oci_args *words)
{
	static char pid[PATH_MAX];
	bool privileged = box_flag(s->doc, "HostConfig.Privileged");
	box_path(&s->b, "pid", pid);
	strlist_add(l, "ns-exec");
	if (s->group[0])
		add_pair(l, "--join-cgroup", s->group);
	add_pair(l, "--pidfile", pid);
	if (box_flag(s->doc, "HostConfig.Init"))
		strlist_add(l, "--init");
	for (size_t i = 0; i < words->n; i++) {
		const struct oci_option *w = &words->option[i];
		if (strcmp(w->name, "--tty") == 0)
			strlist_add(l, "--console-stdin");
		if (strcmp(w->name, "--seccomp") == 0 && !start_own_filter(s)) {
			add_pair(l, "--seccomp", str_new(privileged ? "none" : "default"));
			continue;
		}
		if (w->joined) {
			strlist_add(l, fmt_new("%s=%s", w->name, w->value ? w->value : ""));
			continue;
		}
		strlist_add(l, w->name);
		if (w->value)
			strlist_add(l, w->value);
	}
	strlist_add(l, "--");
	for (size_t i = 0; i < words->command.n; i++)
		strlist_add(l, words->command.v[i]);
	strlist_add(l, NULL);
}

pid_t
start_chain(struct start *s, int lock, int sock)
{
	struct strlist l = {0};
	auto_oci_args struct oci_args words = {0};
	int status[2];
	if (oci_args_read(s->b.dir, s->config, &words) < 0)
		return -1;
	add_mon(&l, s, lock, sock);
	add_chain(&l, s, &words);
	if (status_pipe(status) < 0)
		return -1;
	const int kept[] = {lock, sock};
	for (size_t i = 0; i < 2; i++)
		if (kept[i] >= 0)
			fcntl(kept[i], F_SETFD, 0);
	struct run r = {.argv = (char **)(uintptr_t)l.v,
		.fd = {-1, -1, -1},
		.status_fd = status[1],
		.session = true};
	pid_t pid = run_start("its parent, and the chain of programs that becomes the box", &r);
	close(status[1]);
	for (size_t i = 0; i < s->hold.n; i++)
		close(atoi(s->hold.v[i]));
	int heard = pid > 0 ? status_read(status[0]) : 0;
	close(status[0]);
	free(l.v);
	if (heard == 0)
		return pid;
	/* If it came so far, it becomes box-end, and takes away what was made. */
	waitpid(pid, NULL, 0);
	if (!err.status)
		err.status = EXIT_CHAIN_FAILED;
	return err_prefix("cannot start box %.12s", s->b.id);
}
