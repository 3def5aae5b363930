/* SPDX-License-Identifier: MIT
 * Tars that come from outside: a context, or what ADD takes apart.
 */
#include "build.h"

#include "base/auto.h"
#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"
#include "image/intake.h"
#include "image/layer.h"
#include "image/stream.h"
#include "image/tar_format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* More files than that are no archive but an attack. */
#define ENTRIES_MAX 2000000

/* What was read already, and then the rest. */
struct joined {
	const void *head;
	size_t n_head;
	struct stream_fd rest;
};

static ssize_t
read_joined(void *self, const void **data)
{
	struct joined *j = self;
	if (j->n_head) {
		size_t n = j->n_head;
		*data = j->head;
		j->n_head = 0;
		return (ssize_t)n;
	}
	return stream_fd_read(&j->rest, data);
}

/* All of it is one step. */
int
unpack_tar(const struct unpack *u)
{
	struct step st;
	struct layer_result r = {0};
	bool bad = false;
	struct joined in = {
		.head = u->head, .n_head = u->n_head, .rest = {.fd = u->fd, .shown = u->shown}};
	struct layer_apply how = {.dir = u->dir,
		.shown = u->shown,
		.form = LAYER_FLAT,
		.literal = true,
		.max_bytes = (uint64_t)asked.max_context,
		.max_entries = ENTRIES_MAX,
		.read = read_joined,
		.self = &in};
	intake_rights(&how);
	if (step_open(&st, "layer", "what is in the archive")) {
		bad = layer_apply(&how, &r) < 0;
		errno = err.no ? err.no : EBADMSG;
		step_result(&st, bad ? -1 : 0);
	}
	if (step_told(&st)) {
		step_call(&st, "unpack %s", tell_c(u->shown));
		step_shell(&st, "bsdtar -x -p --numeric-owner -f %s", tell_sh(u->shown));
	}
	int closed = (int)step_close(&st);
	stream_fd_free(&in.rest);
	layer_result_free(&r);
	if (closed < 0 && !bad)
		return err_sys("layer", u->shown, "cannot unpack %s", u->shown);
	return bad ? err_prefix("%s", u->shown) : 0;
}

/* The first block: a header whose sum is right (moby, pkg/archive "IsArchivePath" tries one, too).
 */
static bool
is_header(const void *block, size_t n)
{
	int64_t sum;
	const struct tar_header *h = block;
	return n >= sizeof(*h) && h->name[0] &&
		tar_number(h->checksum, sizeof(h->checksum), &sum) == 0 &&
		(sum == tar_checksum(h, false) || sum == tar_checksum(h, true));
}

bool
is_archive_head(const void *head, size_t n)
{
	return stream_packed(head, n) || is_header(head, n);
}

bool
is_archive(int fd)
{
	_Alignas(struct tar_header) char head[TAR_BLOCK_SIZE];
	struct stream_fd in = {.fd = fd, .shown = "archive"};
	struct err before = err;
	const void *data;
	size_t got = 0;
	ssize_t n = pread(fd, head, sizeof(head), 0);
	if (n <= 0 || !stream_packed(head, (size_t)n))
		return n > 0 && is_header(head, (size_t)n);
	struct stream *s = stream_open(stream_fd_read, &in);
	while (got < sizeof(head) && (n = stream_read(s, &data)) > 0) {
		size_t take = (size_t)n < sizeof(head) - got ? (size_t)n : sizeof(head) - got;
		memcpy(head + got, data, take);
		got += take;
	}
	stream_close(s);
	stream_fd_free(&in);
	err = before;
	return is_header(head, got);
}
