/* SPDX-License-Identifier: MIT */
#include "image/fetch_body.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool
fetch_wanted(const struct fetch *r)
{
	return r->write && (r->status == 200 || (r->status == 206 && r->from > 0));
}

/* The rest was asked for (RFC 9110 section 14.2). A server may send all again. */
static int
begin(struct fetch *r)
{
	r->begun = true;
	r->skip = r->status == 200 ? r->from : 0;
	if (r->status == 200 || r->head.first == r->from)
		return 0;
	return err_set(ERR_INVALID, fetch_shown(r),
		"cannot fetch %s: asked for what comes from byte %lld on, it sends another part",
		fetch_shown(r), (long long)r->from);
}

int
fetch_take(struct fetch *r, const char *data, size_t len)
{
	if (!r->begun && begin(r) < 0)
		return -1;
	int64_t skip = (int64_t)len < r->skip ? (int64_t)len : r->skip;
	int64_t rest = (int64_t)len - skip;
	if (rest > r->max - r->got)
		return err_set(ERR_INVALID, fetch_shown(r),
			"cannot fetch %s: more than the %lld bytes it should have", fetch_shown(r),
			(long long)r->max);
	int taken = rest > 0 ? r->write(r->self, data + skip, (size_t)rest) : 1;
	/* What is not taken now comes again as it is, with what was skipped of it. */
	if (taken > 0) {
		r->skip -= skip;
		r->got += rest;
	}
	return taken;
}

ssize_t
fetch_give(struct fetch *r, char *to, size_t room)
{
	int64_t left = r->body_len - r->sent;
	size_t n = (int64_t)room < left ? room : (size_t)left;
	ssize_t got = (ssize_t)n;
	if (n == 0)
		return 0;
	if (r->body)
		memcpy(to, (const char *)r->body + r->sent, n);
	else
		got = pread(r->body_fd, to, n, r->body_at + r->sent);
	if (got > 0) {
		r->sent += got;
		return got;
	}
	if (got == 0)
		errno = EIO; /* it was longer a moment ago */
	return err_sys("pread", fetch_shown(r), "cannot send %s", fetch_shown(r));
}
