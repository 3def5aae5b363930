/* SPDX-License-Identifier: MIT
 * Any bytes as the header lines of a registry's answer: no crash, what is kept is bounded and fit
 * to be used, and no host gets a password for its look alone.
 */
#include "image/challenge.h"
#include "image/fetch_head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_head(const struct fetch_head *h)
{
	if (memchr(h->challenge, '\0', sizeof(h->challenge)) == NULL || strchr(h->challenge, '\n'))
		abort();
	if (h->first < -1 || h->have < -1 || h->chunk_min < 0 || h->retry_after > 3600)
		abort();
	if (h->digest[0] && !digest_ok(h->digest))
		abort();
}

static void
check_challenge(const struct challenge *c)
{
	char host[256];
	if (c->basic && c->bearer)
		abort();
	if (!c->bearer && (c->realm[0] || c->service[0] || c->scope[0]))
		abort();
	if (!url_host(c->realm, host, sizeof(host)))
		return;
	if (!host[0] || strpbrk(host, "/?#@\\"))
		abort();
	/* A registry at an address vouches for nobody but itself. */
	if (host_may_authorize("127.0.0.1:5000", host, NULL) && strcmp(host, "127.0.0.1:5000") != 0)
		abort();
	(void)host_is_loopback(host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fetch_head h = {0};
	struct challenge c;
	const char *s = (const char *)data, *end = s + size;
	fetch_head_reset(&h);
	while (s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		const char *next = newline ? newline + 1 : end;
		fetch_head_line(&h, s, (size_t)(next - s));
		check_head(&h);
		s = next;
	}
	challenge_parse(h.challenge, &c);
	check_challenge(&c);
	fetch_head_reset(&h);
	return 0;
}
