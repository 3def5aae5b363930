/* SPDX-License-Identifier: MIT
 * box-start: runs a box.
 *
 * There is nothing here but the tools below, one after the other: layers joined to a root, a
 *control group with limits, a network, and then a chain of programs that each change themselves and
 *exec the next, with box-mon as its parent. -x prints the chain.
 *
 *	box-start -x web
 */
#include "relay.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"
#include "mech/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	bool attach, interactive;
} o;

static const struct opt options[] = {
	{'a', "attach", NULL, opt_flag, &o.attach, "stay, show its output, exit as it does", false},
	{'i', "interactive", NULL, opt_flag, &o.interactive, "with -a: hand on the input too",
		false},
	OPT_END,
};

static const struct tool me = {
	.name = "box-start",
	.kind = TOOL_ACTS,
	.usage = "[OPTION]... BOX",
	.summary = "Starts BOX, and prints its id; with -a it stays until the box has ended.",
	.options = options,
	.example = "box-start -a example",
};

static struct box b;
static json_t *doc;

static bool
yes(const char *key)
{
	return json_is_true(json_object_get(doc, key));
}

static const char *
word(const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));
	return s ? s : "";
}

/* What is there is taken away again by the tool that does it in the end. */
static void
give_up(void)
{
	struct err why = err;
	auto_free char *id = str_new(b.id);
	if (run_tool("take away what was made", (const char *[]){"box-end", id, NULL}, NULL) < 0)
		err_clear();
	err = why;
	tool_die();
}

/* argv for execve: our words are not written to. */
static void
run_words(const char *why, struct strlist *l, struct buf *out)
{
	strlist_add(l, NULL);
	if (run_tool(why, l->v, out) < 0)
		give_up();
	free(l->v);
}

static void
mount_root(void)
{
	char upper[PATH_MAX], work[PATH_MAX], root[PATH_MAX];
	auto_buf struct buf layers = BUF_INIT;
	struct strlist l = {0};
	box_path(&b, "upper", upper);
	box_path(&b, "work", work);
	box_path(&b, "root", root);
	auto_free char *image = str_new(word("ImageID"));
	if (run_capture((char *[]){(char[]){"img-layers"}, image, NULL}, -1, (size_t)1 << 20,
		    &layers) != 0) {
		err_set(ERR_NOT_FOUND, image, "cannot find the layers of %s", image);
		give_up();
	}
	for (const char **w = (const char *[]){"ufs-mount", "-u", upper, "-w", work, root, NULL};
		*w; w++)
		strlist_add(&l, *w);
	for (char *s = layers.s, *line; (line = strsep(&s, "\n"));)
		if (*line)
			strlist_add(&l, line);
	run_words("the image's layers, and one of its own above them", &l, NULL);
}

static void
make_group(char group[96])
{
	struct strlist l = {0};
	json_t *item;
	size_t i;
	box_group(&b, group);
	strlist_add(&l, "cg-create");
	json_array_foreach(json_object_get(doc, "Limits"), i, item)
		strlist_add(&l, json_string_value(item));
	strlist_add(&l, group);
	run_words("a control group, with its limits", &l, NULL);
}

/* Of many who want the bridge first, one makes it. */
static void
make_bridge(const char *bridge)
{
	char run[PATH_MAX], path[PATH_MAX + 8];
	auto_fd int lock = -1;
	snprintf(path, sizeof(path), "/sys/class/net/%s", bridge);
	if (file_exists(path))
		return;
	if (box_places(false, run) < 0)
		give_up();
	snprintf(path, sizeof(path), "%s/.net", run);
	if (sys_lock("one makes the bridge, the others wait", path, true, &lock) < 0)
		give_up();
	snprintf(path, sizeof(path), "/sys/class/net/%s", bridge);
	auto_free char *name = str_new(bridge);
	if (!file_exists(path) &&
		run_tool("the bridge of all boxes, once", (const char *[]){"br-setup", name, NULL},
			NULL) < 0)
		give_up();
}

static void
make_network(void)
{
	char ns[32];
	json_t *item;
	size_t i;
	if (strcmp(word("NetworkMode"), "bridge") != 0)
		return;
	auto_free char *bridge = str_new(box_bridge());
	box_netns(&b, ns);
	make_bridge(bridge);
	if (run_tool("a network namespace, connected to it",
		    (const char *[]){"br-attach", bridge, ns, NULL}, NULL) < 0)
		give_up();
	json_array_foreach(json_object_get(doc, "Publish"), i, item)
	{
		auto_free char *ports = str_new(json_string_value(item));
		if (run_tool("a published port", (const char *[]){"br-publish", ns, ports, NULL},
			    NULL) < 0)
			give_up();
	}
}

/* box-mon … -- cg-exec GROUP -- ns-exec …: config.json says the rest. The terminal is box-mon's to
 * make, and where the bundle names no filter, it is Docker's. */
static void
add_chain(struct strlist *l, const char *group, struct oci_args *words)
{
	static char pid[PATH_MAX];
	box_path(&b, "pid", pid);
	for (const char **w = (const char *[]){"--then", "box-end", b.dir, "--", "cg-exec", group,
		     "--", "ns-exec", "--pidfile", pid, NULL};
		*w; w++)
		strlist_add(l, *w);
	for (size_t i = 0; i < words->n; i++) {
		const struct oci_option *w = &words->option[i];
		if (strcmp(w->name, "--tty") == 0 || strcmp(w->name, "--seccomp") == 0)
			continue;
		auto_buf struct buf joined = BUF_INIT;
		buf_addf(&joined, "%s=%s", w->name, w->value ? w->value : "");
		strlist_add(l, w->joined ? buf_take(&joined) : w->name);
		if (w->value && !w->joined)
			strlist_add(l, w->value);
	}
	strlist_add(l, "--seccomp");
	strlist_add(l, yes("Privileged") ? "none" : "default");
	strlist_add(l, "--");
	for (size_t i = 0; i < words->command.n; i++)
		strlist_add(l, words->command.v[i]);
	strlist_add(l, NULL);
}

/* Closed without a word: the program runs. Otherwise one line of JSON says why it does not. */
static int
read_status(int fd)
{
	char text[4096];
	size_t n = 0;
	ssize_t r;
	while (n < sizeof(text) &&
		((r = read(fd, text + n, sizeof(text) - n)) > 0 || (r < 0 && errno == EINTR)))
		n += r > 0 ? (size_t)r : 0;
	if (!n)
		return 0;
	auto_json json_t *why = json_parse("the report of a tool", text, n);
	const char *message = json_string_value(json_object_get(why, "message"));
	const char *tool = json_string_value(json_object_get(why, "tool"));
	int status = (int)json_integer_value(json_object_get(why, "status"));
	err_set(ERR_INTERNAL, b.id, "cannot start box %.12s: %s: %s", b.id, tool ? tool : "?",
		message ? message : "failed");
	err.status = status ? status : EXIT_CHAIN_FAILED;
	return -1;
}

static pid_t
start(int lock, int sock, const char *group)
{
	char lock_word[16], sock_word[16];
	struct strlist l = {0};
	auto_json json_t *config = box_read(&b, "config.json");
	auto_oci_args struct oci_args words = {0};
	int status[2];
	if (!config || oci_args_read(b.dir, config, &words) < 0)
		return -1;
	snprintf(lock_word, sizeof(lock_word), "%d", lock);
	snprintf(sock_word, sizeof(sock_word), "%d", sock);
	strlist_add(&l, "box-mon");
	if (lock >= 0)
		for (int i = 0; i < 2; i++)
			strlist_add(&l, i ? lock_word : "--lock-fd");
	if (sock >= 0)
		for (int i = 0; i < 2; i++)
			strlist_add(&l, i ? sock_word : "--client");
	if (yes("Tty"))
		strlist_add(&l, "--tty");
	if (yes("OpenStdin"))
		strlist_add(&l, "--interactive");
	add_chain(&l, group, &words);
	if (pipe2(status, O_CLOEXEC) < 0)
		return err_sys("pipe2", NULL, "cannot make a pipe");
	const int kept[] = {lock, sock, status[1]};
	for (size_t i = 0; i < 3; i++)
		if (kept[i] >= 0)
			fcntl(kept[i], F_SETFD, 0);
	struct run r = {.argv = (char **)(uintptr_t)l.v,
		.fd = {-1, -1, -1},
		.status_fd = status[1],
		.session = true};
	pid_t pid = run_start("its parent, and the chain of programs that becomes the box", &r);
	close(status[1]);
	if (pid > 0 && read_status(status[0]) < 0)
		pid = -1;
	close(status[0]);
	free(l.v);
	return pid;
}

static void
forget_former(void)
{
	static const char *const files[] = {"exit", "pid", "paused"};
	char path[PATH_MAX];
	for (size_t i = 0; i < 3; i++) {
		box_path(&b, files[i], path);
		if (file_exists(path) && sys_unlink("of its former run", path) < 0)
			tool_die();
	}
	box_path(&b, "started", path);
	if (sys_replace("from now on", path, "", 0, 0600) < 0)
		tool_die();
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	int lock = -1, ends[2] = {-1, -1}, status = 0;
	char group[96];
	if (a.n != 1)
		tool_usage("one BOX is needed");
	if (box_find(a.operand[0], &b) < 0 || box_lock(&b, &lock) < 0 ||
		!(doc = box_read(&b, "box.json")) || (o.attach && relay_pair(ends) < 0))
		tool_die();
	forget_former();
	mount_root();
	make_group(group);
	make_network();
	pid_t pid = start(lock, ends[1], group);
	if (pid < 0)
		give_up();
	close(lock);
	if (ends[1] >= 0)
		close(ends[1]);
	if (o.attach && !step_dry()) {
		status = relay(&b, ends[0], o.interactive, yes("Tty"));
		/* It has become box-end by now, and ends when all is clean. */
		waitpid(pid, NULL, 0);
	} else {
		tool_result("%s", b.id);
	}
	json_decref(doc);
	int r = tool_finish();
	return r ? r : status;
}
