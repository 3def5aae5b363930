/* SPDX-License-Identifier: MIT
 * Who is called what: one file a network (lib/box/resolver.h), which is replaced as a whole.
 */
#include "resolve.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_MAX (16 << 20)
#define WATCHED (IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF)

struct network_names *names_all;
size_t names_count;
unsigned names_generation;

static const char *place;
static int watch = -1;

/* ---- one file ---- */

/* "ID ADDRESS ADDRESS6 NAME,… SERVER,…": what is not there is "-". */
static bool
read_member(char *line, struct member *m)
{
	const char *word[5];
	for (size_t i = 0; i < 5; i++)
		if (!(word[i] = strsep(&line, " ")))
			return false;
	*m = (struct member){.id = word[0], .names = word[3], .servers = word[4]};
	m->has_v6 = inet_pton(AF_INET6, word[2], &m->v6) == 1;
	return inet_pton(AF_INET, word[1], &m->v4) == 1;
}

/* The first line is the gateway. A line that is not as it should be is nobody's. */
static bool
parse(struct network_names *n)
{
	char *rest = n->text, *line = strsep(&rest, "\n");
	if (!line || inet_pton(AF_INET, line, &n->gateway) != 1)
		return false;
	while ((line = strsep(&rest, "\n"))) {
		struct member m;
		if (!read_member(line, &m))
			continue;
		n->v = reallocarray(n->v, n->n + 1, sizeof(*n->v));
		if (!n->v)
			abort();
		n->v[n->n++] = m;
	}
	return true;
}

static void
empty(struct network_names *n)
{
	free(n->text);
	free(n->v);
	n->text = NULL;
	n->v = NULL;
	n->n = 0;
}

/* ---- sockets ---- */

/* IP_FREEBIND: the bridge may be on its way. */
static int
socket_at(struct in_addr gateway, int type)
{
	const struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(NS_DEFAULTPORT), .sin_addr = gateway};
	static const int yes = 1;
	auto_fd int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes)) < 0 ||
		(type == SOCK_STREAM &&
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0) ||
		bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
		(type == SOCK_STREAM && listen(fd, 64) < 0))
		return -1;
	return take_fd(&fd);
}

static void
hang_up(struct network_names *n)
{
	int *const fds[] = {&n->udp, &n->tcp};
	for (size_t i = 0; i < 2; i++)
		if (*fds[i] >= 0)
			close(take_fd(fds[i]));
	names_generation++;
}

bool
names_listen(void)
{
	bool all = true;
	for (size_t i = 0; i < names_count; i++) {
		struct network_names *n = &names_all[i];
		if (n->udp < 0)
			n->udp = socket_at(n->gateway, SOCK_DGRAM);
		if (n->tcp < 0)
			n->tcp = socket_at(n->gateway, SOCK_STREAM);
		all = all && n->udp >= 0 && n->tcp >= 0;
	}
	return all;
}

/* ---- all of them ---- */

static size_t
find(const char *name)
{
	size_t i = 0;
	while (i < names_count && strcmp(names_all[i].name, name) < 0)
		i++;
	return i;
}

static struct network_names *
insert(size_t i, const char *name)
{
	names_all = reallocarray(names_all, names_count + 1, sizeof(*names_all));
	if (!names_all)
		abort();
	memmove(&names_all[i + 1], &names_all[i], (names_count++ - i) * sizeof(*names_all));
	names_all[i] = (struct network_names){.name = str_new(name), .udp = -1, .tcp = -1};
	names_generation++;
	return &names_all[i];
}

static void
remove_at(size_t i)
{
	hang_up(&names_all[i]);
	empty(&names_all[i]);
	free(names_all[i].name);
	memmove(&names_all[i], &names_all[i + 1], (--names_count - i) * sizeof(*names_all));
}

static void
read_one(const char *name)
{
	auto_buf struct buf path = BUF_INIT, text = BUF_INIT;
	if (name[0] == '.')
		return;
	size_t i = find(name);
	bool known = i < names_count && strcmp(names_all[i].name, name) == 0;
	path_join(&path, place, name);
	if (file_read(path.s, FILE_MAX, &text) < 0)
		err_clear();
	struct network_names *n = known ? &names_all[i] : insert(i, name);
	struct in_addr before = n->gateway;
	empty(n);
	n->text = buf_take(&text);
	if (!parse(n))
		remove_at(i);
	else if (known && before.s_addr != n->gateway.s_addr)
		hang_up(n);
}

/* One that has gone meanwhile is gone when it is read. */
static void
read_all(void)
{
	const struct dirent *e;
	for (size_t i = names_count; i-- > 0;) {
		auto_free char *name = str_new(names_all[i].name);
		read_one(name);
	}
	auto_dir DIR *d = opendir(place);
	while (d && (e = readdir(d)))
		read_one(e->d_name);
}

void
names_reread(void)
{
	read_all();
}

int
names_open(const char *dir)
{
	place = dir;
	watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* First the watch: what changes while we read is read again. */
	if (watch < 0 || inotify_add_watch(watch, dir, WATCHED | IN_ONLYDIR) < 0)
		return err_sys("inotify_add_watch", dir, "cannot watch %s", dir);
	read_all();
	return watch;
}

void
names_refresh(void)
{
	_Alignas(struct inotify_event) char events[4096];
	ssize_t n;
	while ((n = read(watch, events, sizeof(events))) > 0)
		for (char *p = events; p < events + n;) {
			const struct inotify_event *e = (const void *)p;
			if (e->len)
				read_one(e->name);
			else
				read_all(); /* there were too many, or the directory has gone */
			p += sizeof(*e) + e->len;
		}
}

struct network_names *
names_at(struct in_addr gateway)
{
	for (size_t i = 0; i < names_count; i++)
		if (names_all[i].gateway.s_addr == gateway.s_addr)
			return &names_all[i];
	return NULL;
}
