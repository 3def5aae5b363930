/* SPDX-License-Identifier: MIT
 * A sum that a second thread works out is the sum, on both sides of where the thread begins.
 */
#include "image/sha256.h"
#include "image/sha256_beside.h"

#include "unit.h"

#include <stdint.h>
#include <stdlib.h>

/* "abc" (FIPS 180-4, examples). */
static const char abc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void
known(void)
{
	char got[DIGEST_SIZE];
	sha256_of("abc", 3, got);
	CHECK_STR(got, abc);
	struct sha256_beside *b = sha256_beside_new();
	sha256_beside_add(b, "a", 1);
	sha256_beside_add(b, "bc", 2);
	sha256_beside_take(b, got);
	CHECK_STR(got, abc);
}

static void
beside(void)
{
	static const size_t sizes[] = {0, 1, (512 << 10) - 1, 512 << 10, (512 << 10) + 1, 5000000};
	static const size_t pieces[] = {1000, 65536, 1 << 20, 5000000};
	char *data = malloc(5000000), want[DIGEST_SIZE], got[DIGEST_SIZE];
	uint32_t x = 1;
	for (size_t i = 0; data && i < 5000000; i++)
		data[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
	for (size_t i = 0; data && i < sizeof(sizes) / sizeof(*sizes); i++) {
		sha256_of(data, sizes[i], want);
		for (size_t k = 0; k < sizeof(pieces) / sizeof(*pieces); k++) {
			struct sha256_beside *b = sha256_beside_new();
			for (size_t at = 0; at < sizes[i]; at += pieces[k]) {
				size_t left = sizes[i] - at;
				sha256_beside_add(
					b, data + at, left < pieces[k] ? left : pieces[k]);
			}
			sha256_beside_take(b, got);
			CHECK(strcmp(got, want) == 0, "%zu bytes in pieces of %zu: %s", sizes[i],
				pieces[k], got);
		}
	}
	CHECK(data, "no memory");
	free(data);
}

int
main(void)
{
	RUN(known);
	RUN(beside);
	return unit_end();
}
