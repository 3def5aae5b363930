/* SPDX-License-Identifier: MIT
 * Channels: what the other end said before it went is not lost.
 */
#include "door/channel.h"

#include "base/err.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
last_words(void)
{
	int end[2];
	char data[8] = "";
	CHECK(channel_pair(end) == 0, "%s", err.message);
	/* We have said something that the other end does not read any more. */
	CHECK(send(end[0], "size", 4, 0) == 4, "errno %d", errno);
	CHECK(send(end[1], "out", 3, 0) == 3 && send(end[1], "x7", 2, 0) == 2, "errno %d", errno);
	close(end[1]);
	CHECK(channel_take(end[0], data, sizeof(data), 0) == 3 && memcmp(data, "out", 3) == 0,
		"errno %d, %s", errno, data);
	CHECK(channel_take(end[0], data, sizeof(data), MSG_DONTWAIT) == 2 &&
			memcmp(data, "x7", 2) == 0,
		"errno %d, %s", errno, data);
	CHECK(channel_take(end[0], data, sizeof(data), 0) == 0, "and then the end");
	close(end[0]);
}

static void
nothing_yet(void)
{
	int end[2];
	char data[8];
	CHECK(channel_pair(end) == 0, "%s", err.message);
	CHECK(channel_take(end[0], data, sizeof(data), MSG_DONTWAIT) == -1 && errno == EAGAIN,
		"errno %d", errno);
	close(end[0]);
	close(end[1]);
}

static void
pipes(void)
{
	int ours, theirs;
	char data[8];
	CHECK(pipe_to_child(&ours, &theirs, false) == 0, "%s", err.message);
	CHECK(read(ours, data, sizeof(data)) == -1 && errno == EAGAIN, "errno %d", errno);
	CHECK(fcntl(theirs, F_GETFL) == O_WRONLY && fcntl(theirs, F_GETFD) == FD_CLOEXEC,
		"theirs is as a program expects it");
	close(ours);
	close(theirs);
	CHECK(pipe_to_child(&ours, &theirs, true) == 0, "%s", err.message);
	CHECK(write(ours, "x", 1) == 1 && read(theirs, data, sizeof(data)) == 1, "errno %d", errno);
	close(ours);
	CHECK(read(theirs, data, sizeof(data)) == 0, "and then the end");
	close(theirs);
}

int
main(void)
{
	RUN(last_words);
	RUN(nothing_yet);
	RUN(pipes);
	return unit_end();
}
