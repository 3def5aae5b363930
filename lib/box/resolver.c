/* SPDX-License-Identifier: MIT */
#include "box/resolver.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"
#include "box/servers.h"
#include "door/rootless.h"
#include "door/spawn.h"
#include "door/state.h"
#include "door/step.h"
#include "door/sys.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* No server answers there, and a packet to it is refused before it leaves: broadcast(7). */
#define NOBODY "255.255.255.255"

static const char *
program(void)
{
	static const char *const places[] = {"/usr/lib/podman/aardvark-dns",
		"/usr/libexec/podman/aardvark-dns", "/usr/local/libexec/podman/aardvark-dns"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

bool
resolver_there(void)
{
	return program() != NULL;
}

int
resolver_place(char path[PATH_MAX])
{
	return state_run_path(path, "resolver");
}

/* ---- the process ---- */

/* Its descriptor, or -1 when it does not run. A number may be somebody else's by now. */
static int
find(const char *dir, pid_t *pid)
{
	char path[PATH_MAX + 32], name[32];
	int64_t n;
	snprintf(path, sizeof(path), "%s/aardvark.pid", dir);
	if (file_read_number(path, &n) < 0 || n <= 0)
		return -1;
	*pid = (pid_t)n;
	int fd = pidfd_open(*pid, 0);
	snprintf(path, sizeof(path), "/proc/%d/comm", *pid);
	if (fd >= 0 && file_read_line(path, name, sizeof(name)) == 0 &&
		strcmp(name, "aardvark-dns") == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Any file but that of its number is a network's. */
static bool
is_empty(const char *dir)
{
	const struct dirent *e;
	bool empty = true;
	auto_dir DIR *d = opendir(dir);
	while (d && empty && (e = readdir(d)))
		empty = e->d_name[0] == '.' || strcmp(e->d_name, "aardvark.pid") == 0;
	return empty;
}

static int
start(const char *dir)
{
	char *const argv[] = {(char *)(uintptr_t)program(), (char *)(uintptr_t) "--config",
		(char *)(uintptr_t)dir, (char *)(uintptr_t) "-p", (char *)(uintptr_t) "53",
		(char *)(uintptr_t) "run", NULL};
	const struct run r = {
		.argv = argv, .fd = {-1, -1, -1}, .status_fd = -1, .session = true, .alone = true};
	siginfo_t how;
	pid_t pid = run_start("names of boxes are resolved", &r);
	if (pid <= 0)
		return (int)pid;
	/* It goes into the background once it listens. */
	if (waitid(P_PID, (id_t)pid, &how, WEXITED) < 0 || how.si_code != CLD_EXITED ||
		how.si_status != 0)
		return err_set(ERR_INTERNAL, argv[0], "%s has failed", argv[0]);
	return 0;
}

/* One that has no files left ends by itself, and takes the file of its number along, but not if it
 * was told to before it had begun to listen. Who comes next shall not take it for one that stays.
 */
static int
wait_gone(const char *dir, int fd, pid_t pid)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char path[PATH_MAX + 32];
	if (poll(&p, 1, 2000) == 0 &&
		sys_pidfd_kill("it has nothing to do any more", fd, pid, SIGKILL) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/aardvark.pid", dir);
	return file_exists(path) ? sys_unlink("its number", path) : 0;
}

/* Told to read its files again. */
static int
tell(const char *dir)
{
	pid_t pid;
	auto_fd int fd = step_dry() ? -1 : find(dir, &pid);
	bool empty = is_empty(dir);
	if (fd < 0)
		return empty && !step_dry() ? 0 : start(dir);
	if (sys_pidfd_kill("the resolver reads its files again", fd, pid, SIGHUP) < 0)
		return -1;
	return empty ? wait_gone(dir, fd, pid) : 0;
}

/* How long it may take until it knows what has changed; then the box goes on without. */
#define KNOWN_MS 500

/* A question for an address (RFC 1035, section 4) of a name of one label. */
static void
question(const char *name, struct buf *out)
{
	static const char head[12] = {'t', 'b', 1, 0, 0, 1}, tail[5] = {0, 0, 1, 0, 1};
	buf_add(out, head, sizeof(head));
	buf_addc(out, (char)strlen(name));
	buf_adds(out, name);
	buf_add(out, tail, sizeof(tail));
}

/* Whether it answers so now, or within some milliseconds. */
static bool
answers(int sock, const char *name)
{
	unsigned char text[512];
	auto_buf struct buf asked = BUF_INIT;
	struct pollfd p = {.fd = sock, .events = POLLIN};
	question(name, &asked);
	if (send(sock, asked.s, asked.len, 0) != (ssize_t)asked.len || poll(&p, 1, 20) <= 0)
		return false;
	/* The last four bits of the second two bytes are 0 for "there is such a name". */
	return recv(sock, text, sizeof(text), MSG_DONTWAIT) > 12 && (text[3] & 15) == 0;
}

/* It begins to listen anew after it has read its files. A program that asks for a name first of all
 * must not be quicker than that: so we ask, until it knows the box by its id. */
static void
until_known(const char *gateway, const struct box *b)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	auto_fd int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t end = clock_ns(CLOCK_MONOTONIC) + KNOWN_MS * INT64_C(1000000);
	char id[16];
	snprintf(id, sizeof(id), "%.12s", b->id);
	if (step_dry() || sock < 0 || inet_pton(AF_INET, gateway, &at.sin_addr) != 1 ||
		connect(sock, (struct sockaddr *)&at, sizeof(at)) < 0)
		return;
	while (!answers(sock, id) && clock_ns(CLOCK_MONOTONIC) < end)
		poll(NULL, 0, 1);
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
	json_t *item;
	size_t i;
	if (all_internal(net)) {
		add_word(out, NOBODY, ' ');
		return;
	}
	json_array_foreach(box_value(doc, "HostConfig.Dns"), i, item)
		add_word(out, json_string_value(item), i ? ',' : ' ');
	/* It reads the host's file itself, but is not where that file was written for. */
	auto_buf struct buf text = BUF_INIT;
	if (!i && rootless_inside()) {
		servers_read(false, &text);
		if (strstr(buf_str(&text), "nameserver " SERVERS_USER "\n"))
			add_word(out, SERVERS_USER, ' ');
	}
}

static void
add_line(struct buf *out, const struct network *n, const struct box *b, const json_t *doc,
	const json_t *net)
{
	const json_t *e = json_object_get(json_object_get(net, "Networks"), n->name);
	char id[16];
	json_t *item;
	size_t i;
	snprintf(id, sizeof(id), "%.12s", b->id);
	buf_addf(
		out, "%s %s %s", b->id, box_text(e, "IPAddress"), box_text(e, "GlobalIPv6Address"));
	add_name(out, box_text(doc, "Name"), n->name, true);
	add_name(out, id, n->name, false);
	json_array_foreach(json_object_get(e, "Aliases"), i, item)
		add_name(out, json_string_value(item), n->name, false);
	add_servers(out, doc, net);
	buf_addc(out, '\n');
}

/* The lines of all other boxes. */
static void
keep_others(const char *path, const char *id, struct buf *out)
{
	auto_buf struct buf text = BUF_INIT;
	struct err before = err;
	bool first = true;
	if (file_read(path, 16 << 20, &text) < 0)
		err = before;
	for (char *rest = text.s, *line; rest && (line = strsep(&rest, "\n")); first = false)
		if (!first && *line && strncmp(line, id, 64) != 0)
			buf_addf(out, "%s\n", line);
}

int
resolver_set(const struct network *n, const struct box *b, const json_t *doc, const json_t *net)
{
	char dir[PATH_MAX], lock[PATH_MAX], path[PATH_MAX + 300], tmp[PATH_MAX];
	auto_buf struct buf lines = BUF_INIT, text = BUF_INIT;
	auto_fd int held = -1;
	if (!n->own || !program())
		return 0;
	if (resolver_place(dir) < 0 || state_run_path(lock, "resolver.lock") < 0 ||
		state_run_path(tmp, "resolver.new") < 0 ||
		sys_keep_dir("what the resolver reads", dir, 0755) < 0 ||
		sys_lock("one changes it", lock, true, &held) < 0)
		return -1;
	/* Newer ones understand the end of the name: an internal network. */
	snprintf(path, sizeof(path), "%s/%s%s", dir, n->name, n->internal ? "%int" : "");
	keep_others(path, b->id, &lines);
	if (net)
		add_line(&lines, n, b, doc, net);
	else if (!file_exists(path))
		return 0;
	buf_addf(&text, "%s\n%s", network_gateway(n), buf_str(&lines));
	if (lines.len ? sys_put("who is called what", path, tmp, text.s, text.len, 0644) < 0
		      : sys_unlink("nobody is left in this network", path) < 0)
		return -1;
	if (tell(dir) < 0)
		return -1;
	if (net)
		until_known(network_gateway(n), b);
	return 0;
}
