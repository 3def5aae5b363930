/* SPDX-License-Identifier: MIT
 * Those who are attached. Each is a socket that keeps packets whole, of which the first byte says
 * what they are. To us:
 *	s	it will give input		i…	input
 *	q	it wants no output		e	the end of its input
 *	wRRCC	the size of its terminal (struct winsize)
 * from us:
 *	o… e…	output, and errors		x…	how the program ended
 */
#include "mon.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "box/attach.h"
#include "door/channel.h"
#include "door/spawn.h"
#include "door/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct client {
	int fd;
	bool quiet, input;
	bool left; /* it has hung up, but there are packets of it yet */
	bool gone; /* to be dropped when nobody counts on its place: clients_serve() */
	struct buf late; /* packets that did not fit into its socket, each behind its length */
	size_t sent; /* so much of that is sent */
} clients[CLIENTS_MAX];
static unsigned n_clients;
static int listener = -1;

void
client_add(int fd, bool input)
{
	if (fd < 0)
		return;
	if (n_clients == CLIENTS_MAX) {
		static const char full[] =
			"ebox-mon: so many are attached to this box that there is no room for one more\n";
		send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	clients[n_clients++] = (struct client){.fd = fd, .input = input};
}

static void
drop(unsigned i, struct input *in)
{
	if (clients[i].input && in && in->once)
		in->ended = true;
	close(clients[i].fd);
	buf_free(&clients[i].late);
	clients[i] = clients[--n_clients];
}

/* Who waits for the box to start listens itself, for there was nobody to connect to. */
static void
call_waiting(const char *run_dir)
{
	auto_buf struct buf path = BUF_INIT;
	struct dirent *e;
	buf_addf(&path, "%s" BOX_WAIT_DIR, run_dir);
	size_t len = path.len;
	DIR *d = opendir(path.s);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		path.len = len;
		buf_addf(&path, "/%s", e->d_name);
		client_add(channel_connect(path.s), false);
		unlink(path.s);
	}
	if (d)
		closedir(d);
}

int
clients_listen(const char *path)
{
	auto_free char *dir = str_new(path);
	char *slash = strrchr(dir, '/');
	if (!slash)
		return err_set(ERR_INVALID, path, "%s is not a path with a directory", path);
	*slash = '\0';
	listener = channel_listen(path);
	if (listener < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) < 0)
		return err_sys("bind", path, "cannot listen at %s", path);
	call_waiting(dir);
	return 0;
}

bool
clients_stalled(void)
{
	for (unsigned i = 0; i < n_clients; i++)
		if (clients[i].late.len)
			return true;
	return false;
}

/* That somebody has hung up is told without being asked for, again and again: it is not listened to
 * until its packets can be taken. */
void
clients_poll(struct pollfd *p, nfds_t *n, const struct input *in)
{
	for (unsigned i = 0; i < n_clients; i++)
		p[(*n)++] = (struct pollfd){clients[i].left && in->n ? -1 : clients[i].fd,
			(short)((in->n ? 0 : POLLIN) | (clients[i].late.len ? POLLOUT : 0)), 0};
	p[(*n)++] = (struct pollfd){listener, POLLIN, 0};
}

static void
forget_late(struct client *c)
{
	buf_reset(&c->late);
	c->sent = 0;
}

static void
forget_output(struct client *c)
{
	c->quiet = true;
	forget_late(c);
}

/* Returns false when the client is gone. */
static bool
take_packet(struct client *c, struct input *in)
{
	char data[BOX_INPUT + 1];
	struct winsize size;
	ssize_t n = channel_take(c->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (data[0] == 'i' && n > 1) {
		c->input = true;
		memcpy(in->data, data + 1, in->n = (size_t)n - 1);
		in->at = 0;
	} else if (data[0] == 'e') {
		in->ended = in->ended || in->once;
		c->input = false;
	} else if (data[0] == 's') {
		c->input = true;
	} else if (data[0] == 'q') {
		forget_output(c);
	} else if (data[0] == 'w' && in->terminal >= 0 && n == 1 + (ssize_t)sizeof(size)) {
		memcpy(&size, data + 1, sizeof(size));
		ioctl(in->terminal, TIOCSWINSZ, &size);
	}
	return true;
}

void
clients_first(struct input *in)
{
	struct pollfd p = {.events = POLLIN};
	for (unsigned i = 0; i < n_clients; i++)
		for (p.fd = clients[i].fd; !in->n && poll(&p, 1, 0) > 0;)
			if (!take_packet(&clients[i], in))
				break;
}

/* Of a client that has hung up, what it said before is to be taken yet. If it has left something
 * unread, that is told once, ahead of its packets, as ECONNRESET (unix(7)). */
static bool
has_left(void)
{
	return errno == EPIPE || errno == ECONNRESET;
}

static void
add_late(struct client *c, const char *data, size_t n)
{
	buf_add(&c->late, (const char *)&n, sizeof(n));
	buf_add(&c->late, data, n);
}

/* -1 with errno when not all of it could be sent. */
static int
send_late(struct client *c, int flags)
{
	size_t n;
	while (c->sent < c->late.len) {
		memcpy(&n, c->late.s + c->sent, sizeof(n));
		if (send(c->fd, c->late.s + c->sent + sizeof(n), n, MSG_NOSIGNAL | flags) < 0)
			return -1;
		c->sent += sizeof(n) + n;
	}
	forget_late(c);
	return 0;
}

/* Returns false when the client is gone. */
static bool
catch_up(struct client *c)
{
	if (send_late(c, MSG_DONTWAIT) == 0 || errno == EAGAIN)
		return true;
	if (!has_left())
		return false;
	forget_output(c);
	return true;
}

static bool
has_packet(const struct client *c)
{
	char type;
	ssize_t n;
	do
		n = recv(c->fd, &type, 1, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && has_left());
	return n > 0;
}

void
clients_serve(const struct pollfd *p, nfds_t n, struct input *in)
{
	/* Backwards, for one that goes is replaced by the last. */
	for (nfds_t i = n - 1; i-- > 0;) {
		struct client *c = &clients[i];
		bool alive = !c->gone;
		if (alive && p[i].revents & POLLOUT)
			alive = catch_up(c);
		if (alive && p[i].revents & POLLIN && !in->n)
			alive = take_packet(c, in);
		else if (alive && p[i].revents & (POLLHUP | POLLERR) && !(p[i].revents & POLLIN)) {
			alive = c->left = has_packet(c);
			forget_output(c);
		}
		if (!alive)
			drop((unsigned)i, in);
	}
	if (p[n - 1].revents)
		client_add(accept4(listener, NULL, NULL, SOCK_CLOEXEC), false);
}

void
clients_send(char type, const char *p, size_t n)
{
	char data[BOX_OUTPUT + 1];
	data[0] = type;
	memcpy(data + 1, p, n);
	for (unsigned i = n_clients; i-- > 0;) {
		struct client *c = &clients[i];
		if (c->gone || (c->quiet && type != 'x'))
			continue;
		if (!c->late.len &&
			send(c->fd, data, n + 1, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n + 1)
			continue;
		if (c->late.len || errno == EAGAIN) {
			add_late(c, data, n + 1);
			continue;
		}
		c->gone = !has_left();
		forget_output(c);
	}
}

static int
deliver(void *self)
{
	return send_late(self, 0) < 0 ? errno : 0;
}

void
clients_end(void)
{
	if (listener >= 0)
		close(listener);
	listener = -1;
	while (n_clients) {
		struct client *c = &clients[n_clients - 1];
		if (c->late.len)
			run_behind(deliver, c, c->fd);
		drop(n_clients - 1, NULL);
	}
}
