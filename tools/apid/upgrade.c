/* SPDX-License-Identifier: MIT */
#include "upgrade.h"

#include "base/auto.h"
#include "door/channel.h"
#include "thread.h"

#include <linux/sockios.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct upgrade {
	upgrade_fn *fn;
	void *self;
	int fd;
	hang_up_fn *hang_up;
	void *handle;
	struct buf first;
};

static atomic_uint now;

unsigned
upgrades_now(void)
{
	return now;
}

struct upgrade *
upgrade_new(upgrade_fn *fn, void *self)
{
	struct upgrade *u = calloc(1, sizeof(*u));
	if (!u)
		abort();
	u->fn = fn;
	u->self = self;
	return u;
}

/* Docker's SDK for Python reads the answer through a buffer and the stream past it: of what comes
 * together with the answer it loses all that the buffer took. So that a client which is about to
 * read does so first (unix(7): SIOCOUTQ is what the peer has not read yet; over TCP, what it has
 * not acknowledged). One that does not read soon is not waited for; soon is half a second, for a
 * busy machine may give it no turn in less. */
static void
let_read(int fd)
{
	for (int i = 0, left; i < 500 && ioctl(fd, SIOCOUTQ, &left) == 0 && left > 0; i++)
		nanosleep(&(struct timespec){0, i < 10 ? 50000 : 1000000}, NULL);
}

static void *
serve(void *arg)
{
	struct upgrade *u = arg;
	let_read(u->fd);
	u->fn(u->self, u->fd, buf_str(&u->first), u->first.len);
	u->hang_up(u->handle);
	buf_free(&u->first);
	free(u);
	now--;
	return NULL;
}

void
upgrade_begin(
	struct upgrade *u, int fd, const char *first, size_t n, hang_up_fn *hang_up, void *handle)
{
	u->fd = fd;
	u->hang_up = hang_up;
	u->handle = handle;
	buf_add(&u->first, first, n);
	now++;
	if (thread_start(serve, u, NULL) < 0)
		serve(u);
}

static void
close_it(void *fd)
{
	close((int)(intptr_t)fd);
}

/* As if it had left right after the answer. */
void
upgrade_to_nobody(struct upgrade *u)
{
	int pair[2];
	if (stream_pair(pair) < 0)
		abort();
	close(pair[1]);
	upgrade_begin(u, pair[0], "", 0, close_it, (void *)(intptr_t)pair[0]);
}
