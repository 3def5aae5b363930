/* SPDX-License-Identifier: MIT
 * The one file that sees libcrypto.
 */
#include "image/sha256.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Fetched once a sum and kept: the implicit fetch of EVP_sha256() in every init costs more than
 * hashing a small blob (crypto(7), "Performance"). */
struct sha256 {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

static void
begin(struct sha256 *h)
{
	if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1)
		abort();
}

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = malloc(sizeof(*h));
	if (!h)
		abort();
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	if (!h->md || !h->ctx)
		abort();
	begin(h);
	return h;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	if (EVP_DigestUpdate(h->ctx, p, n) != 1)
		abort();
}

void
sha256_take(struct sha256 *h, char digest[DIGEST_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n;
	if (EVP_DigestFinal_ex(h->ctx, sum, &n) != 1 || n * 2 != DIGEST_HEX)
		abort();
	memcpy(digest, DIGEST_PREFIX, sizeof(DIGEST_PREFIX));
	char *to = digest + DIGEST_PREFIX_LEN;
	for (unsigned i = 0; i < n; i++) {
		*to++ = hex[sum[i] >> 4];
		*to++ = hex[sum[i] & 15];
	}
	*to = '\0';
	begin(h);
}

void
sha256_free(struct sha256 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

void
sha256_of(const void *p, size_t n, char digest[DIGEST_SIZE])
{
	struct sha256 *h = sha256_new();
	sha256_add(h, p, n);
	sha256_take(h, digest);
	sha256_free(h);
}
