/* SPDX-License-Identifier: MIT */
#include "door/rootless.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/subid.h"
#include "door/chain.h"
#include "door/channel.h"
#include "door/env.h"
#include "door/spawn.h"
#include "door/step.h"
#include "door/sys_ns.h"
#include "door/tool.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool
rootless_has_ranges(void)
{
	char path[PATH_MAX];
	struct subid range;
	struct err before = err;
	bool has = subid_read("/etc/subuid", geteuid(), &range, 1) > 0 &&
		subid_read("/etc/subgid", geteuid(), &range, 1) > 0 &&
		chain_find("newuidmap", path) == 0 && chain_find("newgidmap", path) == 0;
	err = before;
	return has;
}

int
rootless_become(const struct tool *t, char **argv)
{
	char path[PATH_MAX], tool[PATH_MAX];
	struct strlist words = {0};
	if (t->rights == RIGHTS_ANY || geteuid() == 0 ||
		(t->rights == RIGHTS_OWNERS && !rootless_has_ranges()))
		return 0;
	if (own_tool("rootless-exec", path) < 0 || own_tool(t->name, tool) < 0)
		return -1;
	strlist_add(&words, path);
	strlist_add(&words, "--");
	strlist_add(&words, tool);
	for (char **w = argv + 1; *w; w++)
		strlist_add(&words, *w);
	strlist_add(&words, NULL);
	/* It has our options, and so tells its steps itself. */
	if (!env_explain_inherited())
		env_set_explain_level(0);
	return chain_exec((char **)(uintptr_t)words.v, false);
}

bool
rootless_inside(void)
{
	return getenv(ROOTLESS_VARIABLE) != NULL;
}

bool
rootless_here(void)
{
	return !subid_all_mapped();
}

/* Who listens there, which in a directory where others may write can be anybody: EACCES then. */
static int
connect_own(const char *path, struct ucred *who)
{
	socklen_t size = sizeof(*who);
	auto_fd int fd = channel_connect(path);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &size) < 0)
		return -1;
	if (who->uid == geteuid())
		return take_fd(&fd);
	errno = EACCES;
	return -1;
}

int
rootless_connect(const char *path, int *sock, pid_t *pid)
{
	char word[8];
	struct ucred who;
	auto_fd int fd = connect_own(path, &who);
	if (fd < 0)
		return -1;
	int none = -1;
	errno = ECONNREFUSED;
	if (channel_receive(fd, word, sizeof(word), &none) <= 0)
		return -1;
	*pid = who.pid;
	*sock = take_fd(&fd);
	return 0;
}

pid_t
rootless_living(const char *run)
{
	const struct dirent *e;
	struct ucred who = {0};
	pid_t pid = 0;
	auto_dir DIR *d = opendir(run);
	while (d && !pid && (e = readdir(d))) {
		auto_buf struct buf path = BUF_INIT;
		if (e->d_name[0] == '.')
			continue;
		buf_addf(&path, "%s/%s/attach.sock", run, e->d_name);
		auto_fd int sock = connect_own(path.s, &who);
		pid = sock < 0 ? 0 : who.pid;
	}
	return pid;
}

/* "NUMBER\nMESSAGE\nHINT". */
static int
refused(char *text)
{
	char *save = NULL, *number = strtok_r(text, "\n", &save),
	     *message = strtok_r(NULL, "\n", &save), *hint = strtok_r(NULL, "\n", &save);
	int no = number ? atoi(number) : 0;
	if (!message)
		return err_set(ERR_INTERNAL, NULL, "rootless-keep went away");
	errno = no;
	if (no)
		err_sys("rootless-keep", NULL, "%s", message);
	else
		err_set(ERR_INTERNAL, NULL, "%s", message);
	return hint ? err_hint("%s", hint) : -1;
}

int
rootless_ask(const char *what, int *fd)
{
	char answer[1200] = "";
	auto_fd int sock = -1;
	pid_t pid;
	*fd = -1;
	const char *path = getenv(ROOTLESS_VARIABLE);
	if (!path || rootless_connect(path, &sock, &pid) < 0)
		return err_set(ERR_INTERNAL, path, "nobody keeps the user's namespaces");
	if (channel_send(sock, what, strlen(what), -1) < 0 ||
		channel_receive(sock, answer, sizeof(answer) - 1, fd) <= 0)
		return err_set(ERR_INTERNAL, path, "rootless-keep does not answer");
	if (*fd >= 0)
		return 0;
	return refused(answer);
}

int
rootless_net(void)
{
	static _Thread_local bool there;
	auto_fd int fd = -1;
	if (!rootless_inside() || there)
		return 0;
	if (!step_dry() && rootless_ask("net", &fd) < 0)
		return -1;
	if (sys_setns("the network of the user's boxes", fd, CLONE_NEWNET, "their network") < 0)
		return -1;
	there = true;
	return 0;
}

struct journey {
	int (*work)(void *arg);
	void *arg;
	int result;
	struct err why;
};

static void *
travel(void *self)
{
	struct journey *j = self;
	/* A network namespace is a thread's own, not its process's: setns(2). */
	j->result = rootless_net() < 0 ? -1 : j->work(j->arg);
	j->why = err;
	return NULL;
}

int
rootless_in_net(int (*work)(void *arg), void *arg)
{
	struct journey j = {.work = work, .arg = arg};
	pthread_t thread;
	if (!rootless_inside())
		return work(arg);
	j.why = err;
	errno = pthread_create(&thread, NULL, travel, &j);
	if (errno)
		return err_sys("pthread_create", NULL, "cannot start a thread");
	pthread_join(thread, NULL);
	err = j.why;
	return j.result;
}

void
rootless_begin(void)
{
	auto_fd int fd = -1;
	struct err before = err;
	if (rootless_inside() && !step_dry() && rootless_ask("net", &fd) < 0)
		err = before;
}

int
rootless_way(void)
{
	auto_fd int fd = -1;
	return !rootless_inside() || step_dry() ? 0 : rootless_ask("way", &fd);
}
