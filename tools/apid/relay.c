/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include "base/auto.h"
#include "base/clock.h"
#include "door/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
transient(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* ---- to the client ---- */

/* False: it is gone. */
static bool
send_client(struct relay *r)
{
	ssize_t n = send(r->client, r->to_client + r->at_client, r->n_client - r->at_client,
		MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return transient();
	r->at_client += (size_t)n;
	if (r->at_client == r->n_client)
		r->n_client = r->at_client = 0;
	return true;
}

/* n bytes of a stream stand behind the room for the head of their frame. */
static bool
show(struct relay *r, unsigned stream, size_t n)
{
	const unsigned char head[RELAY_HEAD] = {(unsigned char)stream, 0, 0, 0, 0,
		(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};
	if (!n || !r->shown[stream])
		return true;
	memcpy(r->to_client, head, RELAY_HEAD);
	r->at_client = r->raw ? RELAY_HEAD : 0;
	r->n_client = RELAY_HEAD + n;
	return send_client(r);
}

/* ---- from the program ---- */

static bool
take_packet(struct relay *r)
{
	/* Its first byte says what it is, and lies where the last byte of the head will. */
	char *p = r->to_client + RELAY_HEAD - 1;
	ssize_t n = channel_take(r->out[0], p, BOX_OUTPUT + 1, MSG_DONTWAIT);
	if (n < 0 && transient())
		return true;
	char type = n > 0 ? *p : 0;
	if (type == 'o' || type == 'e')
		return show(r, type == 'o' ? 1 : 2, (size_t)n - 1);
	if (type == 'x') {
		p[n < BOX_OUTPUT ? n : BOX_OUTPUT] = '\0';
		if (sscanf(p + 1, "%d", &r->status) != 1)
			r->status = -1;
	}
	if (n <= 0 || type == 'x') {
		r->out[0] = -1;
		r->ended = true;
	}
	return true;
}

static bool
take_output(struct relay *r, unsigned i)
{
	if (r->packets)
		return take_packet(r);
	ssize_t n = read(r->out[i], r->to_client + RELAY_HEAD, BOX_OUTPUT);
	if (n > 0)
		return show(r, i + 1, (size_t)n);
	/* EIO of a terminal: nobody has it open any more. */
	/* And once the program is gone, what still has the pipe open is not it. */
	if (n == 0 || !transient() || r->ended)
		r->out[i] = -1;
	return true;
}

/* ---- to the program ---- */

static void
give(struct relay *r)
{
	const char *p = r->to_program + r->at_program;
	size_t n = r->n_program - r->at_program;
	ssize_t done =
		r->packets ? send(r->in, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) : write(r->in, p, n);
	if (done < 0 && transient())
		return;
	r->at_program += done > 0 ? (size_t)done : n; /* nobody reads: it is lost */
	if (r->at_program == r->n_program)
		r->n_program = r->at_program = 0;
}

static void
put(struct relay *r, const char *p, size_t n)
{
	if (r->packets)
		r->to_program[0] = 'i';
	memcpy(r->to_program + r->packets, p, n);
	r->n_program = n + r->packets;
	r->at_program = 0;
	if (r->in >= 0)
		give(r);
	else
		r->n_program = 0;
}

/* The client writes no more: the program reads the end of its input. That is a packet as any other,
 * for which there may be no room now. */
static void
end_input(struct relay *r)
{
	r->client_done = true;
	if (!r->input || r->in < 0)
		return;
	if (r->packets) {
		r->to_program[0] = 'e';
		r->n_program = 1;
		r->at_program = 0;
		give(r);
	} else if (!r->borrowed) {
		close(take_fd(&r->in));
	}
	r->input = false;
}

/* At most INPUT_MAX bytes of the client's. */
#define INPUT_MAX ((size_t)BOX_INPUT - 1 - ATTACH_KEYS_MAX)

static void
hand_on(struct relay *r, const char *p, size_t n)
{
	auto_buf struct buf typed = BUF_INIT;
	r->detached = !attach_keys_sift(&r->keys, p, n, &typed);
	if (typed.len)
		put(r, typed.s, typed.len);
}

/* False: there is nothing now. */
static bool
take_input(struct relay *r)
{
	char data[INPUT_MAX];
	ssize_t n = recv(r->client, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && transient())
		return false;
	if (n <= 0)
		end_input(r);
	else if (r->input)
		hand_on(r, data, (size_t)n);
	return true;
}

/* The client is gone: what it has sent before is for the program yet, as far as that takes it. */
static void
take_rest(struct relay *r)
{
	while (r->input && !r->client_done && !r->n_program && !r->detached && take_input(r))
		;
}

/* ---- both ---- */

static void
ask(const struct relay *r, struct pollfd p[5])
{
	bool room = !r->n_client;
	p[0] = (struct pollfd){r->client,
		(short)((r->client_done || r->n_program ? 0 : POLLIN) | (room ? 0 : POLLOUT)), 0};
	p[1] = (struct pollfd){room ? r->out[0] : -1, POLLIN, 0};
	p[2] = (struct pollfd){room ? r->out[1] : -1, POLLIN, 0};
	p[3] = (struct pollfd){r->n_program ? r->in : -1, POLLOUT, 0};
	p[4] = (struct pollfd){r->ended ? -1 : r->end, POLLIN, 0};
}

/* False: the client is gone. */
static bool
step(struct relay *r)
{
	struct pollfd p[5];
	ask(r, p);
	/* Once the program is gone, what it has written is there to be read. */
	if (poll(p, 5, r->ended && !r->n_client ? 0 : -1) < 0)
		return true;
	if (p[0].revents & (POLLHUP | POLLERR)) {
		take_rest(r);
		return false;
	}
	if (p[0].revents & POLLOUT && !send_client(r))
		return false;
	if (p[0].revents & POLLIN)
		take_input(r);
	if (p[3].revents)
		give(r);
	bool was_ended = r->ended;
	if (p[4].revents)
		r->ended = true;
	for (unsigned i = 0; i < 2 && !r->n_client; i++)
		if (r->out[i] >= 0 && (p[1 + i].revents || was_ended) && !take_output(r, i))
			return false;
	return true;
}

enum relay_end
relay_run(struct relay *r, const char *first, size_t n)
{
	fcntl(r->client, F_SETFL, fcntl(r->client, F_GETFL) | O_NONBLOCK);
	while (n && r->input && !r->detached) {
		size_t some = n < INPUT_MAX ? n : INPUT_MAX;
		hand_on(r, first, some);
		first += some;
		n -= some;
		while (r->n_program)
			if (!step(r))
				return RELAY_GONE;
	}
	while (!r->detached &&
		(r->out[0] >= 0 || r->out[1] >= 0 || r->n_client || (r->end >= 0 && !r->ended)))
		if (!step(r))
			return RELAY_GONE;
	return r->detached ? RELAY_DETACHED : RELAY_ENDED;
}

void
relay_finish(int client)
{
	char lost[4096];
	int64_t end = clock_ns(CLOCK_MONOTONIC) + (int64_t)5 * 1000000000;
	shutdown(client, SHUT_WR);
	while (clock_ns(CLOCK_MONOTONIC) < end) {
		struct pollfd p = {client, POLLIN, 0};
		if (poll(&p, 1, 1000) <= 0)
			continue;
		ssize_t n = recv(client, lost, sizeof(lost), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && !transient()))
			return;
	}
}
