/* SPDX-License-Identifier: MIT
 * The one file that sees libcrypto, of which only the sum itself is linked, statically: loading the
 * whole library takes 1.5 ms, more than most of our tools run. These functions are the ones without
 * providers to fetch, which OpenSSL 3 keeps but would rather not see used.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "image/sha256.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct sha256 {
	SHA256_CTX ctx;
};

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = malloc(sizeof(*h));
	if (!h)
		abort();
	SHA256_Init(&h->ctx);
	return h;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	SHA256_Update(&h->ctx, p, n);
}

void
sha256_take(struct sha256 *h, char digest[DIGEST_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char sum[SHA256_DIGEST_LENGTH];
	SHA256_Final(sum, &h->ctx);
	memcpy(digest, DIGEST_PREFIX, sizeof(DIGEST_PREFIX));
	char *to = digest + DIGEST_PREFIX_LEN;
	for (size_t i = 0; i < sizeof(sum); i++) {
		*to++ = hex[sum[i] >> 4];
		*to++ = hex[sum[i] & 15];
	}
	*to = '\0';
	SHA256_Init(&h->ctx);
}

void
sha256_free(struct sha256 *h)
{
	free(h);
}

void
sha256_of(const void *p, size_t n, char digest[DIGEST_SIZE])
{
	struct sha256 h;
	SHA256_Init(&h.ctx);
	sha256_add(&h, p, n);
	sha256_take(&h, digest);
}
