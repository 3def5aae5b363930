/* SPDX-License-Identifier: MIT */
#include "box/wait.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long nothing may happen before the files are looked at again, in milliseconds. */
#define LOOK 100

int
wait_parse(const char *text, enum wait_for *what)
{
	static const char *const words[] = {"not-running", "next-exit", "removed"};
	*what = WAIT_NOT_RUNNING;
	if (!*text)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, words[i]) == 0) {
			*what = (enum wait_for)i;
			return 0;
		}
	return err_set(ERR_INVALID, text, "%s: it is not-running, next-exit or removed", text);
}

int
waiting_begin(const struct box *b, enum wait_for what, struct waiting *w)
{
	struct box_state st;
	*w = (struct waiting){.b = *b, .what = what, .start = {.listener = -1}, .sock = -1};
	if (what != WAIT_NOT_RUNNING && attach_wait_begin(b, &w->start) < 0)
		return -1;
	int r = attach_connect(b, &w->sock);
	if (r > 0) {
		attach_wait_end(&w->start);
		send(w->sock, "q", 1, MSG_NOSIGNAL);
	}
	box_state(b, &st);
	w->known = st.exit;
	return r < 0 ? -1 : 0;
}

void
waiting_end(struct waiting *w)
{
	attach_wait_end(&w->start);
	if (w->sock >= 0)
		close(take_fd(&w->sock));
}

/* Polls fd (-1: none) for so many milliseconds. 0 when `stop` had an event. */
static int
pause_for(int fd, const struct pollfd *stop, int ms, bool *ready)
{
	struct pollfd p[] = {{fd, POLLIN, 0}, stop ? *stop : (struct pollfd){-1, 0, 0}};
	int n = poll(p, 2, ms);
	*ready = n > 0 && p[0].revents;
	return n > 0 && p[1].revents ? 0 : 1;
}

/* 1 when it has started, or is gone, if that is what is waited for: then w->sock is -1. */
static int
until_start(struct waiting *w, const struct pollfd *stop)
{
	bool called;
	while (dir_exists(w->b.dir)) {
		if (!pause_for(w->start.listener, stop, LOOK, &called))
			return 0;
		if (!called)
			continue;
		if (attach_wait_take(&w->start, &w->sock) < 0)
			return -1;
		attach_wait_end(&w->start);
		send(w->sock, "q", 1, MSG_NOSIGNAL);
		return 1;
	}
	return w->what == WAIT_REMOVED ? 1 : err_set(ERR_NOT_FOUND, w->b.id, "the box was removed");
}

/* 1 when box-mon has said how the program ended, or is gone. */
static int
until_exit(struct waiting *w, const struct pollfd *stop, bool *told)
{
	char data[64];
	bool ready;
	*told = false;
	for (;;) {
		if (!pause_for(w->sock, stop, -1, &ready))
			return 0;
		ssize_t n =
			ready ? channel_take(w->sock, data, sizeof(data) - 1, MSG_DONTWAIT) : -1;
		if (n < 0 && (!ready || errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return 1;
		data[n] = '\0';
		if (data[0] == 'x' && sscanf(data + 1, "%d", &w->known) == 1) {
			*told = true;
			return 1;
		}
	}
}

/* The process at the other end of the socket: box-mon, which becomes box-end, and is gone when that
 * is done. -1 where it has no number here. */
static int
open_peer(int sock)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -1;
	return pidfd_open(peer.pid, 0);
}

/* Until all is taken away: whoever hears of the end may start or remove the box. Mostly that is
 * when the process behind peer is gone; but it may have been killed, or have left one that starts
 * the box again. */
static int
until_clean(const struct waiting *w, int peer, const struct pollfd *stop)
{
	bool ended = false, ready;
	for (int ms = 1;; ms = ms < 16 ? ms * 2 : 16) {
		struct box_state st;
		if (!dir_exists(w->b.dir))
			return 1;
		box_state(&w->b, &st);
		if (w->what != WAIT_REMOVED && !st.busy)
			return 1;
		/* It waits to run again, and holds the lock meanwhile. */
		if (w->what == WAIT_NEXT_EXIT && st.status == BOX_RESTARTING)
			return 1;
		if (!pause_for(ended ? -1 : peer, stop, ms, &ready))
			return 0;
		ended = ended || ready;
	}
}

int
waiting_run(struct waiting *w, const struct pollfd *stop, int *status)
{
	struct box_state st;
	bool told = false;
	int r = 1;
	/* One that has ended may stay so until it is removed: there is no start to wait for. */
	if (w->sock < 0 && w->what != WAIT_NOT_RUNNING)
		r = until_start(w, stop);
	if (r > 0 && w->sock < 0 && w->what == WAIT_NEXT_EXIT)
		return err_set(ERR_NOT_FOUND, w->b.id, "the box was removed");
	auto_fd int peer = r > 0 ? open_peer(w->sock) : -1;
	if (r > 0 && w->sock >= 0)
		r = until_exit(w, stop, &told);
	if (r > 0)
		r = until_clean(w, peer, stop);
	box_state(&w->b, &st);
	if (dir_exists(w->b.dir) && (!told || w->what == WAIT_NOT_RUNNING))
		w->known = st.exit;
	*status = w->known;
	return r;
}
