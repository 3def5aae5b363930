/* SPDX-License-Identifier: MIT
 * The few header lines of an HTTP answer that matter to us (RFC 9110), taken from a stranger line
 * by line. Pure.
 */
#ifndef TACKLE_FETCH_HEAD_H
#define TACKLE_FETCH_HEAD_H

#include "image/digest.h"

#include <stddef.h>
#include <stdint.h>

struct fetch_head {
	char challenge[1024]; /* WWW-Authenticate; of several the one that says Bearer; "" */
	char *location; /* NULL; owned */
	char digest[DIGEST_SIZE]; /* Docker-Content-Digest; "" for none that is one */
	int64_t first; /* Content-Range: where the part begins; -1 */
	int64_t have; /* Range, of an upload: how many bytes arrived; -1 */
	int64_t chunk_min; /* OCI-Chunk-Min-Length; 0 */
	unsigned retry_after; /* seconds; 0 */
};

/* Empties it for an answer to come, or for good. */
void fetch_head_reset(struct fetch_head *h);
/* Takes one line of `len` bytes, with its CRLF. The status line of the answer behind a redirect
 * begins anew. */
void fetch_head_line(struct fetch_head *h, const char *line, size_t len);

#endif
