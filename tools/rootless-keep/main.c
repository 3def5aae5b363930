/* SPDX-License-Identifier: MIT
 * rootless-keep: keeps the namespaces of an ordinary user's boxes.
 *
 * A user namespace has no name that an ordinary user could give it: it ends with its last process,
 * and only who is inside can let others in. So this process is in it, and waits; in the network of
 * the host, so that it can give away sockets there. rootless-exec starts it and finds it; it ends
 * when nobody has a socket to it any more.
 *
 *	ns-exec --user --map-auto -- rootless-keep "$XDG_RUNTIME_DIR/tacklebox/rootless.sock"
 */
#include "keep.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "door/channel.h"
#include "door/env.h"
#include "door/rootless.h"
#include "door/sys.h"
#include "door/sys_ns.h"
#include "door/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t join, linger;

static const struct opt options[] = {
	{0, "join", "PID", opt_int, &join,
		"keep those of a box that runs, whose keeper was killed: PID is its box-mon",
		false},
	{0, "linger", "TIME", opt_duration, &linger,
		"stay so long when the last one has gone, for the next one (0s)", false},
	OPT_END,
};

static const struct tool me = {
	.name = "rootless-keep",
	.kind = TOOL_SERVES,
	.usage = "[OPTION]... SOCKET",
	.summary = "Keeps the namespaces of a user's boxes until nobody is connected to SOCKET.",
	.options = options,
	.example = "timeout 1 ns-exec --user -- rootless-keep ./rootless.sock || :",
};

/* [0] is who listens, and the rest are those who are inside. */
static struct pollfd *all;
static size_t n_all;

static void
add(int fd)
{
	all = realloc(all, (n_all + 1) * sizeof(*all));
	if (!all)
		abort();
	all[n_all++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* That it is taken, and will not be left alone, is said at once. */
static void
take_one(void)
{
	int fd = accept4(all[0].fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (channel_send(fd, "ok", 2, -1) < 0)
		close(fd);
	else
		add(fd);
}

static void
answer(int sock, const char *what, const char *net)
{
	int fd = -1;
	err_clear();
	int r = strcmp(what, "net") == 0   ? keep_net(net, &fd)
		: strcmp(what, "way") == 0 ? keep_way(net, &fd)
		: strncmp(what, "bind ", 5) == 0
		? keep_bind(what + 5, &fd)
		: err_set(ERR_INVALID, what, "cannot do what is asked for: %s", what);
	/* It runs as long as boxes do: one failure must not undo what others have got. */
	if (r == 0) {
		channel_send(sock, "ok", 2, fd);
		close(fd);
		return;
	}
	auto_buf struct buf text = BUF_INIT;
	buf_addf(&text, "%d\n%s\n%s", err.no, err.message, err.hint);
	channel_send(sock, text.s, text.len, -1);
}

/* 0: it is gone. */
static int
serve_one(int sock, const char *net)
{
	char what[128] = "";
	int none = -1;
	ssize_t n = channel_receive(sock, what, sizeof(what) - 1, &none);
	if (none >= 0)
		close(none);
	if (n > 0)
		answer(sock, what, net);
	return n > 0;
}

/* Boxes of a keeper that was killed go on, and are connected to nobody: what they are in is kept
 * for them, too. True when there is one, whose end is heard of. */
static bool
a_box_lives(const char *path)
{
	auto_free char *run = str_new(path);
	char *slash = strrchr(run, '/');
	if (slash)
		*slash = '\0';
	pid_t pid = rootless_living(slash ? run : ".");
	int fd = pid ? pidfd_open(pid, 0) : -1;
	if (fd >= 0)
		add(fd);
	return fd >= 0;
}

/* The last one has gone. The next one is often not far, and to make all this anew would take it
 * longer than the rest of what it does. Who starts keepers holds the lock, so with the lock in hand
 * nobody comes who does not find this one's end; and who holds it may be about to come here. */
static bool
may_end(int lock)
{
	if (poll(all, 1, (int)(linger / 1000000)) != 0)
		return false;
	bool locked = lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0;
	bool ends = poll(all, 1, locked ? 0 : 20) == 0 && locked;
	if (locked && !ends)
		flock(lock, LOCK_UN);
	return ends;
}

static void
serve(const char *path, const char *net, int lock)
{
	/* The first one is on its way: it has started us. */
	bool had = false;
	while (!had || n_all > 1 || a_box_lives(path) || !may_end(lock)) {
		if ((had && n_all == 1 ? poll(all, 1, 0) : poll(all, n_all, had ? -1 : 10000)) ==
			0) {
			if (!had)
				return;
			continue;
		}
		for (size_t i = n_all; i-- > 1;)
			if (all[i].revents && !serve_one(all[i].fd, net)) {
				close(all[i].fd);
				all[i] = all[--n_all];
			}
		if (all[0].revents) {
			take_one();
			had = true;
		}
	}
}

static int
keep(const char *path)
{
	char net[PATH_MAX], name[PATH_MAX];
	if (snprintf(net, sizeof(net), "%s.net", path) >= (int)sizeof(net))
		return err_set(ERR_INVALID, path, "%s is too long", path);
	snprintf(name, sizeof(name), "%.*s.lock", PATH_MAX - 8, path);
	auto_fd int lock = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	int listener = channel_listen(path);
	if (listener < 0)
		return err_sys("bind", path, "cannot listen at %s", path);
	add(listener);
	/* Who started us reads to the end of what we have to say: there is nothing. */
	env_close_status();
	serve(path, net, lock);
	sys_unlink("nobody finds us any more", path);
	close(listener);
	keep_net_end(net);
	return 0;
}

static int
own_mounts(void)
{
	if (sys_unshare("mounts of our own", CLONE_NEWNS) < 0)
		return -1;
	return sys_mount("what the host mounts later shows here too", NULL, "/", NULL,
		MS_REC | MS_SLAVE, NULL);
}

/* The network's name is among its mounts. */
static int
join_box(void)
{
	char shown[64];
	auto_fd int pidfd = pidfd_open((pid_t)join, 0);
	if (pidfd < 0)
		return err_sys("pidfd_open", NULL, "cannot find process %d", (int)join);
	snprintf(shown, sizeof(shown), "the namespaces of process %d", (int)join);
	return sys_setns(
		"the namespaces of a box that runs", pidfd, CLONE_NEWUSER | CLONE_NEWNS, shown);
}

int
main(int argc, char **argv)
{
	struct args a = tool_start(&me, argc, argv);
	if (a.n != 1 || a.operand[0][0] == '\0')
		tool_usage("no SOCKET given");
	if ((join ? join_box() : own_mounts()) < 0 || keep(a.operand[0]) < 0)
		tool_die();
	return tool_finish();
}
