/* SPDX-License-Identifier: MIT
 * Being attached to a container: POST /containers/ID/attach. box-mon tells all who are attached
 * what the program writes, so several clients are no matter.
 */
#include "box/attach.h"
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "door/undo.h"
#include "job.h"
#include "logs.h"
#include "push.h"
#include "relay.h"
#include "ws.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct attached {
	struct box b;
	struct attach_wait start;
	int sock;
	bool input, out, error, tty, logs, stream;
	bool raw; /* without frames */
	struct attach_keys keys;
	struct winsize size; /* it is to begin with; 0: not said */
};

static void
attached_free(struct attached *a)
{
	attach_wait_end(&a->start);
	if (a->sock >= 0)
		close(a->sock);
	free(a);
}

/* Until it starts. False: it will not, or the client has left. */
static bool
until_start(struct attached *a, int client)
{
	while (a->sock < 0) {
		struct pollfd p[] = {{a->start.listener, POLLIN, 0}, {client, 0, 0}};
		int n = poll(p, 2, 100);
		if (n > 0 && p[1].revents)
			return false;
		if (n > 0 && p[0].revents && attach_wait_take(&a->start, &a->sock) < 0)
			return false;
		if (a->sock < 0 && (!dir_exists(a->b.dir) || http_stopping()))
			return false;
	}
	attach_wait_end(&a->start);
	return true;
}

/* What box-mon is to know of this client. */
static void
introduce(const struct attached *a)
{
	char data[1 + sizeof(a->size)] = "w";
	if (a->size.ws_row) {
		memcpy(data + 1, &a->size, sizeof(a->size));
		send(a->sock, data, sizeof(data), MSG_NOSIGNAL);
	}
	if (a->input)
		send(a->sock, "s", 1, MSG_NOSIGNAL);
	if (!a->out && !a->error)
		send(a->sock, "q", 1, MSG_NOSIGNAL);
}

static void
run(void *self, int fd, const char *first, size_t n)
{
	struct attached *a = self;
	/* Of a client that has not taken all, the rest would begin in the middle of a frame. */
	bool reads = !a->logs || logs_write(&a->b, a->raw, a->out, a->error, fd) == 0;
	if (reads && a->stream && until_start(a, fd)) {
		struct relay *r = calloc(1, sizeof(*r));
		if (!r)
			abort();
		*r = (struct relay){.client = fd,
			.raw = a->raw,
			.input = a->input,
			.shown = {false, a->out, a->error},
			.out = {a->sock, -1},
			.in = a->sock,
			.borrowed = true,
			.packets = true,
			.end = -1,
			.status = -1,
			.keys = a->keys};
		introduce(a);
		if (relay_run(r, first, n) == RELAY_DETACHED)
			tell_event(&a->b, "detach", NULL);
		free(r);
	}
	attached_free(a);
	relay_finish(fd);
}

/* From here on nothing is missed. */
static int
begin(struct attached *a)
{
	pthread_mutex_lock(&door);
	int r = attach_wait_begin(&a->b, &a->start);
	if (r == 0 && (r = attach_connect(&a->b, &a->sock)) > 0)
		attach_wait_end(&a->start);
	undo_forget();
	pthread_mutex_unlock(&door);
	if (r >= 0)
		tell_event(&a->b, "attach", NULL);
	return r < 0 ? -1 : 0;
}

static struct attached *
attached_new(const struct request *r, const struct box *b, const json_t *doc)
{
	struct attached *a = calloc(1, sizeof(*a));
	const json_t *size = box_value(doc, "HostConfig.ConsoleSize");
	if (!a)
		abort();
	*a = (struct attached){.b = *b,
		.start = {.listener = -1},
		.sock = -1,
		.input = request_flag(r, "stdin", false) && box_flag(doc, "Config.OpenStdin"),
		.out = request_flag(r, "stdout", false),
		.error = request_flag(r, "stderr", false),
		.logs = request_flag(r, "logs", false),
		.stream = request_flag(r, "stream", false),
		.tty = box_flag(doc, "Config.Tty")};
	a->raw = a->tty;
	if (a->tty) {
		a->size.ws_row = (unsigned short)json_integer_value(json_array_get(size, 0));
		a->size.ws_col = (unsigned short)json_integer_value(json_array_get(size, 1));
	}
	return a;
}

/* Only at a terminal are keys typed; docker's client looks for them by itself. */
static int
read_keys(const struct request *r, struct attached *a)
{
	const char *keys = request_query(r, "detachKeys");
	if (!a->tty)
		return 0;
	return attach_keys_read(keys && *keys ? keys : ATTACH_KEYS_USUAL, &a->keys);
}

/* Ready to be run, NULL with `err` set. */
static struct attached *
open_attached(const struct request *r)
{
	struct box b;
	struct box_state st;
	if (box_find(r->part[0], &b) < 0)
		return NULL;
	auto_json json_t *doc = box_read(&b, "box.json");
	if (!doc)
		return NULL;
	box_state(&b, &st);
	if (st.status == BOX_PAUSED) {
		err_set(ERR_CONFLICT, b.id,
			"Container %s is paused, unpause the container before attach", b.id);
		return NULL;
	}
	struct attached *a = attached_new(r, &b, doc);
	if (read_keys(r, a) == 0 && (!a->stream || begin(a) == 0))
		return a;
	attached_free(a);
	return NULL;
}

int
containers_attach(struct request *r)
{
	struct attached *a = open_attached(r);
	if (!a)
		return -1;
	if (reply_relayed(r, run, a) == 0)
		return 0;
	attached_free(a);
	return -1;
}

/* A web socket has messages of its own: there are no frames in them, and what is written as output
 * and as errors is one stream, as dockerd has it. */
int
containers_attach_ws(struct request *r)
{
	struct attached *a = open_attached(r);
	if (!a)
		return -1;
	a->raw = true;
	if (reply_websocket(r, run, a) == 0)
		return 0;
	attached_free(a);
	return -1;
}
