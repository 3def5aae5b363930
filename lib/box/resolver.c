/* SPDX-License-Identifier: MIT */
#include "box/resolver.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/servers.h"
#include "door/channel.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"
#include "door/tool.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_MAX (16 << 20)

/* How long it may take until it answers, or has ended. */
#define PATIENCE_MS 2000

int
resolver_place(char path[PATH_MAX])
{
	return state_run_path(path, "resolver");
}

/* ---- the process ---- */

/* It has a lock as long as it runs. */
static bool
is_alive(const char *dir)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof(path), "%s" RESOLVER_ALIVE, dir);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static bool
is_empty(const char *dir)
{
	const struct dirent *e;
	bool empty = true;
	auto_dir DIR *d = opendir(dir);
	while (d && empty && (e = readdir(d)))
		empty = e->d_name[0] == '.';
	return empty;
}

/* It says a line once it listens; one that cannot has said why on our standard error. */
static int
start(const char *dir)
{
	const char *const argv[] = {"net-resolve", dir, NULL};
	char line[16];
	int ends[2];
	if (pipe_pair(ends) < 0)
		return -1;
	auto_fd int from = ends[0];
	auto_fd int to = ends[1];
	const struct run r = {.argv = (char *const *)(uintptr_t)argv,
		.fd = {-1, to, STDERR_FILENO},
		.status_fd = -1,
		.session = true,
		.alone = true};
	pid_t pid = run_start("names of boxes are resolved", &r);
	close(take_fd(&to));
	if (pid <= 0)
		return (int)pid;
	return read(from, line, sizeof(line)) > 0
		? 0
		: err_set(ERR_INTERNAL, dir, "net-resolve has failed");
}

/* Without files it ends by itself. Who comes next shall not take it for one that stays. */
static int
wait_gone(const char *dir)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + PATIENCE_MS * INT64_C(1000000);
	while (is_alive(dir)) {
		if (clock_ns(CLOCK_MONOTONIC) > end)
			return err_set(ERR_INTERNAL, dir, "net-resolve does not end");
		poll(NULL, 0, 1);
	}
	return 0;
}

/* A line of /proc/net/udp begins with a number, and the address and port that a socket is bound to,
 * as they lie in memory (proc_pid_net(5)). To ask by the loopback would not do: it may be down. */
static bool
listens_at(const char *gateway)
{
	struct in_addr at;
	char socket_at[32];
	auto_buf struct buf text = BUF_INIT;
	if (inet_pton(AF_INET, gateway, &at) != 1)
		return false;
	snprintf(socket_at, sizeof(socket_at), ": %08X:%04X ", at.s_addr, NS_DEFAULTPORT);
	/* For an ordinary user only this thread is among his networks (rootless_in_net). */
	if (file_read("/proc/thread-self/net/udp", FILE_MAX, &text) < 0)
		err_clear();
	return strstr(buf_str(&text), socket_at) != NULL;
}

/* One that listens knows of a change at once, but it must have come to listen at the gateway of a
 * network that is new to it. A program that asks for a name first of all must not be quicker. */
static bool
wait_listens(const char *gateway)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + PATIENCE_MS * INT64_C(1000000);
	bool listens;
	while (!(listens = listens_at(gateway)) && clock_ns(CLOCK_MONOTONIC) < end)
		poll(NULL, 0, 1);
	return listens;
}

/* ---- its files ---- */

static void
add_word(struct buf *out, const char *word, char before)
{
	/* A blank or a comma would make two of it. */
	if (*word && !strpbrk(word, " ,\n\t"))
		buf_addf(out, "%c%s", before, word);
}

/* Each is known with the name of the network behind it, too. */
static void
add_name(struct buf *out, const char *name, const char *network, bool first)
{
	auto_free char *longer = fmt_new("%s.%s", name, network);
	add_word(out, name, first ? ' ' : ',');
	add_word(out, longer, ',');
}

static bool
all_internal(const json_t *net)
{
	const char *key;
	json_t *e;
	json_object_foreach(json_object_get(net, "Networks"), key,
		e) if (!box_flag(e, "Internal")) return false;
	return true;
}

/* Who cannot reach the world shall not ask it for names either (CVE-2024-29018). */
static void
add_servers(struct buf *out, const json_t *doc, const json_t *net)
{
	auto_buf struct buf own = BUF_INIT;
	json_t *item;
	size_t i;
	json_array_foreach(box_value(doc, "HostConfig.Dns"), i, item)
		add_word(&own, json_string_value(item), own.len ? ',' : ' ');
	/* net-resolve reads the host's file itself, but is not where that file was written for. */
	auto_buf struct buf text = BUF_INIT;
	if (!own.len && rootless_inside()) {
		servers_read(false, &text);
		if (strstr(buf_str(&text), "nameserver " SERVERS_USER "\n"))
			add_word(&own, SERVERS_USER, ' ');
	}
	buf_adds(out, all_internal(net) ? " none" : own.len ? own.s : " host");
}

static void
add_line(struct buf *out, const struct network *n, const struct box *b, const json_t *doc,
	const json_t *net)
{
	const json_t *e = json_object_get(json_object_get(net, "Networks"), n->name);
	char id[16];
	json_t *item;
	size_t i;
	const char *v6 = box_text(e, "GlobalIPv6Address");
	snprintf(id, sizeof(id), "%.12s", b->id);
	buf_addf(out, "%s %s %s", b->id, box_text(e, "IPAddress"), *v6 ? v6 : "-");
	add_name(out, box_text(doc, "Name"), n->name, true);
	add_name(out, id, n->name, false);
	json_array_foreach(json_object_get(e, "Aliases"), i, item)
		add_name(out, json_string_value(item), n->name, false);
	add_servers(out, doc, net);
	buf_addc(out, '\n');
}

/* The lines of all other boxes: the first line is the gateway. */
static void
keep_others(const struct buf *file, const char *id, struct buf *out)
{
	const char *line = strchr(buf_str(file), '\n'), *end;
	for (; line && *++line; line = end) {
		end = strchrnul(line, '\n');
		if (strncmp(line, id, 64) != 0)
			buf_addf(out, "%.*s\n", (int)(end - line), line);
	}
}

/* Writes the file of the network, or removes one that nobody is in any more. */
static int
change(const struct network *n, const struct box *b, const json_t *doc, const json_t *net,
	const char *path)
{
	char tmp[PATH_MAX];
	auto_buf struct buf lines = BUF_INIT, text = BUF_INIT, there = BUF_INIT;
	if (file_exists(path) && file_read(path, FILE_MAX, &there) < 0)
		return -1;
	keep_others(&there, b->id, &lines);
	if (net)
		add_line(&lines, n, b, doc, net);
	if (!lines.len)
		return there.len ? sys_unlink("nobody is left in this network", path) : 0;
	buf_addf(&text, "%s\n%s", network_gateway(n), lines.s);
	if (strcmp(buf_str(&there), text.s) == 0)
		return 0;
	return state_run_path(tmp, "resolver.new") < 0
		? -1
		: sys_put("who is called what", path, tmp, text.s, text.len, 0644);
}

int
resolver_set(const struct network *n, const struct box *b, const json_t *doc, const json_t *net)
{
	char dir[PATH_MAX], lock[PATH_MAX], path[PATH_MAX + 300];
	auto_fd int held = -1;
	if (!n->own)
		return 0;
	if (resolver_place(dir) < 0 || state_run_path(lock, "resolver.lock") < 0 ||
		sys_keep_dir("what the resolver reads", dir, 0755) < 0 ||
		sys_lock("one changes it", lock, true, &held) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", dir, n->name);
	bool new = !file_exists(path);
	if (change(n, b, doc, net, path) < 0)
		return -1;
	if (!step_dry() && is_empty(dir))
		return wait_gone(dir);
	if (!is_alive(dir)) {
		new = true;
		if (start(dir) < 0)
			return -1;
	}
	if (net && new && !step_dry() && !wait_listens(network_gateway(n)))
		tool_warn("names are not resolved in network %s: nobody listens at %s, port %d",
			n->name, network_gateway(n), NS_DEFAULTPORT);
	return 0;
}
